//! Penalties that are held before they are paid out.

use borsh::BorshSerialize;
use dfsn_types::{Address, Amount, Fault, JobId, Timestamp};

use super::Coins;

/// A penalty on its way to those whom it is due, or back (rules HLD-01 to HLD-03).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Hold {
    /// Whose penalty.
    pub validator: Address,
    /// What for.
    pub fault: Fault,
    /// In which job.
    pub job: JobId,
    /// When it was imposed.
    pub since: Timestamp,
    /// The money.
    pub coins: Coins,
    /// Who is paid how much, in order, as far as the money goes; the rest is burned.
    pub payees: Vec<(Payee, Amount)>,
}

dfsn_types::values_shown_whole!(Hold);

/// Who is paid out of a penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize)]
pub enum Payee {
    /// An account.
    Account(Address),
    /// A validator, at its payout account.
    Validator(Address),
}
