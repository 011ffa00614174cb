//! ClaimAudit: the sortition shows itself.

use dfsn_types::{Amount, Duty, Event, Role, Seat, TraceShape, VrfOutput, VrfProof};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::sortition;
use crate::state::{Claim, Job, Juror, Phase, Questions, Stage};

impl Execution {
    /// Checks eligibility, proof and selection, and locks what a wrong answer costs (rules AUD-01 to AUD-04, AUD-09).
    pub(super) fn claim_audit(&mut self, duty: &Duty, seat: Seat, proof: &VrfProof) -> Result<(), DutyError> {
        if self.used.claims >= self.state.params.chain.claims_max {
            return Err(DutyError::LaneFull("duty"));
        }
        let output = self.check_claim(duty, seat, proof)?;
        let questions = self.questions(duty, seat, &output)?;
        let validator = duty.validator;
        let amount = self.claim_lock(self.duty_job(duty)?);
        let lock = self.lock_stake(&validator, amount).ok_or(DutyError::ClaimLock(validator))?;
        let mut job = self.take_duty_job(duty)?;
        if let Stage::Committed(committed) = &mut job.stage {
            match &mut committed.phase {
                Phase::Judging(judgement) => {
                    judgement.jurors.insert(validator, Juror { lock, answer: None });
                }
                _ => {
                    committed.served.extend(questions.inputs());
                    committed
                        .claims
                        .insert(validator, Claim { round: committed.round, questions, lock, answers: None });
                }
            }
        }
        self.used.claims = self.used.claims.saturating_add(1);
        self.event(Event::AuditClaimed {
            job: job.id,
            attempt: job.attempt,
            auditor: validator,
            role: seat.role(),
        });
        self.put_job(job);
        Ok(())
    }

    /// What a claim of this output asks (rules AUD-05, AUD-11, AUD-12); a juror has the contested question.
    fn questions(&self, duty: &Duty, seat: Seat, output: &VrfOutput) -> Result<Questions, DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job.committed().ok_or_else(|| not_awaited(duty))?;
        let (shape, commitment) = (TraceShape::of(&job.params), &committed.commitment);
        let questions = sortition::draw_questions_of(output, shape, commitment, &committed.opened);
        if seat.role() == Role::Auditor && questions.boundaries.is_empty() {
            return Err(DutyError::NothingToAsk(duty.validator));
        }
        Ok(questions)
    }

    /// What a claim locks (rule AUD-04).
    pub(in crate::transition) fn claim_lock(&self, job: &Job) -> Amount {
        let fees = self.state.params.penalties.answer_fees;
        job.audit_fee.checked_mul(fees).unwrap_or(Amount::from_base_units(u128::MAX))
    }

    fn check_claim(&self, duty: &Duty, seat: Seat, proof: &VrfProof) -> Result<VrfOutput, DutyError> {
        let (job, claimant) = (self.duty_job(duty)?, duty.validator);
        let sortition = self.state.sortition(job).filter(|_| self.state.open_seat(job) == Some(seat));
        let sortition = sortition.ok_or_else(|| not_awaited(duty))?;
        let claimed = match job.committed().map(|committed| (&committed.phase, &committed.claims)) {
            Some((Phase::Judging(judgement), _)) => judgement.jurors.contains_key(&claimant),
            Some((_, claims)) => claims.contains_key(&claimant),
            None => true,
        };
        if claimed {
            return Err(not_awaited(duty));
        }
        let not_eligible = DutyError::NotEligible { validator: claimant, role: seat.role() };
        let Some(validator) = self.state.validators.get(&claimant) else { return Err(not_eligible) };
        if !self.state.may_claim(job, validator) {
            return Err(not_eligible);
        }
        let Some(registration) = &validator.registration else { return Err(not_eligible) };
        let output = registration
            .vrf_key
            .verify(sortition.alpha.as_bytes(), proof)
            .map_err(DutyError::SortitionProof)?;
        let stake = self.state.sortition_stake(job, validator);
        if !sortition::is_selected(&output, sortition.rate, stake, sortition.stake_eligible) {
            return Err(DutyError::NotSelected(claimant));
        }
        Ok(output)
    }
}
