//! Answers that show nothing.

use thiserror::Error;

use crate::hash::{ReceiptsRoot, StateRoot};
use crate::merkle::MerkleProofError;

/// An answer that its root does not bear out. Whether what it says is true remains open.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The roots of the parts are not those of the state.
    #[error("PRF-04: the parts lead to state root {actual}, the header says {expected}")]
    StateRoot {
        /// Root of what is shown.
        actual: StateRoot,
        /// Root in the header.
        expected: StateRoot,
    },
    /// The roots of the parts are not as many as there are parts.
    #[error("PRF-04: roots of {actual} parts, a state has {expected}")]
    Sections {
        /// Roots shown.
        actual: usize,
        /// Parts of a state.
        expected: usize,
    },
    /// The counts and roots are not those of the receipts.
    #[error("PRF-05: the parts lead to receipts root {actual}, the header says {expected}")]
    ReceiptsRoot {
        /// Root of what is shown.
        actual: ReceiptsRoot,
        /// Root in the header.
        expected: ReceiptsRoot,
    },
    /// A receipt for another transaction.
    #[error("PRF-05: the receipt is that of transaction {0}")]
    OtherTransaction(crate::hash::TransactionId),
    /// The entry.
    #[error(transparent)]
    Entry(#[from] MerkleProofError),
}
