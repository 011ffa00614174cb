//! Validators.

use dfsn_consensus::state::{ChainState, PairRecord, Validator};
use dfsn_types::{Address, Amount, Pair, PairStatus, PublicKey, ValidatorStatus};
use serde::{Deserialize, Serialize};

/// A validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorInfo {
    /// Its name for ever.
    pub address: Address,
    /// Who controls it.
    pub owner: Address,
    /// All of its stake.
    pub stake: Amount,
    /// What of it jobs and audits hold.
    pub locked: Amount,
    /// Its standing.
    pub status: ValidatorStatus,
    /// Gets no draws until its next registration, because it let turns pass.
    pub paused: bool,
    /// The key that signs its duties, once registered.
    pub duty_key: Option<PublicKey>,
    /// What it serves.
    pub pairs: Vec<PairInfo>,
}

/// A validator's standing in one pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairInfo {
    /// Model and profile.
    pub pair: Pair,
    /// Tested or not.
    pub status: PairStatus,
    /// Jobs at a time.
    pub capacity: u8,
    /// Jobs drawn or accepted, and not yet committed.
    pub open_jobs: u8,
    /// The lowest price per unit.
    pub min_price: Amount,
    /// Settled audited jobs since the last fault.
    pub clean_jobs: u32,
}

impl ValidatorInfo {
    /// Reads it off a state's validator.
    pub fn of(validator: &Validator) -> Self {
        Self {
            address: validator.address,
            owner: validator.owner,
            stake: validator.stake(),
            locked: validator.locked,
            status: validator.status(),
            paused: validator.paused,
            duty_key: validator.registration.as_ref().map(|registration| registration.duty_key),
            pairs: validator.pairs.iter().map(|(pair, record)| PairInfo::of(*pair, record)).collect(),
        }
    }

    /// All validators of a state, in the order of their names.
    pub fn all(state: &ChainState) -> Vec<Self> {
        state.validators.values().map(Self::of).collect()
    }
}

impl PairInfo {
    const fn of(pair: Pair, record: &PairRecord) -> Self {
        let PairRecord { status, capacity, min_price, open_jobs, clean_jobs } = *record;
        Self { pair, status, capacity, open_jobs, min_price, clean_jobs }
    }
}
