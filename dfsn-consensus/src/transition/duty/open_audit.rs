//! OpenAudit: the worker shows every leaf that was asked about, all at once.

use std::collections::BTreeMap;

use dfsn_types::{Boundary, Duty, Event, LeafOpening, StateDigest, TraceShape};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Committed, Job, Phase, Stage};

impl Execution {
    /// Accepts openings that are exactly what was asked about, lead to the committed root, and agree with every answer (rules
    /// OPN-01 to OPN-03); the audit is then over.
    pub(super) fn open_audit(&mut self, duty: &Duty, openings: &[LeafOpening]) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job
            .committed()
            .filter(|committed| committed.worker == duty.validator && committed.phase == Phase::Opening);
        let committed = committed.ok_or_else(|| not_awaited(duty))?;
        self.check_openings(job, committed, openings)?;
        let mut job = self.take_duty_job(duty)?;
        let Stage::Committed(committed) = &mut job.stage else {
            self.put_job(job);
            return Err(not_awaited(duty));
        };
        let claims = core::mem::take(&mut committed.claims);
        committed.confirmed = claims.keys().copied().collect();
        let answers = u16::try_from(claims.len()).unwrap_or(u16::MAX);
        self.await_opening(committed);
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        self.event(Event::AuditOpened { job: job.id, attempt: job.attempt, answers });
        self.audit_may_be_over(job);
        Ok(())
    }

    fn check_openings(
        &self,
        job: &Job,
        committed: &Committed,
        openings: &[LeafOpening],
    ) -> Result<(), DutyError> {
        let asked: BTreeMap<Boundary, ()> = committed
            .claims
            .values()
            .flat_map(|claim| claim.questions.iter())
            .map(|boundary| (boundary, ()))
            .collect();
        if !openings.iter().map(|opening| opening.boundary).eq(asked.into_keys()) {
            return Err(DutyError::OpeningSet);
        }
        let shape = TraceShape::of(&job.params);
        for opening in openings {
            opening.verify(shape, &committed.commitment.trace_root).map_err(DutyError::Opening)?;
        }
        let digests: BTreeMap<Boundary, StateDigest> =
            openings.iter().map(|opening| (opening.boundary, opening.digest)).collect();
        for (auditor, claim) in &committed.claims {
            let agrees = |(boundary, answer): (Boundary, &dfsn_types::AnswerDigest)| {
                let context = job.answer_context(self.state.chain.genesis, boundary, *auditor);
                digests.get(&boundary).is_some_and(|digest| context.answer(digest) == *answer)
            };
            let answers = claim.answers.iter().flatten();
            if !claim.questions.iter().zip(answers).all(agrees) {
                return Err(DutyError::Contradiction(*auditor));
            }
        }
        Ok(())
    }
}
