//! Headers and checkpoints that do not fit.

use thiserror::Error;

use crate::hash::BlockHash;
use crate::key::SignatureError;
use crate::proof::ProofError;
use crate::unit::{BlockHeight, Timestamp};

/// Why a [`HeaderChain`](super::HeaderChain) takes something not; it is unchanged then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderChainError {
    /// A header on another block.
    #[error("CHK-02: header {height} is on parent {actual}, the chain ends in {expected}")]
    Parent {
        /// Height that the header claims.
        height: BlockHeight,
        /// Parent that it names.
        actual: BlockHash,
        /// Last block here.
        expected: BlockHash,
    },
    /// A height that does not follow.
    #[error("CHK-02: header of height {actual}, the next one is {expected}")]
    Height {
        /// Height that it claims.
        actual: BlockHeight,
        /// Height that follows.
        expected: BlockHeight,
    },
    /// A time before that of the parent.
    #[error("CHK-02: timestamp {actual} is before the parent's {parent}")]
    Timestamp {
        /// The header's.
        actual: Timestamp,
        /// The parent's.
        parent: Timestamp,
    },
    /// A signature that does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A checkpoint of a block that is not here yet, or not any more.
    #[error("CHK-03: block {height} is not among the headers {from} to {to}")]
    NotHere {
        /// Height asked for.
        height: BlockHeight,
        /// The first header kept.
        from: BlockHeight,
        /// The last one.
        to: BlockHeight,
    },
    /// The sealer stands by another block: the headers above the last checkpoint are not the network's.
    #[error("CHK-03: the checkpoint of height {height} is {checkpoint}, the header here is {header}")]
    OtherBlock {
        /// The height.
        height: BlockHeight,
        /// The block that is final.
        checkpoint: BlockHash,
        /// The block that is here.
        header: BlockHash,
    },
    /// Two checkpoints that cannot both be: the sealer has signed both.
    #[error("CHK-03: the sealer signed checkpoint {signed} and, of the same height {height}, {other}")]
    Contradiction {
        /// The height.
        height: BlockHeight,
        /// Final here.
        signed: BlockHash,
        /// What a second checkpoint says.
        other: BlockHash,
    },
    /// Headers that are final are not taken back.
    #[error("CHK-04: block {height} is final, only blocks above {last_final} can be taken back")]
    Final {
        /// Height to go back to.
        height: BlockHeight,
        /// The last final one.
        last_final: BlockHeight,
    },
    /// An answer that its header does not bear out.
    #[error(transparent)]
    Proof(#[from] ProofError),
}
