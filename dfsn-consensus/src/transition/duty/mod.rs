//! Duties: one file a kind.

mod accept_job;
mod claim_audit;
mod commit_result;
mod contest;
mod open_audit;
mod reveal_answer;
mod submit_audit;

use dfsn_types::{Duty, DutyKind, SignedDuty, codec};

use super::Execution;
use crate::error::DutyError;
use crate::state::{ChainState, Job};

impl Execution {
    /// Executes a duty in the duty lane (rules BLK-05, BLK-08).
    ///
    /// # Errors
    /// [`DutyError`] when it is not valid now; nothing has changed then.
    pub fn apply_duty(&mut self, signed: &SignedDuty) -> Result<(), DutyError> {
        let duty = signed.duty();
        let bytes = u64::try_from(codec::encode(signed).len()).unwrap_or(u64::MAX);
        let used = self.used.duty_bytes.saturating_add(bytes);
        if used > u64::from(self.state.params.chain.duty_lane_bytes) {
            return Err(DutyError::LaneFull);
        }
        check_author(&self.state, signed)?;
        self.run_duty(duty)?;
        self.used.duty_bytes = used;
        Ok(())
    }

    fn run_duty(&mut self, duty: &Duty) -> Result<(), DutyError> {
        match &duty.kind {
            DutyKind::AcceptJob { draw } => self.accept_job(duty, *draw),
            DutyKind::CommitResult(commitment) => self.commit_result(duty, commitment),
            DutyKind::ClaimAudit { role, proof } => self.claim_audit(duty, *role, proof),
            DutyKind::SubmitAudit { role, answers } => self.submit_audit(duty, *role, answers),
            DutyKind::OpenAudit { openings } => self.open_audit(duty, openings),
            DutyKind::Contest { auditor, question } => self.contest(duty, *auditor, *question),
            DutyKind::RevealAnswer { digest, opening } => self.reveal_answer(duty, *digest, opening.as_ref()),
            // Kinds that this version of the rules does not know cannot be decoded.
            _ => Err(not_awaited(duty)),
        }
    }

    /// The open job of a duty whose checks found it.
    fn take_duty_job(&mut self, duty: &Duty) -> Result<Job, DutyError> {
        self.take_job(&duty.job).ok_or(DutyError::UnknownJob(duty.job))
    }

    fn duty_job(&self, duty: &Duty) -> Result<&Job, DutyError> {
        self.state.open_job(&duty.job).ok_or(DutyError::UnknownJob(duty.job))
    }
}

/// Rules DUT-01 to DUT-03: an open job, its attempt, and the signature of a validator's duty key.
pub(crate) fn check_author(state: &ChainState, signed: &SignedDuty) -> Result<(), DutyError> {
    let duty = signed.duty();
    let job = state.open_job(&duty.job).ok_or(DutyError::UnknownJob(duty.job))?;
    if duty.attempt != job.attempt {
        return Err(DutyError::Attempt { actual: duty.attempt, expected: job.attempt });
    }
    let validator = state.validators.get(&duty.validator);
    let registration = validator.and_then(|validator| validator.registration.as_ref());
    let key = registration.ok_or(DutyError::NotRegistered(duty.validator))?.duty_key;
    signed.verify(&state.chain, &key).map_err(DutyError::Signature)
}

const fn not_awaited(duty: &Duty) -> DutyError {
    DutyError::NotAwaited { duty: duty.kind.name(), validator: duty.validator }
}
