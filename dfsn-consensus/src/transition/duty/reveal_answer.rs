//! RevealAnswer: the digests behind the commitment and the answers.

use dfsn_types::{AnswerDigest, AnswerRef, Duty, LeafOpening, StateDigest};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Committed, Job, Judgement, JuryStage, Phase, Stage};

impl Execution {
    /// Takes the worker's opening or an answerer's digest (rules REV-01, REV-02). The last one ends the judgement.
    pub(super) fn reveal_answer(
        &mut self,
        duty: &Duty,
        answer: AnswerRef,
        digest: StateDigest,
        opening: Option<&LeafOpening>,
    ) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job.committed().ok_or_else(|| not_awaited(duty))?;
        let judgement = revealing(committed).filter(|judgement| judgement.answer == answer);
        let judgement = judgement.ok_or_else(|| not_awaited(duty))?;
        if duty.validator == committed.worker {
            self.check_worker(duty, job, committed, judgement, digest, opening)?;
        } else {
            self.check_answerer(duty, job, committed, judgement, digest, opening)?;
        }
        let mut job = self.take_duty_job(duty)?;
        let done = match &mut job.stage {
            Stage::Committed(committed) => note(duty, committed, digest),
            _ => false,
        };
        if !done {
            self.put_job(job);
            return Ok(());
        }
        match core::mem::replace(&mut job.stage, Stage::Ended(crate::state::Outcome::TestFailed)) {
            Stage::Committed(committed) => self.verdict(job, committed),
            stage => {
                job.stage = stage;
                self.put_job(job);
            }
        }
        Ok(())
    }

    fn check_answerer(
        &self,
        duty: &Duty,
        job: &Job,
        committed: &Committed,
        judgement: &Judgement,
        digest: StateDigest,
        opening: Option<&LeafOpening>,
    ) -> Result<(), DutyError> {
        let answerer = duty.validator;
        if opening.is_some() {
            return Err(DutyError::RevealOpening);
        }
        let answer = answer_of(duty, committed, judgement).ok_or_else(|| not_awaited(duty))?;
        if judgement.revealed.contains_key(&answerer) {
            return Err(not_awaited(duty));
        }
        let context = job.answer_context(self.state.chain.genesis, judgement.boundary, answerer);
        if context.answer(&digest) == answer { Ok(()) } else { Err(DutyError::DigestMismatch(answerer)) }
    }

    fn check_worker(
        &self,
        duty: &Duty,
        job: &Job,
        committed: &Committed,
        judgement: &Judgement,
        digest: StateDigest,
        opening: Option<&LeafOpening>,
    ) -> Result<(), DutyError> {
        if judgement.worker_digest.is_some() {
            return Err(not_awaited(duty));
        }
        let opening =
            opening.filter(|opening| opening.boundary == judgement.boundary && opening.digest == digest);
        self.check_leaf(job, committed, opening.ok_or(DutyError::RevealOpening)?)
    }
}

fn revealing(committed: &Committed) -> Option<&Judgement> {
    match &committed.phase {
        Phase::Judging(judgement) if judgement.stage == JuryStage::Revealing => Some(judgement),
        _ => None,
    }
}

fn answer_of(duty: &Duty, committed: &Committed, judgement: &Judgement) -> Option<AnswerDigest> {
    if duty.validator == judgement.answer.auditor {
        let answers = committed.claims.get(&judgement.answer.auditor)?.answers.as_ref()?;
        return answers.get(usize::from(judgement.answer.question)).copied();
    }
    judgement.jurors.get(&duty.validator)?.answer
}

/// Notes what was shown; true when everybody who can has shown.
fn note(duty: &Duty, committed: &mut Committed, digest: StateDigest) -> bool {
    let worker = committed.worker;
    let Phase::Judging(judgement) = &mut committed.phase else { return false };
    if duty.validator == worker {
        judgement.worker_digest = Some(digest);
    } else {
        judgement.revealed.insert(duty.validator, digest);
    }
    let jurors =
        judgement.jurors.iter().filter(|(_, juror)| juror.answer.is_some()).map(|(address, _)| address);
    let all =
        jurors.chain([&judgement.answer.auditor]).all(|answerer| judgement.revealed.contains_key(answerer));
    all && judgement.worker_digest.is_some()
}
