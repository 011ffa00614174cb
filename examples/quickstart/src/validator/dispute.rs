//! Judgement by arithmetic, as a node takes part in it: roots as the worker, one number as the contested auditor.

use std::sync::Arc;

use dfsn_compute::exact::{Move, input_hashes};
use dfsn_compute::{ComputeError, ImageRequest};
use dfsn_consensus::exact::{Computation, WeightLayout};
use dfsn_consensus::operator::Task;
use dfsn_consensus::state::{ChainState, Dispute, Phase, PostedList};
use dfsn_types::{
    AnswerRef, Block, Boundary, BoundedVec, CommittedState, DutyKind, FailedAt, Hash, PostedTensor,
    TensorPart, TensorRoots, slice_root,
};

use super::{AttemptId, ValidatorNode, lock};

/// The canonical file of the model's weights, and where everything stands in it.
#[derive(Debug)]
pub(crate) struct WeightsFile {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Its BLAKE3 hash.
    pub(crate) root: Hash,
    /// Its layout.
    pub(crate) layout: WeightLayout,
}

/// What the worker of a dispute has shown on chain.
#[derive(Debug, Default)]
pub(super) struct Shown {
    roots: Vec<Hash>,
    tensors: Vec<PostedTensor>,
}

impl ValidatorNode {
    /// Remembers what a block shows of disputes: the state keeps its hash alone.
    pub(crate) fn note(&self, block: &Block) {
        let mut shown = lock(&self.shown);
        for signed in block.body().data.iter() {
            let duty = signed.duty();
            let key = |answer: &AnswerRef| ((duty.job, duty.attempt), *answer);
            match &duty.kind {
                DutyKind::PostRoots { answer, roots } => {
                    shown.insert(key(answer), Shown { roots: roots.roots.to_vec(), tensors: Vec::new() });
                }
                DutyKind::PostTensor { answer, posted } => {
                    if let Some(shown) = shown.get_mut(&key(answer)) {
                        shown.tensors.push((**posted).clone());
                    }
                }
                _ => {}
            }
        }
    }

    /// Denies an answer, and names what its computation starts from besides a state.
    pub(super) async fn contest(
        &self,
        task: &Task,
        answer: AnswerRef,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, ComputeError> {
        let asked = || {
            let job = state.open_job(&task.job)?;
            let claim = job.committed()?.claims.get(&answer.auditor)?;
            Some((state.exact_form(job).is_some(), claim.questions.get(answer.question)?))
        };
        let Some((is_exact, boundary)) = asked() else { return Ok(None) };
        let given = match is_exact {
            true => self.given(task, boundary).await,
            false => Ok(Vec::new()),
        };
        let given = match given {
            Ok(given) => input_hashes(&given),
            // None are named where they fail (rule ARI-12).
            Err(ComputeError::Failed(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(BoundedVec::new(given).ok().map(|inputs| DutyKind::Contest { answer, inputs }))
    }

    /// Calls a jury if the worker starts from something else.
    pub(super) async fn compare_inputs(
        &self,
        task: &Task,
        answer: AnswerRef,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, ComputeError> {
        let own = match self.given(task, boundary).await {
            Ok(given) => Some(input_hashes(&given)),
            // What the worker names does not exist.
            Err(ComputeError::Failed(_)) => None,
            Err(error) => return Err(error),
        };
        let named = dispute_of(task, state).map(|dispute| &dispute.inputs);
        Ok(named.filter(|named| Some(*named) != own.as_ref()).map(|_| DutyKind::CallJury { answer }))
    }

    async fn given(&self, task: &Task, boundary: Boundary) -> Result<Vec<Vec<f32>>, ComputeError> {
        let request = ImageRequest::from_params(&task.params, boundary.image)?;
        self.worker.given_inputs(request, boundary.t.into())?.wait().await
    }

    /// All roots, from the state before to the committed one.
    pub(super) async fn list(
        &self,
        task: &Task,
        answer: AnswerRef,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, ComputeError> {
        let Some((computation, before, after)) = self.contested(task, boundary, state) else {
            return Ok(None);
        };
        let (hash_before, hash_after) = (slice_root(&before), slice_root(&after));
        let (given, failed) = (self.given(task, boundary).await?, FailedAt::from_state(&after));
        let roots = self
            .worker
            .dispute(computation, before, given, move |dispute| Ok(dispute.ending_in(&after).roots()?.0))?
            .wait()
            .await?;
        let committed = |boundary: Boundary, hash: Hash| {
            let opening = self.trace(task)?.tree().open(boundary).ok()?;
            Some(CommittedState { hash, salt: opening.salt, path: opening.path })
        };
        let (Some(after), Ok(roots)) = (committed(boundary, hash_after), BoundedVec::new(roots)) else {
            return Ok(None);
        };
        let before = earlier(boundary).and_then(|boundary| committed(boundary, hash_before));
        Ok(Some(DutyKind::PostRoots {
            answer,
            roots: Box::new(TensorRoots { before, after, roots, failed }),
        }))
    }

    /// A part of a tensor that was demanded.
    pub(super) async fn show_tensor(
        &self,
        task: &Task,
        (answer, boundary): (AnswerRef, Boundary),
        (tensor, part): (u32, TensorPart),
        state: &ChainState,
    ) -> Result<Option<DutyKind>, ComputeError> {
        let Some((computation, before, after)) = self.contested(task, boundary, state) else {
            return Ok(None);
        };
        let show =
            move |dispute: dfsn_compute::exact::Dispute<'_>| dispute.ending_in(&after).show(tensor, part);
        let given = self.given(task, boundary).await?;
        let posted = Box::new(self.worker.dispute(computation, before, given, show)?.wait().await?);
        Ok(Some(DutyKind::PostTensor { answer, posted }))
    }

    /// The number that does not follow, or what is needed to find it.
    pub(super) async fn prove(
        &self,
        task: &Task,
        (answer, boundary): (AnswerRef, Boundary),
        list: PostedList,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, ComputeError> {
        let key = ((task.job, task.attempt), answer);
        let shown = lock(&self.shown).get(&key).map(|shown| (shown.roots.clone(), shown.tensors.clone()));
        let Some((roots, tensors)) = shown.filter(|(roots, _)| roots.len() == list.count as usize) else {
            return Ok(None);
        };
        let Some((computation, before)) = self.recomputed(task, boundary, state) else { return Ok(None) };
        let Some(weights) = self.shared.weights.clone() else { return Ok(None) };
        let next = move |dispute: dfsn_compute::exact::Dispute<'_>| {
            let WeightsFile { bytes, root, layout } = &*weights;
            dispute.next_move(&roots, list.failed, &tensors, layout, *root, bytes)
        };
        let given = self.given(task, boundary).await?;
        Ok(match self.worker.dispute(computation, before, given, next)?.wait().await? {
            Move::Prove(proof) => Some(DutyKind::ProveFault { answer, proof }),
            Move::Demand { tensor, part } => Some(DutyKind::DemandTensor { answer, tensor, part }),
            Move::Agree | Move::StartsElsewhere => None,
        })
    }

    /// As the worker: the computation, the state before, and the committed one.
    fn contested(
        &self,
        task: &Task,
        boundary: Boundary,
        state: &ChainState,
    ) -> Option<(Computation, Vec<u8>, Vec<u8>)> {
        let computation = computation(task, boundary, state)?;
        let trace = self.trace(task)?;
        let before = earlier(boundary).and_then(|boundary| trace.state(boundary)).unwrap_or_default();
        Some((computation, before.to_vec(), trace.state(boundary)?.to_vec()))
    }

    /// As the auditor: the computation, and the state before as the worker served it.
    fn recomputed(
        &self,
        task: &Task,
        boundary: Boundary,
        state: &ChainState,
    ) -> Option<(Computation, Vec<u8>)> {
        let computation = computation(task, boundary, state)?;
        let id: AttemptId = (task.job, task.attempt);
        let before = earlier(boundary).map_or_else(
            || Some(Arc::default()),
            |boundary| lock(&self.fetched).get(&(id, boundary)).cloned(),
        )?;
        Some((computation, before.to_vec()))
    }
}

fn dispute_of<'a>(task: &Task, state: &'a ChainState) -> Option<&'a Dispute> {
    match &state.open_job(&task.job)?.committed()?.phase {
        Phase::Disputing(dispute) => Some(dispute),
        _ => None,
    }
}

fn computation(task: &Task, boundary: Boundary, state: &ChainState) -> Option<Computation> {
    let given = dispute_of(task, state)?.inputs.len();
    state.computation(state.open_job(&task.job)?, boundary, given)
}

fn earlier(boundary: Boundary) -> Option<Boundary> {
    Some(Boundary { t: boundary.t.checked_sub(1)?, ..boundary })
}
