//! A node's side: asks a worker, and believes only what the worker signed and what hashes confirm.

mod accept;
mod http;
mod link;
mod local;
mod pass_on;
mod websocket;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dfsn_types::{
    Boundary, FileHash, GenerationParams, LeafOpening, PublicKey, SecretKey, Signature, StateDigest,
    TraceLeaf, TraceRoot, TraceShape, TraceTree,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::time::Instant;

use super::auth::{Call, CallHeader, now_ms, reply_digest};
use super::refusal::Refusal;
use super::wire::{
    AuditCall, AuditReply, DisputeCall, DisputeReply, EventPage, JobKey, JobOffer, JobStatus,
    MAX_REPLY_JSON_BYTES, MAX_WAIT_MS, PossessionCall, RefusalBody, TraceLeaves, WorkerInfo, matches_shape,
    read_json,
};
use crate::trace::TraceContext;

pub use self::accept::DialledWorker;
pub use self::http::HttpLink;
pub use self::local::LocalLink;
pub use self::pass_on::no_worker;
pub use self::websocket::WebSocketLink;
pub use link::{Exchange, Link, LinkError, LinkReply, LinkRequest};

/// Blobs that are handed over for one request; a busy worker may have forgotten the first when the second is there.
const HAND_OVERS: u32 = 8;

/// Why a worker's answer is not there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The worker refused.
    #[error("the worker refused: {0}")]
    Refused(#[from] Refusal),
    /// The worker was not reached, or the connection broke. The request may have been taken; all requests can be repeated.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The reply is not signed by the worker.
    #[error("the reply is not signed by worker {0}; something else answers at its place")]
    Unsigned(PublicKey),
    /// Signed, but not what was asked for.
    #[error("the worker's reply does not fit: {0}")]
    Misfit(String),
    /// The system's randomness.
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
}

/// A worker, as its node sees it. Clones share the connection.
#[derive(Clone, Debug)]
pub struct RemoteWorker {
    key: Arc<SecretKey>,
    worker: PublicKey,
    link: Arc<dyn Link>,
    /// The worker's clock less ours, as far as it told.
    ahead_ms: Arc<AtomicI64>,
}

impl RemoteWorker {
    /// A worker behind a link, named by its compute key; `key` is the one that the worker is configured to serve.
    pub fn new(key: Arc<SecretKey>, worker: PublicKey, link: Arc<dyn Link>) -> Self {
        Self { key, worker, link, ahead_ms: Arc::default() }
    }

    /// The worker's compute key.
    pub const fn worker(&self) -> PublicKey {
        self.worker
    }

    /// What the worker is and does.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn info(&self) -> Result<WorkerInfo, NodeError> {
        self.json("GET", "/v1/info", Bytes::new()).await
    }

    /// Hands a job over. Repeating is harmless: the worker tells where the job stands.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn submit(&self, offer: &JobOffer) -> Result<JobStatus, NodeError> {
        self.json("POST", "/v1/jobs", to_json(offer)?).await
    }

    /// As [`Self::submit`], for a job that starts from the picture in `init`, a PNG file. It is handed over when the worker
    /// does not have it.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn submit_from(&self, offer: &JobOffer, init: &Bytes) -> Result<JobStatus, NodeError> {
        self.post_with("/v1/jobs", to_json(offer)?, std::slice::from_ref(init)).await
    }

    /// Where a job stands.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn status(&self, key: JobKey) -> Result<JobStatus, NodeError> {
        self.json("GET", &job_path(key, ""), Bytes::new()).await
    }

    /// Every job that is open or has a result.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn jobs(&self) -> Result<Vec<JobKey>, NodeError> {
        self.json("GET", "/v1/jobs", Bytes::new()).await
    }

    /// Stops a job that has no result yet.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn cancel(&self, key: JobKey) -> Result<(), NodeError> {
        self.json("POST", &job_path(key, "/cancel"), Bytes::new()).await
    }

    /// Tells that a result's audits are over, so that the worker may delete it.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn release(&self, key: JobKey) -> Result<(), NodeError> {
        self.json("DELETE", &job_path(key, ""), Bytes::new()).await
    }

    /// Events after `after` of the worker's run `boot`, waiting for one up to `wait_ms`.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn events(&self, boot: Option<u64>, after: u64, wait_ms: u64) -> Result<EventPage, NodeError> {
        let boot = boot.map(|boot| format!("boot={boot}&")).unwrap_or_default();
        let path = format!("/v1/events?{boot}after={after}&wait_ms={}", wait_ms.min(MAX_WAIT_MS));
        self.json("GET", &path, Bytes::new()).await
    }

    /// The tree of a result, checked against the root that is committed to. With it a node opens what the chain asks for
    /// without asking its worker again.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn trace(
        &self,
        key: JobKey,
        params: &GenerationParams,
        root: &TraceRoot,
    ) -> Result<TraceTree, NodeError> {
        let leaves: TraceLeaves = self.json("GET", &job_path(key, "/trace"), Bytes::new()).await?;
        let shape = TraceShape::of(params);
        if !matches_shape(&leaves, shape) {
            return Err(NodeError::Misfit(format!("{} leaves of {}", leaves.leaves.len(), shape.leaves())));
        }
        let leaves = leaves.leaves.into_iter().map(TraceLeaf::from).collect();
        let tree = TraceTree::new(shape, leaves).map_err(|error| NodeError::Misfit(error.to_string()))?;
        if tree.root() != *root {
            return Err(NodeError::Misfit(format!("trace root {}, committed is {root}", tree.root())));
        }
        Ok(tree)
    }

    /// The opening of one leaf, checked against the committed root.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn opening(
        &self,
        key: JobKey,
        boundary: Boundary,
        params: &GenerationParams,
        root: &TraceRoot,
    ) -> Result<LeafOpening, NodeError> {
        let path = job_path(key, &format!("/openings/{}/{}", boundary.image, boundary.t));
        let opening: LeafOpening = self.json("GET", &path, Bytes::new()).await?;
        let checked = opening.verify(TraceShape::of(params), root);
        checked.map_err(|error| NodeError::Misfit(error.to_string()))?;
        if opening.boundary == boundary {
            Ok(opening)
        } else {
            Err(NodeError::Misfit("another leaf".to_owned()))
        }
    }

    /// The canonical bytes of one state, checked against its digest.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn state(
        &self,
        context: &TraceContext,
        boundary: Boundary,
        digest: &StateDigest,
    ) -> Result<Bytes, NodeError> {
        let key = JobKey { job: context.job, attempt: context.attempt };
        let path = job_path(key, &format!("/states/{}/{}", boundary.image, boundary.t));
        let state = self.call("GET", &path, Bytes::new()).await?;
        if context.at(boundary).digest(&state) == *digest {
            Ok(state)
        } else {
            Err(NodeError::Misfit("a state with another digest".to_owned()))
        }
    }

    /// A blob, checked against its hash: pictures and previews.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn blob(&self, hash: &FileHash) -> Result<Bytes, NodeError> {
        let blob = self.call("GET", &format!("/v1/blobs/{hash}"), Bytes::new()).await?;
        if FileHash::of(&blob) == *hash {
            Ok(blob)
        } else {
            Err(NodeError::Misfit("a blob with another hash".to_owned()))
        }
    }

    /// Hands a blob over; the worker keeps it for a while.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn put_blob(&self, bytes: Bytes) -> Result<FileHash, NodeError> {
        let hash = FileHash::of(&bytes);
        self.json::<()>("PUT", &format!("/v1/blobs/{hash}"), bytes).await?;
        Ok(hash)
    }

    /// Asks a question of an audit and waits for its answer, up to the call's deadline by the worker's clock. `blobs` are the
    /// state before and the picture that the job starts from, as far as the call names them; they are handed over when the
    /// worker does not have them.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn audit(&self, call: &AuditCall, blobs: &[Bytes]) -> Result<AuditReply, NodeError> {
        let end = Instant::now() + Duration::from_millis(call.deadline_ms);
        loop {
            let left_ms = millis_until(end);
            let call = AuditCall { deadline_ms: left_ms, wait_ms: left_ms.min(MAX_WAIT_MS), ..call.clone() };
            match self.post_with("/v1/audits", to_json(&call)?, blobs).await {
                Ok(AuditReply::Pending) if left_ms > 0 => {}
                reply => return reply,
            }
        }
    }

    /// Asks for a part in a dispute and waits for it as [`Self::audit`] does.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn dispute(&self, call: &DisputeCall, blobs: &[Bytes]) -> Result<DisputeReply, NodeError> {
        let end = Instant::now() + Duration::from_millis(call.deadline_ms);
        loop {
            let left_ms = millis_until(end);
            let call =
                DisputeCall { deadline_ms: left_ms, wait_ms: left_ms.min(MAX_WAIT_MS), ..call.clone() };
            match self.post_with("/v1/disputes", to_json(&call)?, blobs).await {
                Ok(DisputeReply::Pending) if left_ms > 0 => {}
                reply => return reply,
            }
        }
    }

    /// The worker's signature under a registration that names its key.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn possession(&self, call: &PossessionCall) -> Result<Signature, NodeError> {
        self.json("POST", "/v1/possession", to_json(call)?).await
    }

    /// Asks, and hands over what the worker lacks and `blobs` has.
    async fn post_with<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Bytes,
        blobs: &[Bytes],
    ) -> Result<T, NodeError> {
        let mut tries = 0;
        loop {
            let missing = match self.json("POST", path, body.clone()).await {
                Err(NodeError::Refused(Refusal::UnknownBlob { blob })) if tries < HAND_OVERS => blob,
                reply => return reply,
            };
            tries += 1;
            let Some(blob) = blobs.iter().find(|blob| FileHash::of(blob) == missing) else {
                return Err(Refusal::UnknownBlob { blob: missing }.into());
            };
            self.put_blob(blob.clone()).await?;
        }
    }

    async fn json<T: DeserializeOwned>(&self, method: &str, path: &str, body: Bytes) -> Result<T, NodeError> {
        let reply = self.call(method, path, body).await?;
        read_json(&reply, MAX_REPLY_JSON_BYTES).map_err(|error| NodeError::Misfit(error.to_string()))
    }

    /// Signs, sends, checks; once more when the worker's clock is another.
    async fn call(&self, method: &str, path: &str, body: Bytes) -> Result<Bytes, NodeError> {
        match self.call_once(method, path, body.clone()).await {
            Err(NodeError::Refused(Refusal::Stale { earliest_ms, latest_ms })) => {
                let middle = earliest_ms / 2 + latest_ms / 2;
                let ahead = i64::try_from(i128::from(middle) - i128::from(now_ms())).unwrap_or_default();
                self.ahead_ms.store(ahead, Ordering::Relaxed);
                self.call_once(method, path, body).await
            }
            reply => reply,
        }
    }

    async fn call_once(&self, method: &str, path: &str, body: Bytes) -> Result<Bytes, NodeError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(NodeError::Random)?;
        let timestamp_ms = now_ms().saturating_add_signed(self.ahead_ms.load(Ordering::Relaxed));
        let call = Call { method, path, body: FileHash::of(&body) };
        let header = CallHeader::sign(&self.key, &self.worker, call, timestamp_ms, nonce);
        let request = LinkRequest { method: method.to_owned(), path: path.to_owned(), header, body };
        let reply = self.link.exchange(request).await?;
        if !self.is_signed(&header.signature, &reply) {
            return Err(NodeError::Unsigned(self.worker));
        }
        if reply.status == 200 {
            return Ok(reply.body);
        }
        let refusal: RefusalBody = read_json(&reply.body, MAX_REPLY_JSON_BYTES)
            .map_err(|_| NodeError::Misfit(format!("status {} without a reason", reply.status)))?;
        Err(refusal.refusal.into())
    }

    fn is_signed(&self, call: &Signature, reply: &LinkReply) -> bool {
        let digest = reply_digest(call, reply.status, &reply.body);
        reply.signature.is_some_and(|signature| self.worker.verify(&digest, &signature).is_ok())
    }
}

fn millis_until(end: Instant) -> u64 {
    u64::try_from(end.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX)
}

fn to_json<T: Serialize>(value: &T) -> Result<Bytes, NodeError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| NodeError::Misfit(error.to_string()))
}

fn job_path(key: JobKey, rest: &str) -> String {
    format!("/v1/jobs/{}/{}{rest}", key.job, key.attempt)
}
