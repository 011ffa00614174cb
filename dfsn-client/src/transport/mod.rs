//! How a client reaches a node.

mod answering;
mod in_process;

pub use in_process::{Call, InProcess, InProcessServer, in_process};

use std::sync::Arc;

use async_trait::async_trait;
use dfsn_types::{
    AccountRecord, Address, Attempt, BlockHeight, Event, FileHash, GenerationParams, JobId, JobRecord,
    ReceiptAnswer, SignedCheckpoint, SignedHeader, SignedTransaction, StateAnswer, TransactionId,
    TransactionKind, TransactionReceipt,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::view::{AccountInfo, JobInfo, NetworkInfo, Preview, Quote};

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
}

/// Something that a node tells without being asked.
#[derive(Clone, Debug)]
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
}

/// The most headers of one answer.
pub const HEADERS_PAGE: u16 = 256;

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

    /// A stored file, if the node can get it. What comes is not to be trusted: of a longer file no more than `bytes_max` bytes are
    /// read.
    ///
    /// # Errors
    /// [`TransportError::FileTooLong`] for a longer file, another [`TransportError`] when the node gives no answer.
    async fn blob(&self, hash: FileHash, bytes_max: u32) -> Result<Option<Vec<u8>>, TransportError>;

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
