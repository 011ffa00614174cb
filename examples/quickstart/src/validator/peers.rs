//! How validators of one process reach each other: what a relay does on a real network.

use std::sync::{Arc, OnceLock, Weak};

use dfsn_consensus::operator::Task;
use dfsn_consensus::state::{ChainState, Phase};
use dfsn_types::{Address, Boundary, LeafOpening};

use super::ValidatorNode;

/// All validators, once they exist.
#[derive(Debug, Default)]
pub(crate) struct Peers(OnceLock<Vec<Weak<ValidatorNode>>>);

impl Peers {
    /// Makes the validators known to each other; only the first call counts.
    pub(crate) fn introduce(&self, validators: &[Arc<ValidatorNode>]) {
        let _ = self.0.set(validators.iter().map(Arc::downgrade).collect());
    }

    /// The validator of an address, while it runs.
    pub(super) fn get(&self, address: &Address) -> Option<Arc<ValidatorNode>> {
        let validators = self.0.get()?.iter().filter_map(Weak::upgrade);
        validators.into_iter().find(|validator| validator.address() == *address)
    }
}

/// An input of a question, with the proof that its worker committed to it.
#[derive(Debug)]
pub(super) struct ServedState {
    /// Canonical bytes.
    pub(super) bytes: Vec<u8>,
    /// Their place in the trace.
    pub(super) opening: LeafOpening,
}

impl ValidatorNode {
    /// Serves the input of a question that `asker` has claimed, and nothing else: an answer shown early would cost the worker.
    pub(super) fn serve(
        &self,
        asker: Address,
        task: &Task,
        input: Boundary,
        state: &ChainState,
    ) -> Option<ServedState> {
        let asked = Boundary { image: input.image, t: input.t.checked_add(1)? };
        let committed = state.open_job(&task.job)?.committed()?;
        let is_juror = match &committed.phase {
            Phase::Judging(judgement) => judgement.boundary == asked && judgement.jurors.contains_key(&asker),
            _ => false,
        };
        let is_auditor = committed
            .claims
            .get(&asker)
            .is_some_and(|claim| claim.questions.iter().any(|question| question == asked));
        if !is_juror && !is_auditor {
            return None;
        }
        let trace = self.trace(task)?;
        Some(ServedState { bytes: trace.state(input)?.to_vec(), opening: trace.tree().open(input).ok()? })
    }
}
