//! Transactions that no block may hold.

use dfsn_types::{AccountKey, Address, Amount, Gas, Nonce};
use thiserror::Error;

use super::Rule;

/// Why a transaction cannot be included now. Nothing happens to its sender.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IncludeError {
    /// Not the account's next one.
    #[error("TX-02: nonce {actual} of {sender}, the account's next is {expected}")]
    Nonce {
        /// Who sent it.
        sender: Address,
        /// Its nonce.
        actual: Nonce,
        /// The account's.
        expected: Nonce,
    },
    /// The account belongs to another key, perhaps one of the other scheme.
    #[error("TX-05: {sender} is pinned to another key than {key}")]
    KeyPinned {
        /// The account.
        sender: Address,
        /// The key that signed.
        key: AccountKey,
    },
    /// Pays less than the block's base fee.
    #[error("TX-03: fee of at most {max_fee} a gas is under the base fee of {base_fee}")]
    FeeTooLow {
        /// What it offers.
        max_fee: Amount,
        /// What the block charges.
        base_fee: Amount,
    },
    /// Offers more tip than fee.
    #[error("TX-03: tip of {tip} a gas is over the fee of {max_fee}")]
    TipOverFee {
        /// Its tip.
        tip: Amount,
        /// Its fee.
        max_fee: Amount,
    },
    /// Allows less gas than it needs.
    #[error("TX-04: needs {needed} gas, its limit is {limit}")]
    GasLimit {
        /// What it needs.
        needed: Gas,
        /// What it allows.
        limit: Gas,
    },
    /// Cannot pay its fee.
    #[error("TX-04: fee of {fee} is over the balance of {balance}")]
    Balance {
        /// What it costs at most.
        fee: Amount,
        /// What the sender has.
        balance: Amount,
    },
    /// The block's user lane is full.
    #[error("BLK-09: {used} of {limit} {what} of the user lane are used")]
    LaneFull {
        /// `gas` or `bytes`.
        what: &'static str,
        /// With this transaction.
        used: u64,
        /// Allowed.
        limit: u64,
    },
}

impl IncludeError {
    /// Whether the same transaction may be includable in a later block.
    pub fn may_pass_later(&self) -> bool {
        match self {
            Self::Nonce { actual, expected, .. } => actual > expected,
            Self::FeeTooLow { .. } | Self::Balance { .. } | Self::LaneFull { .. } => true,
            Self::KeyPinned { .. } | Self::TipOverFee { .. } | Self::GasLimit { .. } => false,
        }
    }
}

impl Rule for IncludeError {}
