//! Judgement by arithmetic (rules ARI-01 to ARI-09): one file a duty.

mod call_jury;
mod demand_tensor;
mod post_roots;
mod post_tensor;
mod prove_fault;

use dfsn_types::{AnswerRef, Duty};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::exact::Computation;
use crate::state::{Committed, Dispute, DisputeStage, Job, Phase};

/// Checks of one block: each may take milliseconds.
const CHECKS_MAX: u32 = 4;

impl Execution {
    /// The dispute over an answer, which must be the duty's.
    fn dispute<'a>(
        &'a self,
        duty: &Duty,
        answer: AnswerRef,
    ) -> Result<(&'a Job, &'a Committed, &'a Dispute), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job.committed().ok_or_else(|| not_awaited(duty))?;
        let dispute = disputed(committed).filter(|dispute| dispute.answer == answer);
        Ok((job, committed, dispute.ok_or_else(|| not_awaited(duty))?))
    }

    /// What the contested state follows from.
    fn contested(&self, duty: &Duty, job: &Job, dispute: &Dispute) -> Result<Computation, DutyError> {
        self.state.computation(job, dispute.boundary, dispute.inputs.len()).ok_or_else(|| not_awaited(duty))
    }

    /// Whether this block has room for another check (rule ARI-09).
    const fn check_count(&self) -> Result<(), DutyError> {
        if self.used.checks >= CHECKS_MAX { Err(DutyError::LaneFull("data")) } else { Ok(()) }
    }

    /// Counts a check that held.
    const fn count_check(&mut self) {
        self.used.checks = self.used.checks.saturating_add(1);
    }

    /// Goes on to another stage, with a window of the time that a judgement's steps have.
    fn enter_stage(&mut self, duty: &Duty, stage: DisputeStage) -> Result<(), DutyError> {
        let mut job = self.take_duty_job(duty)?;
        let window = self.dispute_window();
        if let crate::state::Stage::Committed(committed) = &mut job.stage {
            if let Phase::Disputing(dispute) = &mut committed.phase {
                dispute.stage = stage;
            }
            committed.window = window;
        }
        self.put_job(job);
        Ok(())
    }
}

fn disputed(committed: &Committed) -> Option<&Dispute> {
    match &committed.phase {
        Phase::Disputing(dispute) => Some(dispute),
        _ => None,
    }
}

/// Whether a large duty of a dispute is awaited.
pub(super) fn is_awaited(committed: &Committed, duty: &Duty) -> bool {
    use dfsn_types::DutyKind;
    let Some(dispute) = disputed(committed) else { return false };
    let is_worker = committed.worker == duty.validator;
    match (&duty.kind, dispute.stage) {
        (DutyKind::PostRoots { answer, .. }, DisputeStage::Listing) => is_worker && *answer == dispute.answer,
        (DutyKind::PostTensor { answer, .. }, DisputeStage::Showing { .. }) => {
            is_worker && *answer == dispute.answer
        }
        (DutyKind::ProveFault { answer, .. }, DisputeStage::Proving(_)) => {
            *answer == dispute.answer && answer.auditor == duty.validator
        }
        _ => false,
    }
}
