//! What happened in a simulated network, and what must never happen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use dfsn_consensus::state::ChainState;
use dfsn_types::{Address, BlockHeight, ChainClock, Event, Fault, JobId, RefundReason};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) blocks: u64,
    pub(crate) rounds: u64,
    pub(crate) requested: u64,
    pub(crate) settled: u64,
    pub(crate) hung: u64,
    pub(crate) refunds: BTreeMap<RefundReason, u64>,
    pub(crate) slashes: BTreeMap<Fault, u64>,
    pub(crate) kinds: BTreeMap<&'static str, u64>,
    pub(crate) rejected: u64,
    pub(crate) not_yet: u64,
    pub(crate) restarts: u64,
    pub(crate) outages: u64,
    pub(crate) cuts: u64,
    pub(crate) halts: u64,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    /// The longest life of a job, on the chain clock and in blocks.
    pub(crate) longest_ms: u64,
    pub(crate) longest_blocks: u64,
    open: BTreeMap<JobId, (ChainClock, BlockHeight)>,
}

impl Tally {
    /// Counts what a block caused; fails when an honest validator is punished.
    pub(crate) fn note(&mut self, events: &[Event], state: &ChainState, honest: &BTreeSet<Address>) {
        for event in events {
            match event {
                Event::JobRequested { job, .. } => {
                    self.requested += 1;
                    self.open.insert(*job, (state.tip.clock, state.tip.height));
                }
                Event::JobSettled { .. } => self.settled += 1,
                Event::JuryHung { .. } => self.hung += 1,
                Event::JobRefunded { reason, .. } => *self.refunds.entry(*reason).or_default() += 1,
                Event::Slashed { validator, fault, job, .. } => {
                    assert!(!honest.contains(validator), "honest {validator} pays for {fault:?} in {job}");
                    *self.slashes.entry(*fault).or_default() += 1;
                }
                Event::Jailed { validator } => assert!(!honest.contains(validator), "honest {validator}"),
                _ => {}
            }
        }
    }

    /// Fails when a job has been open for longer than the windows allow.
    pub(crate) fn check_lives(&mut self, state: &ChainState, most_ms: u64) {
        let (clock, height) = (state.tip.clock, state.tip.height);
        for (job, (since, opened)) in &self.open {
            let ms = clock.get() - since.get();
            assert!(ms <= most_ms, "job {job} is open for {ms} ms: {:?}", state.open_job(job));
            self.longest_ms = self.longest_ms.max(ms);
            self.longest_blocks = self.longest_blocks.max(height.get() - opened.get());
        }
        self.open.retain(|job, _| state.open_job(job).is_some());
    }

    /// Adds what another network saw.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.blocks, other.blocks),
            (&mut self.rounds, other.rounds),
            (&mut self.requested, other.requested),
            (&mut self.settled, other.settled),
            (&mut self.hung, other.hung),
            (&mut self.rejected, other.rejected),
            (&mut self.not_yet, other.not_yet),
            (&mut self.restarts, other.restarts),
            (&mut self.outages, other.outages),
            (&mut self.cuts, other.cuts),
            (&mut self.halts, other.halts),
            (&mut self.lost, other.lost),
            (&mut self.doubled, other.doubled),
        ] {
            *mine += theirs;
        }
        self.longest_ms = self.longest_ms.max(other.longest_ms);
        self.longest_blocks = self.longest_blocks.max(other.longest_blocks);
        merge(&mut self.refunds, &other.refunds);
        merge(&mut self.slashes, &other.slashes);
        merge(&mut self.kinds, &other.kinds);
    }
}

fn merge<K: Copy + Ord>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (key, count) in theirs {
        *mine.entry(*key).or_default() += count;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, rounds, requested, settled, hung, rejected, .. } = self;
        writeln!(f, "{blocks} blocks in {rounds} rounds, {rejected} siblings rejected")?;
        writeln!(f, "{requested} jobs: {settled} settled, {hung} hung, refunds {:?}", self.refunds)?;
        writeln!(
            f,
            "longest life {} s on the clock, {} blocks",
            self.longest_ms / 1_000,
            self.longest_blocks
        )?;
        writeln!(f, "slashes {:?}", self.slashes)?;
        writeln!(f, "messages taken {:?}", self.kinds)?;
        write!(f, "lost {}, doubled {}, not yet valid {}, ", self.lost, self.doubled, self.not_yet)?;
        write!(f, "restarts {}, outages {}, ", self.restarts, self.outages)?;
        write!(f, "cuts while accepting {}, halts {}", self.cuts, self.halts)
    }
}
