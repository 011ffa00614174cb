//! What the state shows of a validator.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::bounded::BoundedVec;
use crate::hash::Hash;
use crate::model::Pair;
use crate::unit::{Amount, Timestamp};
use crate::validator::{ComputeRegistration, PAIRS_MAX, PairStatus, ValidatorStatus};

/// What others need to know of a validator.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorRecord {
    /// Its name for ever: the account that staked first.
    pub address: Address,
    /// Account that controls it.
    pub owner: Address,
    /// Its standing as a whole.
    pub status: ValidatorStatus,
    /// Stake that no job holds.
    pub free: Amount,
    /// Stake that jobs and audits hold.
    pub locked: Amount,
    /// Until when its owner cannot unjail it, if it is jailed.
    pub jailed_until: Option<Timestamp>,
    /// Keys, payout account, relay and offers, once registered.
    pub registration: Option<ComputeRegistration>,
    /// Standing of each pair that it offers, in the order of pairs.
    pub pairs: BoundedVec<PairStanding, PAIRS_MAX>,
    /// Hash over all that the state holds of it, beyond what is shown here.
    pub whole: Hash,
}

/// A validator's standing in one pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairStanding {
    /// Model and profile.
    pub pair: Pair,
    /// Tested or not.
    pub status: PairStatus,
    /// Settled audited jobs since the last fault.
    pub clean_jobs: u32,
}
