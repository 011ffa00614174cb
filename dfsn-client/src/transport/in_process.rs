//! A node in the same process.

use std::sync::Arc;

use async_trait::async_trait;
use dfsn_types::{
    AccountRecord, Address, Block, BlockHash, BlockHeight, BlockReceipts, FileHash, GenerationParams, Hash,
    JobId, JobRecord, Nonce, ReceiptAnswer, SignedCheckpoint, SignedHeader, SignedTransaction, StateAnswer,
    TransactionId, TransactionKind, VerifiedTransaction,
};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{Notification, Shown, Subscription, Transport, TransportError};
use crate::view::{
    AccountInfo, BlockInfo, HistoryPage, HistoryQuery, JobInfo, JobPage, JobQuery, NetworkInfo, Preview,
    Quote, ReceiptInfo, SyncStatus, ValidatorInfo,
};

/// Calls that may wait for the node.
const CALLS_MAX: usize = 256;
/// Notifications that a slow subscriber may be behind.
const NOTIFICATIONS_MAX: usize = 4_096;

/// The client's end.
#[derive(Clone, Debug)]
pub struct InProcess {
    calls: mpsc::Sender<Call>,
    /// Weak, so that subscriptions close when the node is gone.
    notifications: broadcast::WeakSender<Arc<Notification>>,
}

/// The node's end: it answers [`Call`]s and publishes [`Notification`]s.
#[derive(Debug)]
pub struct InProcessServer {
    calls: mpsc::Receiver<Call>,
    notifications: broadcast::Sender<Arc<Notification>>,
}

/// What a client asks. The node answers through the sender inside; dropping it says that the node is gone.
#[derive(Debug)]
#[non_exhaustive]
pub enum Call {
    /// The network.
    Network(oneshot::Sender<NetworkInfo>),
    /// An account.
    Account(Address, oneshot::Sender<AccountInfo>),
    /// A job.
    Job(JobId, oneshot::Sender<Option<JobInfo>>),
    /// A price.
    Quote(GenerationParams, oneshot::Sender<Option<Quote>>),
    /// What a transaction would do.
    Preview(Address, TransactionKind, oneshot::Sender<Preview>),
    /// A transaction to include.
    Submit(SignedTransaction, oneshot::Sender<Result<TransactionId, TransportError>>),
    /// Headers from a height on.
    Headers(BlockHeight, oneshot::Sender<Vec<SignedHeader>>),
    /// The last checkpoint.
    Checkpoint(oneshot::Sender<Option<SignedCheckpoint>>),
    /// An account with its proof.
    ProveAccount(Address, oneshot::Sender<Shown<StateAnswer<AccountRecord>>>),
    /// A job with its proof.
    ProveJob(JobId, oneshot::Sender<Shown<StateAnswer<JobRecord>>>),
    /// A receipt with its proof; nothing where there is no such block.
    ProveReceipt(BlockHeight, TransactionId, oneshot::Sender<Option<ReceiptAnswer>>),
    /// How far the node is.
    SyncStatus(oneshot::Sender<SyncStatus>),
    /// All validators.
    Validators(oneshot::Sender<Vec<ValidatorInfo>>),
    /// A page of jobs.
    Jobs(JobQuery, oneshot::Sender<JobPage>),
    /// Blocks from a height on.
    Blocks(BlockHeight, oneshot::Sender<Vec<BlockInfo>>),
    /// A whole block and what it caused; nothing where there is none, and the genesis is none.
    WholeBlock(BlockName, oneshot::Sender<Option<(Block, BlockReceipts)>>),
    /// The nonce of an account's next transaction, after all of its own that wait.
    NextNonce(Address, oneshot::Sender<Nonce>),
    /// A transaction that waits for a block.
    Waiting(TransactionId, oneshot::Sender<Option<Box<VerifiedTransaction>>>),
    /// The receipt of a transaction. A chain alone does not know where it is: that takes an index.
    Receipt(TransactionId, oneshot::Sender<Result<Option<ReceiptInfo>, TransportError>>),
    /// What concerned an account; that takes an index, too.
    History(HistoryQuery, oneshot::Sender<Result<HistoryPage, TransportError>>),
    /// Blocks with logs of some topics; that takes an index, too.
    Logs(LogQuery, oneshot::Sender<Result<LogPage, TransportError>>),
    /// A stored file.
    Blob(FileHash, oneshot::Sender<Option<Vec<u8>>>),
}

/// How a block is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockName {
    /// By its place.
    Height(BlockHeight),
    /// By its hash.
    Hash(BlockHash),
}

/// Which logs are asked for, in the form that Ethereum's clients read ([`EthereumLog`](dfsn_types::EthereumLog)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// The first block.
    pub first: BlockHeight,
    /// The last block, which need not be there yet.
    pub last: BlockHeight,
    /// What a log has as its first topic, and so on: one of these, or anything where none is listed.
    pub topics: [Vec<Hash>; 4],
}

/// Blocks with logs that were asked for, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The blocks, and how many of their logs.
    pub blocks: Vec<(BlockHeight, u32)>,
    /// Where the next page begins; nothing after the last one.
    pub next: Option<BlockHeight>,
}

/// A pair of ends.
pub fn in_process() -> (InProcess, InProcessServer) {
    let (sender, calls) = mpsc::channel(CALLS_MAX);
    let (notifications, _) = broadcast::channel(NOTIFICATIONS_MAX);
    let client = InProcess { calls: sender, notifications: notifications.downgrade() };
    (client, InProcessServer { calls, notifications })
}

impl InProcessServer {
    /// The next call; nothing once all clients are gone.
    pub async fn next_call(&mut self) -> Option<Call> {
        self.calls.recv().await
    }

    /// A call that waits already.
    pub fn try_next_call(&mut self) -> Option<Call> {
        self.calls.try_recv().ok()
    }

    /// A publisher for other parts of the node; subscriptions close when the server and all publishers are gone.
    pub fn publisher(&self) -> broadcast::Sender<Arc<Notification>> {
        self.notifications.clone()
    }

    /// Tells all subscribers; there may be none.
    pub fn publish(&self, notification: Notification) {
        let _ = self.notifications.send(Arc::new(notification));
    }
}

impl InProcess {
    /// A whole block and what it caused.
    ///
    /// # Errors
    /// [`TransportError::Closed`] when the node is gone or cannot read it.
    pub async fn whole_block(
        &self,
        name: BlockName,
    ) -> Result<Option<(Block, BlockReceipts)>, TransportError> {
        self.call(|reply| Call::WholeBlock(name, reply)).await
    }

    /// The nonce of an account's next transaction, after all of its own that wait.
    ///
    /// # Errors
    /// [`TransportError::Closed`] when the node is gone.
    pub async fn next_nonce(&self, address: Address) -> Result<Nonce, TransportError> {
        self.call(|reply| Call::NextNonce(address, reply)).await
    }

    /// A transaction that waits for a block.
    ///
    /// # Errors
    /// [`TransportError::Closed`] when the node is gone.
    pub async fn waiting(
        &self,
        id: TransactionId,
    ) -> Result<Option<Box<VerifiedTransaction>>, TransportError> {
        self.call(|reply| Call::Waiting(id, reply)).await
    }

    /// Blocks with logs, page by page.
    ///
    /// # Errors
    /// [`TransportError::Closed`] when the node is gone, cannot read its index or has none.
    pub async fn logs(&self, query: LogQuery) -> Result<LogPage, TransportError> {
        self.call(|reply| Call::Logs(query, reply)).await?
    }

    async fn call<T>(
        &self,
        call: impl FnOnce(oneshot::Sender<T>) -> Call + Send,
    ) -> Result<T, TransportError> {
        let (reply, answer) = oneshot::channel();
        self.calls.send(call(reply)).await.map_err(|_| TransportError::Closed)?;
        answer.await.map_err(|_| TransportError::Closed)
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn network(&self) -> Result<NetworkInfo, TransportError> {
        self.call(Call::Network).await
    }

    async fn account(&self, address: Address) -> Result<AccountInfo, TransportError> {
        self.call(|reply| Call::Account(address, reply)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobInfo>, TransportError> {
        self.call(|reply| Call::Job(id, reply)).await
    }

    async fn quote(&self, params: GenerationParams) -> Result<Option<Quote>, TransportError> {
        self.call(|reply| Call::Quote(params, reply)).await
    }

    async fn preview(&self, sender: Address, kind: TransactionKind) -> Result<Preview, TransportError> {
        self.call(|reply| Call::Preview(sender, kind, reply)).await
    }

    async fn submit(&self, transaction: SignedTransaction) -> Result<TransactionId, TransportError> {
        self.call(|reply| Call::Submit(transaction, reply)).await?
    }

    async fn headers(&self, from: BlockHeight) -> Result<Vec<SignedHeader>, TransportError> {
        self.call(|reply| Call::Headers(from, reply)).await
    }

    async fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, TransportError> {
        self.call(Call::Checkpoint).await
    }

    async fn prove_account(
        &self,
        address: Address,
    ) -> Result<Shown<StateAnswer<AccountRecord>>, TransportError> {
        self.call(|reply| Call::ProveAccount(address, reply)).await
    }

    async fn prove_job(&self, id: JobId) -> Result<Shown<StateAnswer<JobRecord>>, TransportError> {
        self.call(|reply| Call::ProveJob(id, reply)).await
    }

    async fn prove_receipt(
        &self,
        height: BlockHeight,
        id: TransactionId,
    ) -> Result<ReceiptAnswer, TransportError> {
        let answer = self.call(|reply| Call::ProveReceipt(height, id, reply)).await?;
        answer.ok_or_else(|| TransportError::Refused(format!("there is no block {height}")))
    }

    async fn sync_status(&self) -> Result<SyncStatus, TransportError> {
        self.call(Call::SyncStatus).await
    }

    async fn validators(&self) -> Result<Vec<ValidatorInfo>, TransportError> {
        self.call(Call::Validators).await
    }

    async fn jobs(&self, query: JobQuery) -> Result<JobPage, TransportError> {
        self.call(|reply| Call::Jobs(query, reply)).await
    }

    async fn blocks(&self, from: BlockHeight) -> Result<Vec<BlockInfo>, TransportError> {
        self.call(|reply| Call::Blocks(from, reply)).await
    }

    async fn receipt(&self, id: TransactionId) -> Result<Option<ReceiptInfo>, TransportError> {
        self.call(|reply| Call::Receipt(id, reply)).await?
    }

    async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, TransportError> {
        self.call(|reply| Call::History(query, reply)).await?
    }

    async fn blob(&self, hash: FileHash, bytes_max: u32) -> Result<Option<Vec<u8>>, TransportError> {
        let file = self.call(|reply| Call::Blob(hash, reply)).await?;
        let is_too_long = |file: &Vec<u8>| u32::try_from(file.len()).map_or(true, |bytes| bytes > bytes_max);
        if file.as_ref().is_some_and(is_too_long) {
            return Err(TransportError::FileTooLong { file: hash, bytes_max });
        }
        Ok(file)
    }

    fn subscribe(&self) -> Subscription {
        match self.notifications.upgrade() {
            Some(notifications) => notifications.subscribe(),
            // A channel without a sender is closed.
            None => broadcast::channel(1).1,
        }
    }
}
