//! CallJury: the auditor differs in inputs that arithmetic does not derive.

use dfsn_types::{AnswerRef, Duty, Event};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{DisputeStage, Judgement, Phase, Stage};

impl Execution {
    /// Jurors judge the contested answer, before the worker has shown anything that they could copy (rule ARI-02).
    pub(in crate::transition::duty) fn call_jury(
        &mut self,
        duty: &Duty,
        answer: AnswerRef,
    ) -> Result<(), DutyError> {
        let (_, _, dispute) = self.dispute(duty, answer)?;
        if dispute.stage != DisputeStage::Inputs || answer.auditor != duty.validator {
            return Err(not_awaited(duty));
        }
        let boundary = dispute.boundary;
        let mut job = self.take_duty_job(duty)?;
        let window = self.window(self.state.params.windows.claim_ms);
        if let Stage::Committed(committed) = &mut job.stage {
            committed.phase = Phase::Judging(Box::new(Judgement::new(answer, boundary)));
            committed.window = window;
        }
        self.event(Event::JuryCalled { job: job.id, attempt: job.attempt, answer });
        self.put_job(job);
        Ok(())
    }
}
