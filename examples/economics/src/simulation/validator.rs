//! One validator: its stake, its record, its books.

use std::collections::VecDeque;

use dfsn_consensus::state::ClaimAccount;
use dfsn_types::{Amount, Ppm};

use super::strategy::Strategy;

/// Money in and out, in DFSN, and what it was for.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    pub(super) jobs: u64,
    pub(super) audits: u64,
    /// Pay for pictures.
    pub(super) work: f64,
    /// Pay for audits and seats in juries.
    pub(super) audit: f64,
    /// Shares of others' penalties.
    pub(super) rewards: f64,
    /// What computing cost.
    pub(super) costs: f64,
    pub(super) penalties: f64,
}

impl Books {
    pub(super) fn balance(&self) -> f64 {
        self.work + self.audit + self.rewards - self.costs - self.penalties
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.audits += other.audits;
        self.work += other.work;
        self.audit += other.audit;
        self.rewards += other.rewards;
        self.costs += other.costs;
        self.penalties += other.penalties;
    }
}

/// Counts repeats within a window that the first of them opens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repeats {
    count: u32,
    since: u64,
}

impl Repeats {
    /// The number of this one.
    pub(super) fn record(&mut self, now: u64, within: u64) -> u32 {
        if self.count == 0 || now - self.since > within {
            *self = Self { count: 0, since: now };
        }
        self.count += 1;
        self.count
    }
}

/// A validator of the population.
#[derive(Clone, Debug)]
pub(super) struct Validator {
    pub(super) strategy: Strategy,
    /// Stake in DFSN, locked or free.
    pub(super) stake: f64,
    /// What is locked, and until when.
    locks: VecDeque<(u64, f64)>,
    pub(super) clean_jobs: u32,
    pub(super) busy_until: u64,
    pub(super) jailed_until: u64,
    /// Tombstoned, or without the least stake.
    pub(super) out: bool,
    pub(super) missed: Repeats,
    pub(super) verdicts: Repeats,
    /// Claims made and expected.
    pub(super) claims: ClaimAccount,
    pub(super) books: Books,
}

impl Validator {
    pub(super) fn new(strategy: Strategy, stake: f64, clean_jobs: u32, duty_window: Ppm) -> Self {
        Self {
            strategy,
            stake,
            locks: VecDeque::new(),
            clean_jobs,
            busy_until: 0,
            jailed_until: 0,
            out: false,
            missed: Repeats::default(),
            verdicts: Repeats::default(),
            claims: ClaimAccount::new(duty_window),
            books: Books::default(),
        }
    }

    pub(super) fn serves(&self, now: u64) -> bool {
        !self.out && self.jailed_until <= now
    }

    pub(super) fn free(&self) -> f64 {
        self.stake - self.locks.iter().map(|(_, amount)| amount).sum::<f64>()
    }

    pub(super) fn lock(&mut self, until: u64, amount: f64) {
        self.locks.push_back((until, amount));
    }

    pub(super) fn release(&mut self, now: u64) {
        self.locks.retain(|(until, _)| *until > now);
    }

    /// Takes a penalty out of the stake; how much there was.
    pub(super) fn pay(&mut self, penalty: f64, stake_min: f64) -> f64 {
        let taken = penalty.min(self.stake);
        self.stake -= taken;
        self.books.penalties += taken;
        self.out |= self.stake < stake_min;
        taken
    }

    /// Stake as the rules know it, to a millionth of a coin.
    pub(super) fn staked(&self) -> Amount {
        Amount::from_base_units((self.stake * 1e6) as u128 * 1_000_000_000_000)
    }
}
