//! Validators.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{
    Address, Amount, ComputeRegistration, DurationMs, Pair, PairOffer, PairStatus, Ppm, Timestamp,
    ValidatorStatus,
};

use super::bounded::{self, PAIRS_MAX};
use super::{ClaimAccount, Coins, FreshStake, Votes};

/// A staker, by the account that staked first.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Validator {
    /// Its name for ever: the account that staked first.
    pub address: Address,
    /// Account that controls it and gets its stake back.
    pub owner: Address,
    /// Who owns it next (rule VAL-04).
    pub owner_change: Option<OwnerChange>,
    /// Stake that no job holds.
    pub free: Coins,
    /// Stake that jobs and audits hold; the money lies in their locks.
    pub locked: Amount,
    /// Stake that was taken out and is not paid yet; the money lies in the list of the unbonding.
    pub unbonding: Amount,
    /// Stake that was added lately.
    pub fresh: FreshStake,
    /// Keys and relay, once registered.
    pub registration: Option<ComputeRegistration>,
    /// Since when the VRF key is registered.
    pub vrf_since: Timestamp,
    /// Pairs on offer.
    #[borsh(deserialize_with = "bounded::map::<_, _, _, PAIRS_MAX>")]
    pub pairs: BTreeMap<Pair, PairRecord>,
    /// Gets nothing new until its owner unjails it, from then on (rule VAL-01).
    pub jailed_until: Option<Timestamp>,
    /// Since when penalties have kept the stake under the minimum.
    pub under_minimum_since: Option<Timestamp>,
    /// Has left, by taking stake out or by staying under the minimum (rule VAL-02).
    pub exiting: bool,
    /// Gets nothing new for ever (rule VAL-03).
    pub tombstoned: bool,
    /// Claims made and claims expected.
    pub claims: ClaimAccount,
    /// What its owner votes for.
    pub votes: Votes,
    /// Missed too many turns; gets no draws until its next registration.
    pub paused: bool,
    /// Turns missed lately.
    pub missed_turns: Repeats,
    /// Deadlines missed lately.
    pub missed_deadlines: Repeats,
    /// Verdicts lost lately in float profiles.
    pub lost_verdicts: Repeats,
}

/// A change of owner that waits (rule VAL-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OwnerChange {
    /// Who owns the validator then.
    pub to: Address,
    /// From when on.
    pub at: Timestamp,
}

impl Validator {
    /// A validator without keys, owned by the account that it is named by; `duty_window` is that of the parameters.
    pub const fn new(address: Address, duty_window: Ppm) -> Self {
        Self {
            address,
            owner: address,
            owner_change: None,
            free: Coins::NONE,
            locked: Amount::ZERO,
            unbonding: Amount::ZERO,
            fresh: FreshStake::NONE,
            registration: None,
            vrf_since: Timestamp::ZERO,
            pairs: BTreeMap::new(),
            jailed_until: None,
            under_minimum_since: None,
            exiting: false,
            tombstoned: false,
            claims: ClaimAccount::new(duty_window),
            votes: Votes::NONE,
            paused: false,
            missed_turns: Repeats::NONE,
            missed_deadlines: Repeats::NONE,
            lost_verdicts: Repeats::NONE,
        }
    }

    /// All stake, free and locked.
    pub fn stake(&self) -> Amount {
        self.free.amount().checked_add(self.locked).unwrap_or(self.free.amount())
    }

    /// Stake that counts in a sortition of a job that was asked for at `at` (rule AUD-01).
    pub fn warm_stake(&self, at: Timestamp, warmup: DurationMs) -> Amount {
        self.stake().saturating_sub(self.fresh.cold(at, warmup))
    }

    /// Its standing as a whole. Jail ends by `Unjail` only.
    pub fn status(&self) -> ValidatorStatus {
        if self.tombstoned {
            ValidatorStatus::Tombstoned
        } else if self.stake().is_zero() {
            ValidatorStatus::Exited
        } else if self.is_jailed() {
            ValidatorStatus::Jailed
        } else if self.exiting {
            ValidatorStatus::Exiting
        } else {
            ValidatorStatus::Bonded
        }
    }

    /// Whether it is jailed.
    pub const fn is_jailed(&self) -> bool {
        self.jailed_until.is_some()
    }

    /// Whether it gets anything new (rules VAL-02, ACC-05).
    pub fn is_available(&self, stake_min: Amount) -> bool {
        self.status() == ValidatorStatus::Bonded && self.stake() >= stake_min
    }

    /// Whether it may draw, audit and judge for a pair (rules DRW-03, AUD-01).
    pub fn serves(&self, pair: &Pair, stake_min: Amount) -> bool {
        let active = self.pairs.get(pair).is_some_and(|record| record.status == PairStatus::Active);
        active && self.registration.is_some() && self.is_available(stake_min)
    }

    /// Whether it serves any pair: its stake is *Active* (rules AUD-06, GOV-01).
    pub fn is_active(&self, stake_min: Amount) -> bool {
        self.pairs.keys().any(|pair| self.serves(pair, stake_min))
    }

    /// Leaves: every pair needs a new test (rule VAL-02).
    pub(crate) fn leave(&mut self) {
        self.exiting = true;
        self.under_minimum_since = None;
        for record in self.pairs.values_mut() {
            record.status = PairStatus::Trial;
        }
    }
}

/// Standing of a validator in one pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PairRecord {
    /// Tested or not.
    pub status: PairStatus,
    /// Jobs at a time.
    pub capacity: u8,
    /// The lowest price per unit.
    pub min_price: Amount,
    /// Jobs drawn or accepted, and not yet committed.
    pub open_jobs: u8,
    /// Settled audited jobs since the last fault: how far the ramp is climbed.
    pub clean_jobs: u32,
}

impl PairRecord {
    /// A new, untested record.
    pub const fn from_offer(offer: &PairOffer) -> Self {
        Self {
            status: PairStatus::Trial,
            capacity: offer.capacity,
            min_price: offer.min_price,
            open_jobs: 0,
            clean_jobs: 0,
        }
    }
}

/// How often something happened within a window of time, in two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Repeats {
    count: u32,
    since: Timestamp,
}

impl Repeats {
    /// Never.
    pub const NONE: Self = Self { count: 0, since: Timestamp::ZERO };

    /// Counts one more at `now` and says how many there are within `window` of the first.
    pub fn record(&mut self, now: Timestamp, window: DurationMs) -> u32 {
        if self.count == 0 || now.since(self.since) > window {
            *self = Self { count: 0, since: now };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}
