//! ProveFault: one number of the worker's does not follow from its other numbers.

use dfsn_types::{AnswerRef, Duty, ElementProof, Event};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::exact::{Claim, Extent, Finding};
use crate::state::DisputeStage;

impl Execution {
    /// Computes the number and compares (rules ARI-07, ARI-11). What shows no contradiction is no duty: nothing happens to
    /// anybody.
    pub(in crate::transition::duty) fn prove_fault(
        &mut self,
        duty: &Duty,
        answer: AnswerRef,
        proof: &ElementProof,
    ) -> Result<(), DutyError> {
        self.check_count()?;
        let (job, committed, dispute) = self.dispute(duty, answer)?;
        let DisputeStage::Proving(list) = dispute.stage else { return Err(not_awaited(duty)) };
        if answer.auditor != duty.validator {
            return Err(not_awaited(duty));
        }
        let computation = self.contested(duty, job, dispute)?;
        let form = self.state.exact_form(job).ok_or_else(|| not_awaited(duty))?;
        let layout = form.architecture.layout().map_err(|_| not_awaited(duty))?;
        let call = computation.calls().get(usize::from(proof.call));
        let call = call.ok_or(DutyError::NoSuchCall(proof.call))?;
        let claim = Claim {
            program: &call.program,
            first: call.first,
            count: computation.tensors(),
            roots: list.hash,
            weights_root: form.weights_root,
            places: &layout,
            extent: Extent::of(usize::from(proof.call), list.failed),
        };
        match claim.check(proof).map_err(|error| DutyError::Proof(Box::new(error)))? {
            Finding::Follows => {
                return Err(DutyError::NoContradiction { op: proof.op, element: proof.element });
            }
            Finding::Contradiction { .. } => {}
        }
        let output = usize::try_from(proof.op).ok().and_then(|op| call.program.ops().get(op));
        let output = output.and_then(|op| op.outputs.get(usize::from(proof.output)));
        let tensor = output.map_or(0, |id| call.first.saturating_add(id.index()));
        let event = Event::FaultProven {
            job: job.id,
            attempt: job.attempt,
            worker: committed.worker,
            by: duty.validator,
            tensor: u32::try_from(tensor).unwrap_or(u32::MAX),
            element: proof.element,
        };
        self.event(event);
        self.count_check();
        self.contradicted(duty, answer)
    }
}
