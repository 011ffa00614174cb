//! Jobs by time, by requester and by how often they were shared. What the chain says is read from it again when the file is lost;
//! shares, and what is not to be listed, are this node's own.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::keccak256;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use dfsn_client::transport::Transport;
use dfsn_client::view::{BlockInfo, JobInfo};
use dfsn_consensus::store::{KvStore, RedbStore, StoreError, WriteBatch};
use dfsn_types::{Address, BlockHeight, Event, JobId};
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::error::NodeError;
use crate::node::NodeHandle;

/// Key of the height up to which blocks were read.
const UP_TO: &[u8] = b"h";
/// First bytes of keys: a job's entry, and the orders that jobs are shown in.
const ENTRY: u8 = b'j';
const NEWEST: u8 = b'n';
const SHARED: u8 = b's';
const REQUESTER: u8 = b'r';
/// Heights that are remembered of one job.
const HEIGHTS_MAX: usize = 128;
/// Jobs of one page, and keys looked at for them.
const PAGE_MAX: usize = 48;
const LOOKED_AT_MAX: usize = 1_024;
/// Who shared what is remembered for so many, so that one visitor counts once.
const SHARERS_MAX: usize = 65_536;

/// The gallery's file, and the node whose chain it follows.
#[derive(Debug)]
pub(super) struct Gallery {
    node: NodeHandle,
    store: Mutex<RedbStore>,
    sharers: Mutex<HashSet<(IpAddr, JobId)>>,
}

/// What is kept of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    requester: Address,
    height: u64,
    timestamp: u64,
    /// Blocks that tell of it, in order.
    heights: Vec<u64>,
    shares: u32,
    listed: bool,
}

/// One job of a page.
#[derive(Debug, Serialize)]
struct Shot {
    job: JobInfo,
    height: u64,
    timestamp: u64,
    shares: u32,
}

#[derive(Debug, Serialize)]
struct Page {
    jobs: Vec<Shot>,
    /// Where the next page begins.
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    order: Order,
    requester: Option<Address>,
    from: Option<String>,
    limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Newest,
    Shared,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unlist {
    signature: String,
}

type Failure = (StatusCode, String);

pub(super) fn routes(gallery: Arc<Gallery>) -> Router {
    Router::new()
        .route("/web/jobs", get(list))
        .route("/web/jobs/{job}", get(one))
        .route("/web/jobs/{job}/share", post(share))
        .route("/web/jobs/{job}/unlist", post(unlist))
        .with_state(gallery)
}

impl Gallery {
    pub(super) fn open(data_dir: &FilePath, node: NodeHandle) -> Result<Self, NodeError> {
        let store = Mutex::new(RedbStore::open(data_dir.join("gallery.redb"))?);
        Ok(Self { node, store, sharers: Mutex::default() })
    }

    /// Reads blocks as they come, until the node has ended.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut states = self.node.states();
        let mut next =
            self.lock().get(UP_TO).ok().flatten().and_then(|bytes| number(&bytes)).map_or(1, |up| up + 1);
        loop {
            match self.node.blocks(BlockHeight::new(next)).await {
                Ok(blocks) if !blocks.is_empty() => {
                    let gallery = Arc::clone(&self);
                    next += blocks.len() as u64;
                    let added = tokio::task::spawn_blocking(move || gallery.add(&blocks)).await;
                    if let Ok(Err(error)) = added {
                        tracing::error!(%error, "the gallery is not kept any more");
                        return;
                    }
                }
                Ok(_) | Err(_) => {
                    if states.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn add(&self, blocks: &[BlockInfo]) -> Result<(), StoreError> {
        let mut store = self.lock();
        for block in blocks.iter().filter(|block| !block.events.is_empty()) {
            let (height, timestamp) = (block.height().get(), block.header.header.timestamp.get());
            let mut batch = WriteBatch::default();
            let mut entries: Vec<(JobId, Entry)> = Vec::new();
            for event in &block.events {
                let Some(job) = event.job() else { continue };
                let at = entries.iter().position(|(id, _)| *id == job);
                let found = match (at, event) {
                    (Some(at), _) => at,
                    (None, Event::JobRequested { requester, .. }) => {
                        let (requester, heights) = (*requester, Vec::new());
                        let entry = Entry { requester, height, timestamp, heights, shares: 0, listed: true };
                        for key in orders(&job, &entry) {
                            batch.put(key, []);
                        }
                        entries.push((job, entry));
                        entries.len() - 1
                    }
                    (None, _) => match entry(&*store, &job)? {
                        Some(known) => {
                            entries.push((job, known));
                            entries.len() - 1
                        }
                        None => continue,
                    },
                };
                let heights = &mut entries[found].1.heights;
                if heights.last() != Some(&height) && heights.len() < HEIGHTS_MAX {
                    heights.push(height);
                }
            }
            for (job, entry) in &entries {
                batch.put(entry_key(job), encode(entry));
            }
            batch.put(UP_TO, height.to_be_bytes());
            store.write(batch)?;
        }
        Ok(())
    }

    fn page(&self, wanted: &Wanted) -> Result<Page, StoreError> {
        let prefix = match (wanted.requester, wanted.order) {
            (Some(requester), _) => [&[REQUESTER], requester.as_bytes().as_slice()].concat(),
            (None, Order::Newest) => vec![NEWEST],
            (None, Order::Shared) => vec![SHARED],
        };
        let start = wanted.from.as_deref().and_then(|text| hex::decode(text).ok()).unwrap_or_default();
        let start = if start.starts_with(&prefix) { start } else { prefix.clone() };
        let limit = wanted.limit.unwrap_or(24).clamp(1, PAGE_MAX);
        let (state, store) = (self.node.state(), self.lock());
        let mut page = Page { jobs: Vec::new(), next: None };
        for (looked_at, key) in store.iterate(&prefix, &start)?.enumerate() {
            let (key, _) = key?;
            if page.jobs.len() == limit || looked_at == LOOKED_AT_MAX {
                page.next = Some(hex::encode(key));
                break;
            }
            let Some(job) = key.last_chunk().map(|bytes| JobId::from_bytes(*bytes)) else { continue };
            let Some(entry) = entry(&*store, &job)? else { continue };
            // Records of old jobs leave the state, and their pictures this node.
            let Some(info) = state.jobs.get(&job).map(JobInfo::of) else { continue };
            let is_shown = entry.listed && info.commitment.is_some() && info.status.is_final();
            if wanted.requester.is_some() || is_shown {
                let Entry { height, timestamp, shares, .. } = entry;
                page.jobs.push(Shot { job: info, height, timestamp, shares });
            }
        }
        Ok(page)
    }

    fn count_share(&self, job: &JobId) -> Result<Option<u32>, StoreError> {
        let mut store = self.lock();
        let Some(mut known) = entry(&*store, job)? else { return Ok(None) };
        let mut batch = WriteBatch::default();
        batch.delete(shared_key(job, &known));
        known.shares = known.shares.saturating_add(1);
        batch.put(shared_key(job, &known), []);
        batch.put(entry_key(job), encode(&known));
        store.write(batch)?;
        Ok(Some(known.shares))
    }

    fn lock(&self) -> MutexGuard<'_, RedbStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `GET /web/jobs`: finished pictures by time or by shares, or all jobs of one requester.
async fn list(
    State(gallery): State<Arc<Gallery>>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page>, Failure> {
    blocking(move || gallery.page(&wanted)).await.map(Json)
}

/// `GET /web/jobs/{job}`: where the chain tells of it.
async fn one(State(gallery): State<Arc<Gallery>>, Path(job): Path<JobId>) -> Result<Json<Entry>, Failure> {
    blocking(move || entry(&*gallery.lock(), &job)).await?.map(Json).ok_or_else(unknown)
}

/// `POST /web/jobs/{job}/share`: somebody made a link to it.
async fn share(
    State(gallery): State<Arc<Gallery>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path(job): Path<JobId>,
) -> Result<Json<serde_json::Value>, Failure> {
    let is_new = {
        let mut sharers = gallery.sharers.lock().unwrap_or_else(PoisonError::into_inner);
        if sharers.len() >= SHARERS_MAX {
            sharers.clear();
        }
        sharers.insert((from.ip(), job))
    };
    let shares = blocking(move || match is_new {
        true => gallery.count_share(&job),
        false => Ok(entry(&*gallery.lock(), &job)?.map(|known| known.shares)),
    });
    shares.await?.map(|shares| Json(serde_json::json!({ "shares": shares }))).ok_or_else(unknown)
}

/// `POST /web/jobs/{job}/unlist`: its requester does not want it shown among others. The chain shows it all the same.
async fn unlist(
    State(gallery): State<Arc<Gallery>>,
    Path(job): Path<JobId>,
    Json(Unlist { signature }): Json<Unlist>,
) -> Result<Json<serde_json::Value>, Failure> {
    let refused = || (StatusCode::FORBIDDEN, "the requester has not signed that\n".to_owned());
    let text = format!("DAOFusion: do not list job {job}");
    let signer = signer_of(&text, &signature).ok_or_else(refused)?;
    let done = blocking(move || {
        let mut store = gallery.lock();
        let known = entry(&*store, &job)?.filter(|known| known.requester == signer);
        let Some(known) = known else { return Ok(false) };
        let mut batch = WriteBatch::default();
        batch.put(entry_key(&job), encode(&Entry { listed: false, ..known }));
        store.write(batch)?;
        Ok(true)
    });
    if done.await? { Ok(Json(serde_json::json!({ "listed": false }))) } else { Err(refused()) }
}

/// Whose wallet signed a text (EIP-191).
fn signer_of(text: &str, signature: &str) -> Option<Address> {
    let bytes: [u8; 65] = hex::decode(signature.strip_prefix("0x")?).ok()?.try_into().ok()?;
    let (parts, [v]) = (bytes.first_chunk::<64>()?, bytes.last_chunk::<1>()?);
    let id = RecoveryId::from_byte(v.checked_sub(27).unwrap_or(*v))?;
    let digest = keccak256(format!("\x19Ethereum Signed Message:\n{}{text}", text.len()));
    let signature = Signature::from_slice(parts).ok()?;
    let key = VerifyingKey::recover_from_prehash(digest.as_slice(), &signature, id).ok()?;
    let point = key.to_sec1_point(false);
    let hash = keccak256(point.as_bytes().get(1..)?);
    Some(Address::from_bytes(*hash.0.last_chunk::<20>()?))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Failure> {
    let away = |reason: String| {
        tracing::error!(reason, "the gallery cannot be read");
        (StatusCode::SERVICE_UNAVAILABLE, "the gallery cannot be read\n".to_owned())
    };
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| away(error.to_string()))?;
    done.map_err(|error| away(error.to_string()))
}

fn unknown() -> Failure {
    (StatusCode::NOT_FOUND, "this node knows no such job\n".to_owned())
}

fn entry<S: KvStore>(store: &S, job: &JobId) -> Result<Option<Entry>, StoreError> {
    Ok(store.get(&entry_key(job))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn encode(entry: &Entry) -> Vec<u8> {
    // Numbers, a name and a flag: nothing of it can fail.
    serde_json::to_vec(entry).unwrap_or_default()
}

fn entry_key(job: &JobId) -> Vec<u8> {
    [&[ENTRY], job.as_bytes().as_slice()].concat()
}

/// All but the entry itself.
fn orders(job: &JobId, entry: &Entry) -> [Vec<u8>; 3] {
    let late = late_first(entry.height);
    [
        [&[NEWEST], late.as_slice(), job.as_bytes()].concat(),
        [&[REQUESTER], entry.requester.as_bytes().as_slice(), &late, job.as_bytes()].concat(),
        shared_key(job, entry),
    ]
}

fn shared_key(job: &JobId, entry: &Entry) -> Vec<u8> {
    let many = (u32::MAX - entry.shares).to_be_bytes();
    [&[SHARED], many.as_slice(), &late_first(entry.height), job.as_bytes()].concat()
}

fn late_first(height: u64) -> [u8; 8] {
    (u64::MAX - height).to_be_bytes()
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wallets_signature_names_its_account() {
        // cast wallet sign, and viem's signMessage, with the first key of Anvil.
        let signature = concat!(
            "0xa461f509887bd19e312c0c58467ce8ff8e300d3c1a90b608a760c5b80318eaf1",
            "5fe57c96f9175d6cd4daad4663763baa7e78836e067d0163e9a2ccf2ff753f5b1b"
        );
        let signer = signer_of("hello world", signature).unwrap();
        assert_eq!(signer.to_eip55(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_ne!(signer_of("hello worlds", signature), Some(signer));
        assert_eq!(signer_of("hello world", "0x00"), None);
        assert_eq!(signer_of("hello world", &format!("0x{}", "00".repeat(65))), None);
    }
}
