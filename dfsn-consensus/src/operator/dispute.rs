//! Judgement by arithmetic, as the two parties see it.

use super::{Operator, Step, TaskKind};
use crate::state::{Committed, Dispute, DisputeStage};

impl Operator {
    /// What this validator owes a dispute (rules ARI-02 to ARI-08).
    pub(super) fn dispute_step(&self, committed: &Committed, dispute: &Dispute) -> Option<(Step, TaskKind)> {
        let (answer, boundary) = (dispute.answer, dispute.boundary);
        let is_worker = committed.worker == self.address;
        let is_auditor = answer.auditor == self.address;
        Some(match dispute.stage {
            DisputeStage::Inputs if is_auditor => {
                (Step::CompareInputs(answer), TaskKind::CompareInputs { answer, boundary })
            }
            DisputeStage::Listing if is_worker => (Step::List(answer), TaskKind::List { answer, boundary }),
            DisputeStage::Proving(list) if is_auditor => {
                let step = Step::Prove(answer, dispute.demanded.len());
                (step, TaskKind::Prove { answer, boundary, list })
            }
            DisputeStage::Showing { tensor, part, .. } if is_worker => {
                let step = Step::ShowTensor(answer, tensor, part);
                (step, TaskKind::ShowTensor { answer, boundary, tensor, part })
            }
            _ => return None,
        })
    }
}
