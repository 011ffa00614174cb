//! How a judgement by arithmetic ends.

use dfsn_types::{Address, AnswerRef, Duty, Event, Fault};

use super::Execution;
use super::penalty::{AnswerRewards, WorkerRewards};
use crate::error::DutyError;
use crate::state::{Committed, DisputeStage, Job, Phase, Stage};

impl Execution {
    /// A window of a dispute is over (rules ARI-02, ARI-08).
    pub(super) fn dispute_window_closed(&mut self, job: Job, mut committed: Box<Committed>) {
        let Phase::Disputing(dispute) = &mut committed.phase else {
            return self.put_committed(job, committed);
        };
        match dispute.stage {
            DisputeStage::Inputs => {
                dispute.stage = DisputeStage::Listing;
                committed.window = self.window(self.state.params.windows.open_ms);
                self.put_committed(job, committed);
            }
            DisputeStage::Listing | DisputeStage::Showing { .. } => self.silence(job, *committed),
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
        self.await_opening(&mut committed);
        job.stage = Stage::Committed(committed);
        self.audit_may_be_over(job);
    }

    /// The worker's numbers contradict each other: its whole lock, and a tombstone (rules ARI-07, PEN-08).
    pub(super) fn contradicted(&mut self, duty: &Duty, answer: AnswerRef) -> Result<(), DutyError> {
        let (job, committed) = self.take_committed(&duty.job).ok_or(DutyError::UnknownJob(duty.job))?;
        let Committed { worker, mut lock, claims, paid, mut deposit, .. } = *committed;
        self.event(judged(&job, worker, answer.auditor, false));
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        let whole = lock.amount();
        let right: [Address; 1] = [answer.auditor];
        let rewards = WorkerRewards { requester: self.price_lost(&job, paid), right: &right };
        self.slash_worker(&job, worker, &mut lock, whole, Fault::WrongResult, &rewards);
        self.unlock_stake(&worker, lock);
        self.tombstone(worker);
        self.restart_ramp(&job, &worker);
        self.return_deposit(&job, &mut deposit);
        self.result_is_void(job, worker, Fault::WrongResult, paid);
        Ok(())
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
