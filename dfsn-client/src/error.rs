//! What can go wrong between a client and its pictures.

use std::time::Duration;

use dfsn_types::{
    Amount, EthereumCallError, FileHash, JobId, Nonce, PixelHash, RefundReason, RuleId, TransactionId,
};
use thiserror::Error;

use crate::picture::PictureFault;
use crate::transport::TransportError;

/// Why a client cannot do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The node refuses or is gone.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The node takes too long to answer.
    #[error("the node has not answered for {waited:?}")]
    NoAnswer {
        /// [`ClientConfig::call_timeout`](crate::ClientConfig::call_timeout).
        waited: Duration,
    },
    /// Nobody can take the request.
    #[error("no active worker serves this model in this profile and size")]
    NoWorker,
    /// A fee that does not fit.
    #[error("the fee of this transaction overflows")]
    FeeOverflow,
    /// An Ethereum transaction says how much it moves, and this one would move nothing. It was not sent.
    #[error("the transaction would fail by rule {rule} (docs/spec), it was not sent")]
    WouldFail {
        /// Why.
        rule: RuleId,
    },
    /// The transaction has no Ethereum form: it takes a native key.
    #[error(transparent)]
    NoEthereumForm(#[from] EthereumCallError),
    /// The transaction was included and failed; its fee is spent.
    #[error("transaction {id} failed by rule {rule} (docs/spec)")]
    Failed {
        /// Which.
        id: TransactionId,
        /// Why.
        rule: RuleId,
    },
    /// No block has the transaction yet: the base fee may have risen over its offer. It may still wait at the node; the client's
    /// next transaction has its nonce and a higher fee, so at most one of the two happens.
    #[error(
        "no block has held transaction {id} (nonce {nonce}) for {waited:?}, send it again at today's fee"
    )]
    NotIncluded {
        /// Which.
        id: TransactionId,
        /// Its nonce.
        nonce: Nonce,
        /// [`ClientConfig::inclusion_timeout`](crate::ClientConfig::inclusion_timeout).
        waited: Duration,
    },
    /// Another transaction of the same key, not of this client, took the nonce: this one will never happen.
    #[error("transaction {id} was replaced: another one has nonce {nonce}")]
    Replaced {
        /// Which.
        id: TransactionId,
        /// Its nonce.
        nonce: Nonce,
    },
    /// A block has this transaction or a replacement, but the client fell behind the node and missed the receipt.
    #[error("nonce {nonce} of transaction {id} is used, its receipt was missed: look at its effects")]
    OutcomeUnknown {
        /// Which.
        id: TransactionId,
        /// Its nonce.
        nonce: Nonce,
    },
    /// Nothing was sent: the client had given up on its last transaction, and that one, or a replacement, has been included since.
    #[error(
        "nothing was sent: nonce {nonce} of transaction {earlier}, given up before, has been used since; look at its effects first"
    )]
    EarlierSettled {
        /// The one given up.
        earlier: TransactionId,
        /// Its nonce.
        nonce: Nonce,
    },
    /// The node knows no such job.
    #[error("the node knows no job {0}")]
    UnknownJob(JobId),
    /// The job has no result.
    #[error("job {0} has no committed result")]
    NoResult(JobId),
    /// There is no picture, and the price came back.
    #[error("job {job} ended without a picture: {why}; {}", came_back(*price, *back), why = why(*reason))]
    Refunded {
        /// The job.
        job: JobId,
        /// Why.
        reason: RefundReason,
        /// What was paid for it.
        price: Amount,
        /// What came back of it; unknown where the end was not seen.
        back: Option<Amount>,
    },
    /// The picture fails at a number, on every machine: there is none to fetch, and the price comes back.
    #[error(
        "job {job}: image {image} failed at boundary {boundary} of {steps} steps, where a number is not finite; \
         the price comes back, try another seed, a lower guidance scale or another model"
    )]
    PictureFailed {
        /// The job.
        job: JobId,
        /// The first image that failed.
        image: u8,
        /// Its first boundary without a state: `t` for step `t`, one more than the steps for the decoder.
        boundary: u16,
        /// Steps of the picture.
        steps: u16,
    },
    /// The node has no such file yet.
    #[error("file {0} is not to be had from this node, try again later")]
    FileMissing(FileHash),
    /// The file is longer or shorter than committed, or longer than any picture.
    #[error("file {file} has {actual} bytes, committed {committed}, allowed {allowed}")]
    FileLength {
        /// Which.
        file: FileHash,
        /// Bytes that came, or that were committed when nothing was fetched.
        actual: u64,
        /// Bytes committed on chain.
        committed: u32,
        /// The most bytes of any picture's file.
        allowed: u32,
    },
    /// The file is not the committed one.
    #[error("file {actual} came for {expected}")]
    FileMismatch {
        /// Hash of what came.
        actual: FileHash,
        /// Hash committed on chain.
        expected: FileHash,
    },
    /// The file is no picture of the network's form.
    #[error("file {file} is no picture: {fault}")]
    NotAPicture {
        /// Which.
        file: FileHash,
        /// What is wrong with it.
        fault: PictureFault,
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
    /// The picture has another size than was asked for.
    #[error(
        "file {file} shows {height}x{width} pixels, job {job} asks for {expected_height}x{expected_width}"
    )]
    WrongSize {
        /// The job.
        job: JobId,
        /// Which.
        file: FileHash,
        /// Pixels from top to bottom.
        height: u32,
        /// Pixels from left to right.
        width: u32,
        /// Height asked for.
        expected_height: u32,
        /// Width asked for.
        expected_width: u32,
    },
}

impl ClientError {
    /// What a job without pictures has cost: the price less what came back of it, where that is known.
    pub fn cost(&self) -> Option<Amount> {
        match self {
            Self::Refunded { price, back, .. } => price.checked_sub((*back)?),
            _ => None,
        }
    }

    /// Whether the same call may simply be made again: it may succeed later, and nothing is paid twice.
    pub const fn is_retryable(&self) -> bool {
        if let Self::Transport(error) = self {
            return error.is_retryable();
        }
        matches!(
            self,
            Self::NoAnswer { .. }
                | Self::NoWorker
                | Self::NotIncluded { .. }
                | Self::Replaced { .. }
                | Self::UnknownJob(_)
                | Self::NoResult(_)
                | Self::FileMissing(_)
        )
    }
}

fn came_back(price: Amount, back: Option<Amount>) -> String {
    back.map_or_else(
        || format!("its price of {price} came back, less fees"),
        |back| format!("{back} of its price of {price} came back"),
    )
}

const fn why(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::Expired => "no worker accepted it in time",
        RefundReason::PushedOut => "a request that pays more took its place in the full queue",
        RefundReason::AttemptsFailed => "its last attempt failed",
        RefundReason::Undelivered => "the pictures did not arrive",
        RefundReason::Untested => "its hardware test found too few auditors",
        RefundReason::Cancelled => "it was taken back",
        RefundReason::Overturned => "another audit found the result wrong",
        RefundReason::Failed => "a number of its computation is not finite",
        _ => "for a reason that this client does not know",
    }
}
