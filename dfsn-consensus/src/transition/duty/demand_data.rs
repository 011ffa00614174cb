//! DemandData: a state that the worker did not serve is to be posted on chain.

use dfsn_types::{Amount, Boundary, Duty, Event, Seat};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::gas;
use crate::state::{Committed, Demand, DemandTime, Job, JuryStage, Phase, Stage, input};

/// The deposit of a demand, in prices of the state's bytes as gas.
const DEPOSIT_TIMES: u64 = 2;
/// Bytes of one piece.
const CHUNK_BYTES: u64 = 65_536;

impl Execution {
    /// Takes the deposit out of the demander's free stake and gives the worker time to post (rules DAT-01 to DAT-03).
    pub(super) fn demand_data(&mut self, duty: &Duty, seat: Seat, question: u8) -> Result<(), DutyError> {
        let job = self.duty_job(duty)?;
        let committed = job.committed().ok_or_else(|| not_awaited(duty))?;
        let (asked, time) =
            open_question(duty, committed, seat, question).ok_or_else(|| not_awaited(duty))?;
        let boundary = input(asked).ok_or(DutyError::NoInput(asked))?;
        let clock = self.state.tip.clock;
        if clock < time.from || clock > time.until {
            return Err(DutyError::DemandTime { clock, from: time.from, until: time.until });
        }
        if committed.demands.contains_key(&boundary) {
            return Err(DutyError::DemandedBefore(boundary));
        }
        let bytes = self.largest_state(job);
        let deposit = self.demand_deposit(bytes).ok_or(DutyError::DemandDeposit(duty.validator))?;
        let validator = self.state.validators.get_mut(&duty.validator);
        let deposit = validator.and_then(|validator| validator.free.take(deposit));
        let deposit = deposit.ok_or(DutyError::DemandDeposit(duty.validator))?;
        let before = self.state.queued_chunks;
        let queued = u32::try_from(bytes.div_ceil(CHUNK_BYTES)).unwrap_or(u32::MAX);
        let windows = &self.state.params.windows;
        let wait = windows.data_queue_ms.get().saturating_mul(before);
        let window = self.window(windows.data_ms.saturating_add(dfsn_types::DurationMs::new(wait)));
        self.state.queued_chunks = before.saturating_add(u64::from(queued));
        let mut job = self.take_duty_job(duty)?;
        if let Stage::Committed(committed) = &mut job.stage {
            let demand = Demand { by: duty.validator, deposit, queued, posted: 0, complete: false };
            committed.demands.insert(boundary, demand);
            if window.closes_at > committed.window.closes_at {
                committed.window = window;
            }
        }
        self.event(Event::DataDemanded { job: job.id, attempt: job.attempt, by: duty.validator, boundary });
        self.put_job(job);
        Ok(())
    }

    /// Bytes of the largest state that a step of this job may start from.
    fn largest_state(&self, job: &Job) -> u64 {
        let history = job.params.scheduler().history();
        let model = self.state.models.get(&job.params.model());
        model.map_or(0, |model| model.state_bytes(job.params.size(), history))
    }

    fn demand_deposit(&self, bytes: u64) -> Option<Amount> {
        let gas = bytes.checked_mul(gas::BYTE_GAS)?.checked_mul(DEPOSIT_TIMES)?;
        self.state.tip.base_fee_per_gas.checked_mul(gas)
    }
}

/// The boundary that an unanswered question asks about, and when its input may be demanded.
fn open_question(
    duty: &Duty,
    committed: &Committed,
    seat: Seat,
    question: u8,
) -> Option<(Boundary, DemandTime)> {
    match (&committed.phase, seat) {
        (Phase::Answering(time), Seat::Auditor { round }) => {
            let claim = committed.claims.get(&duty.validator)?;
            let claim = Some(claim).filter(|claim| claim.round == round && claim.answers.is_none())?;
            Some((claim.questions.get(question)?, *time))
        }
        (Phase::Judging(judgement), Seat::Juror(answer)) if answer == judgement.answer && question == 0 => {
            let JuryStage::Answering(time) = judgement.stage else { return None };
            judgement.jurors.get(&duty.validator).filter(|juror| juror.answer.is_none())?;
            Some((judgement.boundary, time))
        }
        _ => None,
    }
}
