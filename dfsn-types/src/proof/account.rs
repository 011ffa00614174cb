//! What the state says of an account.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::account_key::AccountKey;
use crate::unit::{Amount, Nonce};

/// An account; one without a record has nothing and has sent nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRecord {
    /// Spendable money.
    pub balance: Amount,
    /// The next transaction's nonce.
    pub nonce: Nonce,
    /// The only key that may send more, once one has sent (rule TX-05).
    pub key: Option<AccountKey>,
}
