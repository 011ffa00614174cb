//! What the mempool refuses.

use dfsn_types::{Address, Amount, Nonce, TransactionId};
use thiserror::Error;

use crate::error::{DutyError, IncludeError};

/// Why something does not wait.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MempoolError {
    /// It waits already.
    #[error("MEM-01: transaction {0} is already waiting")]
    Known(TransactionId),
    /// The account has used this nonce.
    #[error("MEM-02: nonce {actual} of {sender} is used, the account's next is {expected}")]
    NonceUsed {
        /// The sender.
        sender: Address,
        /// Its nonce.
        actual: Nonce,
        /// The account's.
        expected: Nonce,
    },
    /// Another transaction waits for this nonce, and the new one pays less than a tenth more, or less tip.
    #[error(
        "MEM-03: to replace the waiting transaction with nonce {nonce}, offer a fee of at least {needed} a gas \
         and a tip of at least {tip}"
    )]
    Underpriced {
        /// The nonce.
        nonce: Nonce,
        /// The fee that would do.
        needed: Amount,
        /// The tip that would do.
        tip: Amount,
    },
    /// The sender has too many waiting.
    #[error("MEM-04: {sender} has {count} transactions waiting")]
    SenderFull {
        /// The sender.
        sender: Address,
        /// How many.
        count: usize,
    },
    /// No room.
    #[error("MEM-05: the mempool is full, try again later or offer a higher fee")]
    Full,
    /// No block could hold it, whatever the fees of the day.
    #[error("MEM-06: {0}")]
    Include(IncludeError),
    /// Too far ahead of the account's next transaction.
    #[error("MEM-07: nonce {actual} of {sender} is {limit} or more ahead of the account's next, {expected}")]
    NonceAhead {
        /// The sender.
        sender: Address,
        /// Its nonce.
        actual: Nonce,
        /// The account's.
        expected: Nonce,
        /// The first distance that is too far.
        limit: usize,
    },
    /// A duty for no open attempt, or not signed by its validator.
    #[error("MEM-08: {0}")]
    Duty(DutyError),
}
