//! Validators.

use std::collections::BTreeMap;

use borsh::BorshSerialize;
use dfsn_types::{Address, Amount, ComputeRegistration, DurationMs, Pair, PairOffer, PairStatus, Timestamp};

use super::Coins;

/// A staker, by its owner's address.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Validator {
    /// Account that owns the stake.
    pub owner: Address,
    /// Stake that no job holds.
    pub free: Coins,
    /// Stake that jobs and audits hold; the money lies in their locks.
    pub locked: Amount,
    /// Keys and relay, once registered.
    pub registration: Option<ComputeRegistration>,
    /// Since when the VRF key is registered.
    pub vrf_since: Timestamp,
    /// Pairs on offer.
    pub pairs: BTreeMap<Pair, PairRecord>,
    /// Gets no work until then.
    pub jailed_until: Option<Timestamp>,
    /// Missed too many turns; gets no draws until its next registration.
    pub paused: bool,
    /// Turns missed lately.
    pub missed_turns: Repeats,
    /// Deadlines missed lately.
    pub missed_deadlines: Repeats,
    /// Verdicts lost lately in float profiles.
    pub lost_verdicts: Repeats,
}

impl Validator {
    /// A validator without keys.
    pub const fn new(owner: Address) -> Self {
        Self {
            owner,
            free: Coins::NONE,
            locked: Amount::ZERO,
            registration: None,
            vrf_since: Timestamp::ZERO,
            pairs: BTreeMap::new(),
            jailed_until: None,
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

    /// Whether it is jailed at `now`.
    pub fn is_jailed(&self, now: Timestamp) -> bool {
        self.jailed_until.is_some_and(|until| now < until)
    }

    /// Whether it may draw, audit and judge for a pair at `now` (rules DRW-03, AUD-01).
    pub fn serves(&self, pair: &Pair, now: Timestamp, stake_min: Amount) -> bool {
        let active = self.pairs.get(pair).is_some_and(|record| record.status == PairStatus::Active);
        active && self.registration.is_some() && !self.is_jailed(now) && self.stake() >= stake_min
    }
}

/// Standing of a validator in one pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize)]
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
