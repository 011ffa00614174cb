//! OpenAudit: the worker shows every leaf that was asked about, all at once.

use std::collections::BTreeMap;

use dfsn_types::{Address, Boundary, Duty, Event, LeafOpening, StateDigest, TraceShape};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{Committed, Job, Phase, Stage};

impl Execution {
    /// Accepts openings that are exactly what was asked about, lead to the committed root, and agree with every answer (rules
    /// OPN-01 to OPN-04); the audit is then over.
    pub(super) fn open_audit(&mut self, duty: &Duty, openings: &[LeafOpening]) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job
            .committed()
            .filter(|committed| committed.worker == duty.validator && committed.phase == Phase::Opening);
        let committed = committed.ok_or_else(|| not_awaited(duty))?;
        self.check_openings(job, committed, openings)?;
        let (mut job, mut committed) =
            self.take_committed(&duty.job).ok_or(DutyError::UnknownJob(duty.job))?;
        committed.opened.extend(openings.iter().map(|opening| opening.boundary));
        let claims = core::mem::take(&mut committed.claims);
        let right: Vec<Address> = claims.keys().copied().collect();
        let answers = u16::try_from(right.len()).unwrap_or(u16::MAX);
        if !committed.requested {
            committed.confirmed = right;
        } else {
            let most = committed.deposit.amount();
            self.pay_auditors(&job, &right, &mut committed.deposit, most);
        }
        self.await_opening(&mut committed);
        for (auditor, claim) in claims {
            self.unlock_stake(&auditor, claim.lock);
        }
        job.stage = Stage::Committed(committed);
        self.event(Event::AuditOpened { job: job.id, attempt: job.attempt, answers });
        self.audit_may_be_over(job);
        Ok(())
    }

    /// A leaf that stands under the committed root and holds the digest of a state (rules OPN-02, OPN-04).
    pub(super) fn check_leaf(
        &self,
        job: &Job,
        committed: &Committed,
        opening: &LeafOpening,
    ) -> Result<(), DutyError> {
        let (genesis, boundary) = (self.state.chain.genesis, opening.boundary);
        if opening.digest == job.state_context(genesis, committed.worker, boundary).malformed() {
            return Err(DutyError::Malformed(boundary));
        }
        let root = &committed.commitment.trace_root;
        opening.verify(TraceShape::of(&job.params), root).map_err(DutyError::Opening)
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
        for opening in openings {
            self.check_leaf(job, committed, opening)?;
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
