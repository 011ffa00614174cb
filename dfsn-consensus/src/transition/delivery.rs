//! Delivery without a receipt: witnesses fetch the pictures (rules DLV-01 to DLV-04).

use std::collections::BTreeSet;

use dfsn_types::{Address, Amount, BoundedVec, Domain, Event, RefundReason};

use super::Execution;
use crate::math;
use crate::state::{Committed, Job, Phase, Validator, Witnesses};

/// Draws of witnesses before pictures count as undelivered.
const DRAWS_MAX: u8 = 2;

impl Execution {
    /// Asks the next witnesses; when there are none left to ask, the pictures have not arrived (rules DLV-01, DLV-04).
    pub(super) fn ask_witnesses(&mut self, mut job: Job, mut committed: Box<Committed>, draw: u8) {
        let needed = usize::from(self.state.params.economics.witnesses_needed);
        let drawn =
            if draw > DRAWS_MAX { BTreeSet::new() } else { self.draw_witnesses(&job, &committed, draw) };
        if drawn.len() < needed {
            return self.undelivered(job, *committed);
        }
        let witnesses = BoundedVec::new(drawn.iter().copied().collect()).unwrap_or_default();
        self.event(Event::WitnessesDrawn { job: job.id, attempt: job.attempt, witnesses });
        committed.phase = Phase::Witnessing(Witnesses { draw, drawn, stored: BTreeSet::new() });
        committed.window = self.window(self.state.params.windows.witness_ms);
        job.stage = crate::state::Stage::Committed(committed);
        self.put_job(job);
    }

    /// The price goes back, and nobody is slashed (rule DLV-04).
    fn undelivered(&mut self, job: Job, mut committed: Committed) {
        self.return_deposit(&job, &mut committed.deposit);
        self.unlock_stake(&committed.worker, committed.lock);
        self.refund(job, RefundReason::Undelivered);
    }

    /// Different validators, weighted by stake, by the beacons of this block and the one before (rule DLV-02).
    fn draw_witnesses(&self, job: &Job, committed: &Committed, draw: u8) -> BTreeSet<Address> {
        let mut drawn = BTreeSet::new();
        for place in 0..self.state.params.economics.witnesses {
            let tip = &self.state.tip;
            let digest =
                Domain::Witness.hash(&(tip.parent_beacon, tip.beacon, job.id, job.attempt, (draw, place)));
            let eligible = || {
                let others = self.state.validators.values().filter(|other| !drawn.contains(&other.address));
                others.filter(|other| self.may_witness(job, committed, other))
            };
            let total = eligible().map(Validator::stake).try_fold(Amount::ZERO, Amount::checked_add);
            let total = total.unwrap_or_default().base_units();
            let Some(mut at) = math::rem_256(digest.as_bytes(), total) else { break };
            let chosen = eligible().find(|other| match at.checked_sub(other.stake().base_units()) {
                Some(rest) => {
                    at = rest;
                    false
                }
                None => true,
            });
            let Some(chosen) = chosen.map(|chosen| chosen.address) else { break };
            drawn.insert(chosen);
        }
        drawn
    }

    fn may_witness(&self, job: &Job, committed: &Committed, other: &Validator) -> bool {
        let stake_min = self.state.params.economics.stake_min;
        other.address != committed.worker
            && other.owner != job.requester
            && other.registration.is_some()
            && other.is_available(stake_min)
    }
}
