//! Blocks that break a rule.

use dfsn_types::{
    Address, Amount, BlockError, BlockHash, BlockHeight, DutyId, Gas, ReceiptsRoot, StateRoot, Timestamp,
    TransactionError, TransactionId, VrfError,
};
use thiserror::Error;

use super::{DutyError, IncludeError, Rule};

/// Why a block is invalid on its parent, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlockRuleError {
    /// The form is wrong.
    #[error("BLK-01: {0}")]
    Form(#[from] BlockError),
    /// Built on another block.
    #[error("BLK-02: parent {actual}, expected {expected}")]
    Parent {
        /// Named.
        actual: BlockHash,
        /// The block it is verified on.
        expected: BlockHash,
    },
    /// Not one above its parent.
    #[error("BLK-02: height {actual}, expected {expected}")]
    Height {
        /// Claimed.
        actual: BlockHeight,
        /// The parent's and one.
        expected: BlockHeight,
    },
    /// Older than its parent.
    #[error("TIM-01: timestamp {actual} is before the parent's {parent}")]
    Timestamp {
        /// Claimed.
        actual: Timestamp,
        /// The parent's.
        parent: Timestamp,
    },
    /// Another base fee than the parent determines.
    #[error("BLK-03: base fee {actual}, expected {expected}")]
    BaseFee {
        /// Claimed.
        actual: Amount,
        /// Determined.
        expected: Amount,
    },
    /// The beacon proof is by somebody without a VRF key that is old enough.
    #[error("BEA-01: {0} has no vrf key that is old enough")]
    BeaconKey(Address),
    /// The beacon proof does not hold.
    #[error("BEA-02: {0}")]
    BeaconProof(VrfError),
    /// A duty is not valid here.
    #[error("BLK-05: duty {id}: {error}")]
    Duty {
        /// Which.
        id: DutyId,
        /// Why.
        error: DutyError,
    },
    /// A transaction is not of this network.
    #[error("TX-01: transaction {id}: {error}")]
    Transaction {
        /// Which.
        id: TransactionId,
        /// Why.
        error: TransactionError,
    },
    /// A transaction is not includable here.
    #[error("BLK-06: transaction {id}: {error}")]
    Include {
        /// Which.
        id: TransactionId,
        /// Why.
        error: IncludeError,
    },
    /// Another amount of gas than was used.
    #[error("BLK-07: gas used {actual}, header says {expected}")]
    GasUsed {
        /// Used.
        actual: Gas,
        /// Claimed.
        expected: Gas,
    },
    /// Another outcome than execution gives.
    #[error("BLK-07: receipts root {actual}, header says {expected}")]
    ReceiptsRoot {
        /// Of the execution.
        actual: ReceiptsRoot,
        /// Claimed.
        expected: ReceiptsRoot,
    },
    /// Another state than execution gives.
    #[error("BLK-07: state root {actual}, header says {expected}")]
    StateRoot {
        /// Of the execution.
        actual: StateRoot,
        /// Claimed.
        expected: StateRoot,
    },
}

impl Rule for BlockRuleError {}
