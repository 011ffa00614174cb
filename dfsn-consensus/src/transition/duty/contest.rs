//! Contest: the worker denies one answer and shows nothing.

use dfsn_types::{AnswerRef, Boundary, DurationMs, Duty, Event, Hash};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Dispute, DisputeStage, Job, Judgement, Phase, Stage};

impl Execution {
    /// Calls a jury over one answer, or has arithmetic judge it (rules CON-01, CON-02, JUD-01, ARI-01, ARI-12).
    pub(super) fn contest(
        &mut self,
        duty: &Duty,
        answer: AnswerRef,
        inputs: &[Hash],
    ) -> Result<(), DutyError> {
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
        let (phase, length) = self.tribunal(job, answer, boundary, inputs)?;
        let window = self.window(length);
        let mut job = self.take_duty_job(duty)?;
        if let Stage::Committed(committed) = &mut job.stage {
            committed.phase = phase;
            committed.window = window;
        }
        self.event(Event::Contested { job: job.id, attempt: job.attempt, answer });
        self.put_job(job);
        Ok(())
    }

    /// Who judges, and how long the first step may take.
    fn tribunal(
        &self,
        job: &Job,
        answer: AnswerRef,
        boundary: Boundary,
        inputs: &[Hash],
    ) -> Result<(Phase, DurationMs), DutyError> {
        let windows = &self.state.params.windows;
        let judging = || (Phase::Judging(Box::new(Judgement::new(answer, boundary))), windows.claim_ms);
        let fails = job.committed().is_some_and(|committed| committed.commitment.fails_at(boundary));
        if fails && inputs.is_empty() && !self.state.takes_given(job, boundary, 0) {
            // The worker says that the inputs themselves fail, of which arithmetic knows nothing.
            return Ok(judging());
        }
        if !self.state.takes_given(job, boundary, inputs.len()) {
            return Err(DutyError::GivenInputs { boundary: boundary.t, actual: inputs.len() });
        }
        if self.state.computation(job, boundary, inputs.len()).is_none() {
            return Ok(judging());
        }
        let (stage, length) = match inputs.len() {
            0 => (DisputeStage::Listing, windows.open_ms),
            _ => (DisputeStage::Inputs, windows.answer_ms),
        };
        let dispute = Dispute { answer, boundary, inputs: inputs.to_vec(), stage, demanded: Vec::new() };
        Ok((Phase::Disputing(Box::new(dispute)), length))
    }
}
