//! How a client reaches a node.

mod answering;
#[cfg(feature = "http")]
pub(crate) mod http;
mod in_process;

#[cfg(feature = "http")]
pub use http::{Http, HttpBuilder, RetryPolicy};
pub use in_process::{BlockName, Call, InProcess, InProcessServer, LogPage, LogQuery, in_process};

use std::sync::Arc;

use async_trait::async_trait;
use dfsn_types::{
    AccountRecord, Address, Attempt, BlockHeight, Event, FileHash, GenerationParams, GenesisHash, JobId,
    JobRecord, ReceiptAnswer, SignedCheckpoint, SignedHeader, SignedTransaction, StateAnswer, TransactionId,
    TransactionKind, TransactionReceipt,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::view::{
    AccountInfo, BlockInfo, HistoryPage, HistoryQuery, JobInfo, JobPage, JobQuery, NetworkInfo, Preview,
    Quote, ReceiptInfo, SyncStatus, ValidatorInfo,
};

/// Why a node gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The node is gone.
    #[error("the node has stopped")]
    Closed,
    /// The node refuses, and says why: the message begins with the id of the rule (docs/spec).
    #[error("the node refuses: {0}")]
    Refused(String),
    /// A file is longer than it may be.
    #[error("file {file} has more than the {bytes_max} bytes committed")]
    FileTooLong {
        /// Which.
        file: FileHash,
        /// Bytes that it may have.
        bytes_max: u32,
    },
    /// The node was not reached, or the connection broke. What was sent may have arrived: a transaction sent again is the same
    /// transaction.
    #[error("the node is not to be reached: {0}")]
    Unreachable(String),
    /// The node has too much to do.
    #[error("the node is busy: {0}")]
    Busy(String),
    /// What came is no answer to what was asked: another program, or another version.
    #[error("the node's answer is not understood: {0}")]
    Misfit(String),
    /// The node does not keep what is asked for.
    #[error("this node does not answer that: {0}")]
    Unsupported(String),
    /// The node is of another network.
    #[error("the node is of the network with genesis {actual}, expected is {expected}")]
    OtherNetwork {
        /// Of the node.
        actual: GenesisHash,
        /// Asked for.
        expected: GenesisHash,
    },
    /// The node's address cannot be used.
    #[error("{url:?} is no address of a node: {reason}; for example http://127.0.0.1:9750")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl TransportError {
    /// Whether the same call may succeed later, at this node or at another. Nothing happens twice: a transaction's id is its key.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Busy(_))
    }
}

/// Something that a node tells without being asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notification {
    /// A block was accepted.
    Block {
        /// Its height.
        height: BlockHeight,
        /// Receipts of its transactions.
        receipts: Vec<TransactionReceipt>,
        /// What it caused.
        events: Vec<Event>,
    },
    /// A worker is on its way; told by its node, not by the chain.
    Progress {
        /// The job.
        job: JobId,
        /// The attempt.
        attempt: Attempt,
        /// The image, from 0.
        image: u8,
        /// Steps done.
        step: u16,
        /// Steps in all.
        steps: u16,
    },
    /// A rough small picture of what a worker is drawing; told by its node, not by the chain. It is fetched as any picture.
    Preview {
        /// The job.
        job: JobId,
        /// The attempt.
        attempt: Attempt,
        /// The image, from 0.
        image: u8,
        /// Steps done.
        step: u16,
        /// A PNG.
        file: FileHash,
    },
}

/// The most headers of one answer.
pub const HEADERS_PAGE: u16 = 256;
/// The most blocks of one answer.
pub const BLOCKS_PAGE: u16 = 32;

/// An answer, and the block after which it is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown<A> {
    /// The block.
    pub height: BlockHeight,
    /// The answer, to be checked against the block's header.
    pub answer: A,
}

/// Notifications of one subscriber; a slow one loses the oldest and is told so.
pub type Subscription = broadcast::Receiver<Arc<Notification>>;

/// A node, as a client sees it.
#[async_trait]
pub trait Transport: Send + Sync + core::fmt::Debug {
    /// The network.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn network(&self) -> Result<NetworkInfo, TransportError>;

    /// An account.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn account(&self, address: Address) -> Result<AccountInfo, TransportError>;

    /// A job, if there is one of this name.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn job(&self, id: JobId) -> Result<Option<JobInfo>, TransportError>;

    /// What a request would cost; nothing when nobody serves it.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn quote(&self, params: GenerationParams) -> Result<Option<Quote>, TransportError>;

    /// What a transaction would do.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn preview(&self, sender: Address, kind: TransactionKind) -> Result<Preview, TransportError>;

    /// Sends a transaction.
    ///
    /// # Errors
    /// [`TransportError::Refused`] with the rule it breaks.
    async fn submit(&self, transaction: SignedTransaction) -> Result<TransactionId, TransportError>;

    /// How far the node is.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn sync_status(&self) -> Result<SyncStatus, TransportError>;

    /// All validators.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn validators(&self) -> Result<Vec<ValidatorInfo>, TransportError>;

    /// Jobs, page by page.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn jobs(&self, query: JobQuery) -> Result<JobPage, TransportError>;

    /// Accepted blocks from a height on, in order, at most [`BLOCKS_PAGE`]; fewer where the chain ends.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn blocks(&self, from: BlockHeight) -> Result<Vec<BlockInfo>, TransportError>;

    /// The receipt of a transaction, once a block has it.
    ///
    /// # Errors
    /// [`TransportError::Unsupported`] of a node without an index, another [`TransportError`] when it gives no answer.
    async fn receipt(&self, id: TransactionId) -> Result<Option<ReceiptInfo>, TransportError>;

    /// What an account has sent, and transfers to it, newest first.
    ///
    /// # Errors
    /// [`TransportError::Unsupported`] of a node without an index, another [`TransportError`] when it gives no answer.
    async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, TransportError>;

    /// A stored file, if the node can get it. What comes is not to be trusted: of a longer file no more than `bytes_max` bytes are
    /// read.
    ///
    /// # Errors
    /// [`TransportError::FileTooLong`] for a longer file, another [`TransportError`] when the node gives no answer.
    async fn blob(&self, hash: FileHash, bytes_max: u32) -> Result<Option<Vec<u8>>, TransportError>;

    /// As [`Self::blob`], and tells `came` how many bytes there are, whenever some have come. Where files come as a whole, it is told
    /// once.
    ///
    /// # Errors
    /// As [`Self::blob`].
    async fn blob_watched(
        &self,
        hash: FileHash,
        bytes_max: u32,
        came: &mut (dyn FnMut(u32) + Send),
    ) -> Result<Option<Vec<u8>>, TransportError> {
        let file = self.blob(hash, bytes_max).await?;
        if let Some(file) = &file {
            came(u32::try_from(file.len()).unwrap_or(u32::MAX));
        }
        Ok(file)
    }

    /// Headers from a height on, in order, at most [`HEADERS_PAGE`]; fewer where the chain ends.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn headers(&self, from: BlockHeight) -> Result<Vec<SignedHeader>, TransportError>;

    /// The last checkpoint that the network's sealer signed, if the node has one.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, TransportError>;

    /// An account with its proof.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn prove_account(
        &self,
        address: Address,
    ) -> Result<Shown<StateAnswer<AccountRecord>>, TransportError>;

    /// A job with its proof.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer.
    async fn prove_job(&self, id: JobId) -> Result<Shown<StateAnswer<JobRecord>>, TransportError>;

    /// The receipt of a transaction in a block, with its proof.
    ///
    /// # Errors
    /// [`TransportError`] when the node gives no answer, or has no such block.
    async fn prove_receipt(
        &self,
        height: BlockHeight,
        id: TransactionId,
    ) -> Result<ReceiptAnswer, TransportError>;

    /// Follows the chain from now on. A node announces a block before it answers any call from the state after it. The
    /// subscription closes when the node is gone.
    fn subscribe(&self) -> Subscription;
}
