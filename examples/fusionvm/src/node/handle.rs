//! The node as everybody but its chain's thread sees it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use dfsn_client::transport::{InProcess, Notification, Shown, Subscription, Transport, TransportError};
use dfsn_client::view::{
    AccountInfo, BlockInfo, HistoryPage, HistoryQuery, JobInfo, JobPage, JobQuery, NetworkInfo, Preview,
    Quote, ReceiptInfo, SyncStatus, ValidatorInfo,
};
use dfsn_consensus::state::ChainState;
use dfsn_types::{
    AccountRecord, Address, BlockHeight, FileHash, GenerationParams, JobId, JobRecord, NodeId, ReceiptAnswer,
    Relay, SignedCheckpoint, SignedDuty, SignedHeader, SignedTransaction, StateAnswer, TransactionId,
    TransactionKind,
};
use tokio::sync::watch;

use super::{DutySender, Publisher, RecentStates};
use crate::blobs::BlobStore;
use crate::metrics::ChainMetrics;
use crate::neighbours::Neighbours;

/// A node. What the last state tells is answered from it at once, in the caller's task; the rest goes through the chain's thread.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    pub(crate) calls: InProcess,
    pub(crate) state: watch::Receiver<Arc<ChainState>>,
    pub(crate) duties: DutySender,
    pub(crate) publisher: Publisher,
    pub(crate) blobs: Arc<BlobStore>,
    pub(crate) metrics: Arc<ChainMetrics>,
    pub(crate) recent: Arc<RecentStates>,
    /// Whether blocks that others have accepted are still to come.
    pub(crate) syncing: watch::Receiver<bool>,
    /// Other nodes, where there are some.
    pub(crate) neighbours: Option<Arc<dyn Neighbours>>,
}

impl NodeHandle {
    /// The state after the last block.
    pub fn state(&self) -> Arc<ChainState> {
        Arc::clone(&self.state.borrow())
    }

    /// Changes with every block.
    pub fn states(&self) -> watch::Receiver<Arc<ChainState>> {
        self.state.clone()
    }

    /// Pictures.
    pub const fn blobs(&self) -> &Arc<BlobStore> {
        &self.blobs
    }

    /// A file of this node, or else of others, for its validators.
    pub(crate) async fn file(&self, hash: FileHash, bytes_max: u32, near: Option<NodeId>) -> Option<Bytes> {
        let blobs = Arc::clone(&self.blobs);
        let own = tokio::task::spawn_blocking(move || blobs.get(&hash)).await.ok()?;
        if let Some(file) = own {
            return u32::try_from(file.len()).is_ok_and(|bytes| bytes <= bytes_max).then(|| file.into());
        }
        self.neighbours.as_ref()?.file(hash, bytes_max, near).await
    }

    /// Fetches a picture that this node lacks from others, if an open job is committed to it: nobody can make a node search for
    /// what there is not. Says whether it is here now.
    pub(crate) async fn bring(&self, hash: FileHash) -> bool {
        let blobs = Arc::clone(&self.blobs);
        if blobs.contains(&hash) {
            return true;
        }
        let found = self.neighbours.is_some().then(|| committed(&self.state(), &hash)).flatten();
        let (Some(neighbours), Some((bytes, near))) = (&self.neighbours, found) else { return false };
        let Some(file) = neighbours.file(hash, bytes, near).await else { return false };
        let kept = tokio::task::spawn_blocking(move || blobs.put(&file)).await;
        match kept {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::error!(%error, "a picture cannot be kept");
                false
            }
            Err(_) => false,
        }
    }

    /// The node that a validator has registered.
    pub(crate) fn node_of(&self, validator: &Address) -> Option<NodeId> {
        node_of(&self.state(), validator)
    }

    /// Hands a duty to the chain's thread. One for a node that has ended is lost with it.
    pub(crate) async fn submit_duty(&self, duty: SignedDuty) {
        let _ = self.duties.send(duty).await;
    }

    /// Tells subscribers; there may be none.
    pub(crate) fn publish(&self, notification: Notification) {
        if let Some(publisher) = self.publisher.upgrade() {
            let _ = publisher.send(Arc::new(notification));
        }
    }

    pub(crate) const fn metrics(&self) -> &Arc<ChainMetrics> {
        &self.metrics
    }
}

#[async_trait]
impl Transport for NodeHandle {
    async fn network(&self) -> Result<NetworkInfo, TransportError> {
        Ok(NetworkInfo::of(&self.state()))
    }

    async fn account(&self, address: Address) -> Result<AccountInfo, TransportError> {
        Ok(AccountInfo::of(&self.state(), &address))
    }

    async fn job(&self, id: JobId) -> Result<Option<JobInfo>, TransportError> {
        Ok(self.state().jobs.get(&id).map(JobInfo::of))
    }

    async fn quote(&self, params: GenerationParams) -> Result<Option<Quote>, TransportError> {
        Ok(Quote::of(&self.state(), &params))
    }

    async fn preview(&self, sender: Address, kind: TransactionKind) -> Result<Preview, TransportError> {
        Ok(Preview::of(&self.state(), sender, &kind))
    }

    async fn submit(&self, transaction: SignedTransaction) -> Result<TransactionId, TransportError> {
        self.calls.submit(transaction).await
    }

    async fn headers(&self, from: BlockHeight) -> Result<Vec<SignedHeader>, TransportError> {
        self.calls.headers(from).await
    }

    async fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, TransportError> {
        self.calls.checkpoint().await
    }

    async fn prove_account(
        &self,
        address: Address,
    ) -> Result<Shown<StateAnswer<AccountRecord>>, TransportError> {
        let state = self.state();
        Ok(Shown { height: state.tip.height, answer: state.prove_account(&address) })
    }

    async fn prove_job(&self, id: JobId) -> Result<Shown<StateAnswer<JobRecord>>, TransportError> {
        let state = self.state();
        Ok(Shown { height: state.tip.height, answer: state.prove_job(&id) })
    }

    async fn prove_receipt(
        &self,
        height: BlockHeight,
        id: TransactionId,
    ) -> Result<ReceiptAnswer, TransportError> {
        self.calls.prove_receipt(height, id).await
    }

    async fn sync_status(&self) -> Result<SyncStatus, TransportError> {
        Ok(SyncStatus { syncing: *self.syncing.borrow(), ..SyncStatus::of(&self.state()) })
    }

    async fn validators(&self) -> Result<Vec<ValidatorInfo>, TransportError> {
        Ok(ValidatorInfo::all(&self.state()))
    }

    async fn jobs(&self, query: JobQuery) -> Result<JobPage, TransportError> {
        Ok(JobPage::of(&self.state(), &query))
    }

    async fn blocks(&self, from: BlockHeight) -> Result<Vec<BlockInfo>, TransportError> {
        self.calls.blocks(from).await
    }

    async fn receipt(&self, id: TransactionId) -> Result<Option<ReceiptInfo>, TransportError> {
        self.calls.receipt(id).await
    }

    async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, TransportError> {
        self.calls.history(query).await
    }

    async fn blob(&self, hash: FileHash, bytes_max: u32) -> Result<Option<Vec<u8>>, TransportError> {
        self.bring(hash).await;
        let blobs = Arc::clone(&self.blobs);
        let file = tokio::task::spawn_blocking(move || blobs.get(&hash)).await;
        let file = file.map_err(|_| TransportError::Closed)?;
        let is_too_long = |file: &Vec<u8>| u32::try_from(file.len()).map_or(true, |bytes| bytes > bytes_max);
        if file.as_ref().is_some_and(is_too_long) {
            return Err(TransportError::FileTooLong { file: hash, bytes_max });
        }
        Ok(file)
    }

    fn subscribe(&self) -> Subscription {
        self.calls.subscribe()
    }
}

/// How long a file of an open job is, and which node should have it.
fn committed(state: &ChainState, hash: &FileHash) -> Option<(u32, Option<NodeId>)> {
    let open = state.windows.iter().filter_map(|(_, id)| state.open_job(id));
    open.filter_map(|job| job.committed()).find_map(|committed| {
        let (_, image) = committed.commitment.pictures().find(|(_, image)| image.file == *hash)?;
        Some((image.file_bytes, node_of(state, &committed.worker)))
    })
}

fn node_of(state: &ChainState, validator: &Address) -> Option<NodeId> {
    match state.validators.get(validator)?.registration.as_ref()?.relay {
        Relay::Node(id) => Some(id),
        Relay::Ip(..) => None,
    }
}
