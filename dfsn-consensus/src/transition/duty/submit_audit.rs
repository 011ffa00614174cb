//! SubmitAudit: a blind answer.

use dfsn_types::{AnswerDigest, Duty, Event, Seat};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Committed, JuryStage, Phase, Stage};

impl Execution {
    /// Takes the answers of an auditor, or the one answer of a juror (rules AUD-07, JUD-02). The last one ends the waiting.
    pub(super) fn submit_audit(
        &mut self,
        duty: &Duty,
        seat: Seat,
        answers: &[AnswerDigest],
    ) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job.committed().ok_or_else(|| not_awaited(duty))?;
        let expected = questions_of(duty, seat, committed).ok_or_else(|| not_awaited(duty))?;
        if answers.len() != expected {
            return Err(DutyError::AnswerCount { actual: answers.len(), expected });
        }
        let mut job = self.take_duty_job(duty)?;
        if let Stage::Committed(committed) = &mut job.stage {
            self.take_answers(duty, committed, answers);
        }
        let (auditor, role) = (duty.validator, seat.role());
        self.event(Event::AuditAnswered { job: job.id, attempt: job.attempt, auditor, role });
        self.put_job(job);
        Ok(())
    }

    fn take_answers(&mut self, duty: &Duty, committed: &mut Committed, answers: &[AnswerDigest]) {
        match &mut committed.phase {
            Phase::Judging(judgement) => {
                if let (Some(juror), Some(answer)) =
                    (judgement.jurors.get_mut(&duty.validator), answers.first())
                {
                    juror.answer = Some(*answer);
                }
                let all = judgement.jurors.values().all(|juror| juror.answer.is_some());
                if all && matches!(judgement.stage, JuryStage::Answering(_)) {
                    self.await_reveals(committed);
                }
            }
            phase => {
                let answering = matches!(phase, Phase::Answering(_));
                if let Some(claim) = committed.claims.get_mut(&duty.validator) {
                    claim.answers = Some(answers.to_vec());
                }
                // While claims are still open, more auditors may come.
                if answering && committed.claims.values().all(|claim| claim.answers.is_some()) {
                    self.await_opening(committed);
                }
            }
        }
    }
}

/// Number of answers awaited from the sender, if any.
fn questions_of(duty: &Duty, seat: Seat, committed: &Committed) -> Option<usize> {
    match (&committed.phase, seat) {
        (Phase::Claiming | Phase::Answering(_), Seat::Auditor { round }) => {
            let claim = committed.claims.get(&duty.validator)?;
            let claim = Some(claim).filter(|claim| claim.round == round && claim.answers.is_none())?;
            Some(claim.questions.boundaries.len())
        }
        (Phase::Judging(judgement), Seat::Juror(answer))
            if judgement.stage != JuryStage::Revealing && answer == judgement.answer =>
        {
            judgement.jurors.get(&duty.validator).filter(|juror| juror.answer.is_none()).map(|_| 1)
        }
        _ => None,
    }
}
