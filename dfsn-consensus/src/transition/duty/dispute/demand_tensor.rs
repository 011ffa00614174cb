//! DemandTensor: the auditor wants to see a part of one of the worker's tensors.

use dfsn_types::{AnswerRef, Duty, Event, SLICE_BYTES_MAX, TensorPart, node_chunks};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::state::{DisputeStage, Phase, Stage, TENSOR_DEMANDS_MAX};

impl Execution {
    /// A few parts are enough to find the first number that differs (rule ARI-05).
    pub(in crate::transition::duty) fn demand_tensor(
        &mut self,
        duty: &Duty,
        answer: AnswerRef,
        tensor: u32,
        part: TensorPart,
    ) -> Result<(), DutyError> {
        let (job, _, dispute) = self.dispute(duty, answer)?;
        let DisputeStage::Proving(list) = dispute.stage else { return Err(not_awaited(duty)) };
        let is_repeated = dispute.demanded.contains(&(tensor, part));
        if answer.auditor != duty.validator || is_repeated || dispute.demanded.len() >= TENSOR_DEMANDS_MAX {
            return Err(not_awaited(duty));
        }
        let computation = self.contested(duty, job, dispute)?;
        let place = usize::try_from(tensor).unwrap_or(usize::MAX);
        let bytes = computation.tensor(place).map(|spec| spec.bytes());
        let bytes = bytes.ok_or(DutyError::NoSuchPart { tensor })?;
        let is_posted = |failed| computation.exist_before(failed).get(place).copied().unwrap_or(false);
        if !list.failed.is_none_or(is_posted) {
            return Err(DutyError::NoSuchPart { tensor });
        }
        let exists = match part {
            TensorPart::Level => node_chunks(bytes).is_some(),
            TensorPart::Piece(piece) => u64::from(piece).saturating_mul(SLICE_BYTES_MAX as u64) < bytes,
        };
        if !exists {
            return Err(DutyError::NoSuchPart { tensor });
        }
        let (id, attempt, by) = (job.id, job.attempt, duty.validator);
        self.enter_stage(duty, DisputeStage::Showing { list, tensor, part })?;
        let mut job = self.take_duty_job(duty)?;
        if let Stage::Committed(committed) = &mut job.stage
            && let Phase::Disputing(dispute) = &mut committed.phase
        {
            dispute.demanded.push((tensor, part));
        }
        self.put_job(job);
        self.event(Event::TensorDemanded { job: id, attempt, by, tensor, part });
        Ok(())
    }
}
