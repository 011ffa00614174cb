//! Deposits of registered models.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::Address;

use super::Coins;

/// Who registered a model, and what was paid in for it (rule MOD-01). Models of the genesis have none.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ModelDeposit {
    /// May remove the model, and gets the deposit back then.
    pub registrant: Address,
    /// The deposit.
    pub coins: Coins,
}

dfsn_types::values_shown_whole!(ModelDeposit);
