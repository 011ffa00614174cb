//! Penalties that are held before they are paid out.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{Address, Amount, Fault, JobId, Timestamp};

use super::Coins;
use super::bounded::{self, PARTIES_MAX};

/// A penalty on its way to those whom it is due, or back (rules HLD-01 to HLD-03).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
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
    #[borsh(deserialize_with = "bounded::vec::<_, _, PARTIES_MAX>")]
    pub payees: Vec<(Payee, Amount)>,
}

dfsn_types::values_shown_whole!(Hold);

/// Who is paid out of a penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Payee {
    /// An account.
    Account(Address),
    /// A validator, at its payout account.
    Validator(Address),
}
