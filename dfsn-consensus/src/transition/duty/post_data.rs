//! PostData: the worker shows a state piece by piece.

use dfsn_types::{Boundary, Duty, Event, PostedChunk, TraceShape};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Coins, Committed, Stage};

impl Execution {
    /// Takes a piece of a demanded state; the last one earns the deposit and gives the answerers their time again (rule DAT-04).
    pub(super) fn post_data(&mut self, duty: &Duty, chunk: &PostedChunk) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job.committed().filter(|committed| committed.worker == duty.validator);
        let committed = committed.ok_or_else(|| not_awaited(duty))?;
        let demand = committed.demands.get(&chunk.boundary).ok_or(DutyError::NotDemanded(chunk.boundary))?;
        if !demand.awaits(chunk.index) {
            return Err(not_awaited(duty));
        }
        let context = job.state_context(self.state.chain.genesis, committed.worker, chunk.boundary);
        let root = &committed.commitment.trace_root;
        chunk.verify(&context, TraceShape::of(&job.params), root).map_err(DutyError::Posted)?;
        let mut job = self.take_duty_job(duty)?;
        let window = self.window(self.state.params.windows.answer_ms);
        let mut done = None;
        if let Stage::Committed(committed) = &mut job.stage {
            done = note(committed, chunk.boundary, chunk);
            if done.is_some() && window.closes_at > committed.window.closes_at {
                committed.window = window;
            }
        }
        let complete = done.is_some();
        if let Some((deposit, queued)) = done {
            self.state.queued_chunks = self.state.queued_chunks.saturating_sub(u64::from(queued));
            self.pay_earnings(duty.validator, deposit);
        }
        let (boundary, index) = (chunk.boundary, chunk.index);
        self.event(Event::DataPosted { job: job.id, attempt: job.attempt, boundary, index, complete });
        self.put_job(job);
        Ok(())
    }

    /// Demands that need no posting any more: their deposits go back.
    pub(in crate::transition) fn drop_demands(&mut self, committed: &mut Committed) {
        let open = |(_, demand): &(&Boundary, &crate::state::Demand)| !demand.complete;
        let open: Vec<Boundary> =
            committed.demands.iter().filter(open).map(|(boundary, _)| *boundary).collect();
        for boundary in open {
            if let Some(demand) = committed.demands.remove(&boundary) {
                self.state.queued_chunks = self.state.queued_chunks.saturating_sub(u64::from(demand.queued));
                self.return_to_stake(&demand.by, demand.deposit);
            }
        }
    }
}

/// Notes a piece; with the last one, the deposit that is earned and the place in the queue that is free.
fn note(committed: &mut Committed, boundary: Boundary, chunk: &PostedChunk) -> Option<(Coins, u32)> {
    let demand = committed.demands.get_mut(&boundary)?;
    demand.post(chunk.index, chunk.count());
    if !demand.complete {
        return None;
    }
    let earned = (demand.deposit.take_all(), demand.queued);
    committed.opened.insert(boundary);
    Some(earned)
}
