//! Accounts.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{AccountKey, Nonce};

use super::Coins;

/// Money, transactions sent, and the key that alone may send more.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// Spendable money.
    pub balance: Coins,
    /// The next transaction's nonce.
    pub nonce: Nonce,
    /// Pinned by the first outgoing transaction (rule TX-05).
    pub key: Option<AccountKey>,
}
