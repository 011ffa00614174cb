//! How a judgement by arithmetic ends.

use dfsn_types::{Address, AnswerRef, DurationMs, Duty, Event, Fault};

use super::Execution;
use super::penalty::{AnswerRewards, WorkerRewards};
use crate::error::DutyError;
use crate::state::{Committed, DisputeStage, Job, Phase, Stage, Window};

impl Execution {
    /// A window of a dispute is over (rules ARI-02, ARI-08).
    pub(super) fn dispute_window_closed(&mut self, job: Job, mut committed: Box<Committed>) {
        let Phase::Disputing(dispute) = &mut committed.phase else {
            return self.put_committed(job, committed);
        };
        match dispute.stage {
            DisputeStage::Inputs => {
                dispute.stage = DisputeStage::Listing;
                committed.window = self.dispute_window();
                self.put_committed(job, committed);
            }
            // Who does not show its numbers pays as who shows false ones.
            DisputeStage::Listing | DisputeStage::Showing { .. } => {
                let auditor = dispute.answer.auditor;
                self.convict(job, *committed, auditor);
            }
            DisputeStage::Proving(_) => {
                let answer = dispute.answer;
                self.nothing_proven(job, committed, answer);
            }
        }
    }

    /// The auditor found no number that contradicts the others: it pays, and the audit goes on (rule ARI-08).
    fn nothing_proven(&mut self, mut job: Job, mut committed: Box<Committed>, answer: AnswerRef) {
        let worker = committed.worker;
        self.event(judged(&job, worker, answer.auditor, true));
        let rewards = AnswerRewards { worker: Some(worker), jurors: &[] };
        if let Some(claim) = committed.claims.remove(&answer.auditor) {
            self.slash_answerer(&job, answer.auditor, claim.lock, Fault::WrongAnswer, &rewards);
        }
        // A dispute takes long: the requester may still object as long as after the commitment.
        let until = self.state.tip.clock.after(self.state.params.windows.challenge_ms);
        committed.challenge_until = committed.challenge_until.max(until);
        self.await_opening(&mut committed);
        job.stage = Stage::Committed(committed);
        self.audit_may_be_over(job);
    }

    /// The worker's numbers contradict each other, or it does not show them: its whole lock, and a tombstone (rules ARI-07, PEN-08).
    pub(super) fn contradicted(&mut self, duty: &Duty, answer: AnswerRef) -> Result<(), DutyError> {
        let (job, committed) = self.take_committed(&duty.job).ok_or(DutyError::UnknownJob(duty.job))?;
        self.convict(job, *committed, answer.auditor);
        Ok(())
    }

    fn convict(&mut self, job: Job, committed: Committed, by: Address) {
        let Committed { worker, mut lock, claims, paid, mut deposit, .. } = committed;
        self.event(judged(&job, worker, by, false));
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        let whole = lock.amount();
        let rewards = WorkerRewards { requester: self.price_lost(&job, paid), right: &[by] };
        self.slash_worker(&job, worker, &mut lock, whole, Fault::Contradiction, &rewards);
        self.unlock_stake(&worker, lock);
        self.tombstone(worker);
        self.restart_ramp(&job, &worker);
        self.return_deposit(&job, &mut deposit);
        self.result_is_void(job, worker, Fault::Contradiction, paid);
    }

    /// The time of one step, and of what waits in the data lane before it.
    pub(super) fn dispute_window(&self) -> Window {
        let windows = &self.state.params.windows;
        let wait = windows.data_queue_ms.get().saturating_mul(self.state.queued_chunks);
        self.window(windows.open_ms.saturating_add(DurationMs::new(wait)))
    }

    /// The worker denied an answer that agrees with its own state (rule JUD-04).
    pub(super) fn nothing_contested(&mut self, duty: &Duty, answer: AnswerRef) -> Result<(), DutyError> {
        let (job, committed) = self.take_committed(&duty.job).ok_or(DutyError::UnknownJob(duty.job))?;
        self.baseless_contest(job, committed, answer, &[]);
        Ok(())
    }
}

const fn judged(job: &Job, worker: Address, auditor: Address, worker_right: bool) -> Event {
    Event::Judged { job: job.id, attempt: job.attempt, worker, auditor, worker_right }
}
