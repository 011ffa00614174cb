//! Contest: the worker denies one answer and shows nothing.

use std::collections::BTreeMap;

use dfsn_types::{AnswerRef, Duty, Event};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Judgement, JuryStage, Phase, Stage};

impl Execution {
    /// Calls a jury over one answer (rules CON-01, CON-02, JUD-01).
    pub(super) fn contest(&mut self, duty: &Duty, answer: AnswerRef) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job
            .committed()
            .filter(|committed| committed.worker == duty.validator && committed.phase == Phase::Opening);
        let committed = committed.ok_or_else(|| not_awaited(duty))?;
        let claim = committed.claims.get(&answer.auditor).filter(|claim| claim.round == answer.round);
        let boundary = claim.and_then(|claim| claim.questions.get(answer.question));
        let boundary = boundary.ok_or(DutyError::NoSuchAnswer(answer))?;
        if committed.denied.contains(&answer) {
            return Err(DutyError::ContestedBefore(answer));
        }
        let mut job = self.take_duty_job(duty)?;
        let window = self.window(self.state.params.windows.claim_ms);
        if let Stage::Committed(committed) = &mut job.stage {
            committed.phase = Phase::Judging(Box::new(Judgement {
                answer,
                boundary,
                stage: JuryStage::Claiming,
                jurors: BTreeMap::new(),
                worker_digest: None,
                revealed: BTreeMap::new(),
            }));
            committed.window = window;
        }
        self.event(Event::Contested { job: job.id, attempt: job.attempt, answer });
        self.put_job(job);
        Ok(())
    }
}
