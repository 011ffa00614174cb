//! Other nodes of the network: who is there, what is asked of them, and what they are answered.
//!
//! AvalancheGo carries requests to connected nodes, says when one has no answer, and wants each request answered. Nothing that comes
//! is believed: a file is checked against its hash, a state against its worker's commitment.

mod answers;
mod messages;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use dfsn_compute::service::duties::{ServedState, StateWanted};
use dfsn_types::{Address, ChainIdentity, FileHash, NodeId, SecretKey};
use tokio::sync::oneshot;
use tonic::transport::Channel;

use super::proto::appsender::app_sender_client::AppSenderClient;
use super::proto::appsender::{SendAppErrorMsg, SendAppRequestMsg, SendAppResponseMsg};
use crate::neighbours::Neighbours;
use messages::{Answer, Question, StateQuestion};

pub(super) use answers::Answers;

/// An answer that takes longer is none. AvalancheGo gives up after 10 seconds at most.
const PATIENCE: Duration = Duration::from_secs(15);
/// Nodes that are asked for the same thing, one after the other.
const ASKED_MAX: usize = 16;
/// Questions that may be open.
const OPEN_MAX: usize = 256;
/// Nodes that are remembered as connected.
const CONNECTED_MAX: usize = 65_536;

/// The other nodes. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Peers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sender: AppSenderClient<Channel>,
    chain: ChainIdentity,
    /// Of this node's validators.
    duty_keys: BTreeMap<Address, SecretKey>,
    connected: Mutex<BTreeSet<NodeId>>,
    open: Mutex<BTreeMap<u32, oneshot::Sender<Bytes>>>,
    next: AtomicU32,
}

impl Peers {
    pub(super) fn new(
        sender: AppSenderClient<Channel>,
        chain: ChainIdentity,
        duty_keys: BTreeMap<Address, SecretKey>,
    ) -> Self {
        let (connected, open, next) = Default::default();
        Self(Arc::new(Inner { sender, chain, duty_keys, connected, open, next }))
    }

    pub(super) fn connected(&self, node: &[u8]) {
        let mut connected = lock(&self.0.connected);
        if let (Some(id), true) = (node_id(node), connected.len() < CONNECTED_MAX) {
            connected.insert(id);
        }
    }

    pub(super) fn disconnected(&self, node: &[u8]) {
        if let Some(id) = node_id(node) {
            lock(&self.0.connected).remove(&id);
        }
    }

    /// An answer to something that was asked; one that nobody waits for any more is dropped.
    pub(super) fn answered(&self, request_id: u32, answer: Bytes) {
        if let Some(waiting) = lock(&self.0.open).remove(&request_id) {
            let _ = waiting.send(answer);
        }
    }

    /// There will be no answer.
    pub(super) fn failed(&self, request_id: u32) {
        lock(&self.0.open).remove(&request_id);
    }

    async fn ask(&self, node: NodeId, question: &Question) -> Option<Answer> {
        let request_id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        {
            let mut open = lock(&self.0.open);
            if open.len() >= OPEN_MAX {
                return None;
            }
            open.insert(request_id, reply);
        }
        let node_ids = vec![node.as_bytes().to_vec()];
        let message = SendAppRequestMsg { node_ids, request_id, request: question.encode() };
        let answered = tokio::time::timeout(PATIENCE, async {
            self.0.sender.clone().send_app_request(message).await.ok()?;
            answer.await.ok()
        });
        let answered = answered.await;
        self.failed(request_id);
        Answer::decode(&answered.ok()??)
    }

    /// Whom to ask: first the one that should have it.
    fn order(&self, near: Option<NodeId>) -> Vec<NodeId> {
        let connected = lock(&self.0.connected);
        let first = near.filter(|id| connected.contains(id));
        let others = connected.iter().copied().filter(|id| Some(*id) != first);
        first.into_iter().chain(others).take(ASKED_MAX).collect()
    }

    async fn file_of(&self, node: NodeId, hash: FileHash, bytes_max: u32) -> Option<Bytes> {
        let mut file = Vec::new();
        loop {
            let from = u32::try_from(file.len()).ok()?;
            let Answer::File { bytes, part } = self.ask(node, &Question::File { hash, from }).await? else {
                return None;
            };
            if bytes > bytes_max || part.is_empty() {
                return None;
            }
            file.extend(part.into_inner());
            match file.len().cmp(&usize::try_from(bytes).ok()?) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => break,
                std::cmp::Ordering::Greater => return None,
            }
        }
        (FileHash::of(&file) == hash).then(|| file.into())
    }

    /// Sends an answer to another node, or that there is none: silence would cost it a timeout.
    pub(super) async fn answer(&self, node_id: Vec<u8>, request_id: u32, answer: Result<Vec<u8>, Refusal>) {
        let mut sender = self.0.sender.clone();
        // A node that cannot send it is on its way down.
        let _ = match answer {
            Ok(response) => {
                sender.send_app_response(SendAppResponseMsg { node_id, request_id, response }).await
            }
            Err(refusal) => {
                let (error_code, error_message) = (refusal as i32, refusal.text().to_owned());
                sender
                    .send_app_error(SendAppErrorMsg { node_id, request_id, error_code, error_message })
                    .await
            }
        };
    }
}

#[async_trait]
impl Neighbours for Peers {
    async fn file(&self, hash: FileHash, bytes_max: u32, near: Option<NodeId>) -> Option<Bytes> {
        for node in self.order(near) {
            if let Some(file) = self.file_of(node, hash, bytes_max).await {
                return Some(file);
            }
        }
        None
    }

    async fn state(&self, wanted: StateWanted, near: Option<NodeId>) -> Option<ServedState> {
        let duty_key = self.0.duty_keys.get(&wanted.asker)?;
        let question = Question::State(StateQuestion::new(wanted, &self.0.chain, duty_key));
        for node in self.order(near) {
            if let Some(Answer::State { bytes, opening }) = self.ask(node, &question).await {
                return Some(ServedState { bytes: bytes.into_inner().into(), opening });
            }
        }
        None
    }
}

/// Why another node gets no answer. AvalancheGo leaves positive numbers to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No question of this protocol.
    NoQuestion = 1,
    /// It is not here, or not for this asker.
    NotHere = 2,
    /// Too much is asked at a time.
    Busy = 3,
}

impl Refusal {
    const fn text(self) -> &'static str {
        match self {
            Self::NoQuestion => "no question of this network",
            Self::NotHere => "not here, or not for you",
            Self::Busy => "too many questions at a time, ask again",
        }
    }
}

fn node_id(bytes: &[u8]) -> Option<NodeId> {
    Some(NodeId::from_bytes(bytes.try_into().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
