//! Duties: one file a kind.

mod accept_job;
mod claim_audit;
mod commit_result;
mod contest;
mod demand_data;
mod dispute;
mod open_audit;
mod post_data;
mod reveal_answer;
mod stored;
mod submit_audit;

use dfsn_types::{Duty, DutyKind, SignedDuty, codec};

use super::Execution;
use crate::error::DutyError;
use crate::state::{ChainState, Job};

impl Execution {
    /// Executes a duty in the duty lane (rules BLK-05, BLK-08, BLK-11).
    ///
    /// # Errors
    /// [`DutyError`] when it is not valid now; nothing has changed then.
    pub fn apply_duty(&mut self, signed: &SignedDuty) -> Result<(), DutyError> {
        if is_data(signed.duty()) {
            return Err(DutyError::WrongLane("data"));
        }
        let lane = u64::from(self.state.params.chain.duty_lane_bytes);
        let used = fits(signed, self.used.duty_bytes, lane).ok_or(DutyError::LaneFull("duty"))?;
        check_author(&self.state, signed)?;
        self.run_duty(signed.duty())?;
        self.used.duty_bytes = used;
        Ok(())
    }

    /// Executes a duty in the data lane (rules BLK-05, BLK-11).
    ///
    /// # Errors
    /// [`DutyError`] when it is not valid now; nothing has changed then.
    pub fn apply_data(&mut self, signed: &SignedDuty) -> Result<(), DutyError> {
        if !is_data(signed.duty()) {
            return Err(DutyError::WrongLane("duty"));
        }
        let lane = u64::from(self.state.params.chain.data_lane_bytes);
        let used = fits(signed, self.used.data_bytes, lane).ok_or(DutyError::LaneFull("data"))?;
        check_author(&self.state, signed)?;
        let duty = signed.duty();
        match &duty.kind {
            DutyKind::PostData(chunk) => self.post_data(duty, chunk)?,
            DutyKind::PostRoots { answer, roots } => self.post_roots(duty, *answer, roots)?,
            DutyKind::PostTensor { answer, posted } => self.post_tensor(duty, *answer, posted)?,
            DutyKind::ProveFault { answer, proof } => self.prove_fault(duty, *answer, proof)?,
            _ => return Err(DutyError::WrongLane("duty")),
        }
        self.used.data_bytes = used;
        Ok(())
    }

    fn run_duty(&mut self, duty: &Duty) -> Result<(), DutyError> {
        match &duty.kind {
            DutyKind::AcceptJob { draw } => self.accept_job(duty, *draw),
            DutyKind::CommitResult(commitment) => self.commit_result(duty, commitment),
            DutyKind::ClaimAudit { seat, proof } => self.claim_audit(duty, *seat, proof),
            DutyKind::SubmitAudit { seat, answers } => self.submit_audit(duty, *seat, answers),
            DutyKind::OpenAudit { openings } => self.open_audit(duty, openings),
            DutyKind::Contest { answer, inputs } => self.contest(duty, *answer, inputs),
            DutyKind::RevealAnswer { answer, digest, opening } => {
                self.reveal_answer(duty, *answer, *digest, opening.as_ref())
            }
            DutyKind::DemandData { seat, question } => self.demand_data(duty, *seat, *question),
            DutyKind::DemandTensor { answer, tensor, part } => {
                self.demand_tensor(duty, *answer, *tensor, *part)
            }
            DutyKind::CallJury { answer } => self.call_jury(duty, *answer),
            DutyKind::Stored => self.stored(duty),
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

/// Whether a piece of a state, or what a dispute shows, is awaited: else the pool would be filled with large duties at no cost.
pub(crate) fn check_data(state: &ChainState, duty: &Duty) -> Result<(), DutyError> {
    let committed = state.open_job(&duty.job).and_then(Job::committed);
    let chunk = match &duty.kind {
        DutyKind::PostData(chunk) => chunk,
        DutyKind::PostRoots { .. } | DutyKind::PostTensor { .. } | DutyKind::ProveFault { .. } => {
            let awaited = committed.is_some_and(|committed| dispute::is_awaited(committed, duty));
            return if awaited { Ok(()) } else { Err(not_awaited(duty)) };
        }
        _ => return Ok(()),
    };
    let committed = committed.filter(|committed| committed.worker == duty.validator);
    let demand = committed.and_then(|committed| committed.demands.get(&chunk.boundary));
    let demand = demand.ok_or(DutyError::NotDemanded(chunk.boundary))?;
    if demand.awaits(chunk.index) { Ok(()) } else { Err(not_awaited(duty)) }
}

/// Whether a duty belongs into the data lane.
pub(crate) const fn is_data(duty: &Duty) -> bool {
    matches!(
        duty.kind,
        DutyKind::PostData(_)
            | DutyKind::PostRoots { .. }
            | DutyKind::PostTensor { .. }
            | DutyKind::ProveFault { .. }
    )
}

/// What a lane holds with one more duty, if it fits.
fn fits(signed: &SignedDuty, used: u64, lane: u64) -> Option<u64> {
    let bytes = u64::try_from(codec::encode(signed).len()).unwrap_or(u64::MAX);
    used.checked_add(bytes).filter(|used| *used <= lane)
}

const fn not_awaited(duty: &Duty) -> DutyError {
    DutyError::NotAwaited { duty: duty.kind.name(), validator: duty.validator }
}
