//! What can go wrong between a client and its pictures.

use dfsn_types::{FileHash, JobId, PixelHash, RuleId, TransactionId};
use thiserror::Error;

use crate::transport::TransportError;

/// Why a client cannot do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The node gives no answer or refuses.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Nobody serves the model in this profile.
    #[error("no active worker serves this model in this profile")]
    NoWorker,
    /// A fee or a price that does not fit.
    #[error("the cost of this transaction overflows")]
    CostOverflow,
    /// The transaction was included and failed; its fee is spent.
    #[error("transaction {id} failed by rule {rule} (docs/spec)")]
    Failed {
        /// Which.
        id: TransactionId,
        /// Why.
        rule: RuleId,
    },
    /// The node knows no such job.
    #[error("the node knows no job {0}")]
    UnknownJob(JobId),
    /// The job has no result.
    #[error("job {0} has no committed result")]
    NoResult(JobId),
    /// The node has no such file yet.
    #[error("file {0} is not to be had from this node")]
    FileMissing(FileHash),
    /// The file is not the committed one.
    #[error("file {actual} came for {expected}")]
    FileMismatch {
        /// Hash of what came.
        actual: FileHash,
        /// Hash committed on chain.
        expected: FileHash,
    },
    /// The file is no picture.
    #[error("file {file} is no 8-bit RGB PNG of at most 2048 x 2048 pixels: {reason}")]
    NotAPicture {
        /// Which.
        file: FileHash,
        /// What the decoder met.
        reason: String,
    },
    /// The file's pixels are not the committed ones.
    #[error("pixels {actual} in file {file}, committed {expected}")]
    PixelMismatch {
        /// Which.
        file: FileHash,
        /// Hash of the pixels in the file.
        actual: PixelHash,
        /// Hash committed on chain.
        expected: PixelHash,
    },
}

impl ClientError {
    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::NoWorker | Self::FileMissing(_) | Self::UnknownJob(_))
    }
}
