//! SubmitAudit: a blind answer.

use dfsn_types::{AnswerDigest, Duty, Event, Role};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Committed, JuryStage, Phase, Stage};

impl Execution {
    /// Takes the answers of an auditor, or the one answer of a juror (rules AUD-07, AUD-08, JUD-02). The last one ends the waiting.
    pub(super) fn submit_audit(
        &mut self,
        duty: &Duty,
        role: Role,
        answers: &[AnswerDigest],
    ) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job.committed().ok_or_else(|| not_awaited(duty))?;
        let expected = questions_of(duty, role, committed).ok_or_else(|| not_awaited(duty))?;
        if answers.len() != expected {
            return Err(DutyError::AnswerCount { actual: answers.len(), expected });
        }
        if is_replayed(duty, committed, answers) {
            return Err(DutyError::ReplayedAnswer(duty.validator));
        }
        let mut job = self.take_duty_job(duty)?;
        if let Stage::Committed(committed) = &mut job.stage {
            self.take_answers(duty, committed, answers);
        }
        self.event(Event::AuditAnswered { job: job.id, attempt: job.attempt, auditor: duty.validator, role });
        self.put_job(job);
        Ok(())
    }

    fn take_answers(&self, duty: &Duty, committed: &mut Committed, answers: &[AnswerDigest]) {
        let windows = &self.state.params.windows;
        match &mut committed.phase {
            Phase::Judging(judgement) => {
                if let (Some(juror), Some(answer)) =
                    (judgement.jurors.get_mut(&duty.validator), answers.first())
                {
                    juror.answer = Some(*answer);
                    committed.jury_answers.insert((duty.validator, *answer), judgement.boundary);
                }
                let all = judgement.jurors.values().all(|juror| juror.answer.is_some());
                if all && judgement.stage == JuryStage::Answering {
                    judgement.stage = JuryStage::Revealing;
                    committed.window = self.window(windows.open_ms);
                }
            }
            phase => {
                let answering = *phase == Phase::Answering;
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
fn questions_of(duty: &Duty, role: Role, committed: &Committed) -> Option<usize> {
    match (&committed.phase, role) {
        (Phase::Claiming | Phase::Answering, Role::Auditor) => {
            let claim = committed.claims.get(&duty.validator).filter(|claim| claim.answers.is_none())?;
            Some(claim.questions.boundaries.len())
        }
        (Phase::Judging(judgement), Role::Juror) if judgement.stage != JuryStage::Revealing => {
            judgement.jurors.get(&duty.validator).filter(|juror| juror.answer.is_none()).map(|_| 1)
        }
        _ => None,
    }
}

/// Whether a juror's answer is one that it gave about another boundary: its own duty of an earlier judgement, sent by somebody else.
fn is_replayed(duty: &Duty, committed: &Committed, answers: &[AnswerDigest]) -> bool {
    let Phase::Judging(judgement) = &committed.phase else { return false };
    let before = answers.first().and_then(|answer| committed.jury_answers.get(&(duty.validator, *answer)));
    before.is_some_and(|boundary| *boundary != judgement.boundary)
}
