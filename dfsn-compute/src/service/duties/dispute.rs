//! Judgement by arithmetic: roots and tensors as the worker, one number as the contested auditor.

use bytes::Bytes;
use dfsn_consensus::operator::Task;
use dfsn_consensus::state::{ChainState, Phase, PostedList};
use dfsn_types::{
    AnswerRef, Block, Boundary, BoundedVec, CommittedState, DutyKind, FileHash, Hash, INPUTS_MAX,
    PostedTensor, TensorPart, TensorRoots, codec,
};

use super::answer::before;
use super::{DutyFailure, Validator, key, key_of, lock};
use crate::service::wire::{DisputeAnswer, DisputeCall, DisputeQuestion, DisputeReply, JobKey};

/// What the worker of a dispute has shown on chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    roots: Vec<Hash>,
    tensors: Vec<PostedTensor>,
}

/// The contested answer.
pub(super) type DisputeKey = (JobKey, AnswerRef);

impl Validator {
    /// Remembers what a block's data lane shows of disputes and posted states, of which the state keeps hashes alone. A node calls
    /// it with each accepted block before [`Self::tasks`] of the state after it; after a restart, with the latest ones.
    pub fn note(&self, block: &Block) {
        let (mut shown, mut posted) = (lock(&self.shown), lock(&self.posted));
        for signed in block.body().data.iter() {
            let duty = signed.duty();
            let key = |answer: &AnswerRef| (key_of(duty.job, duty.attempt), *answer);
            match &duty.kind {
                DutyKind::PostRoots { answer, roots } => {
                    shown.insert(key(answer), Shown { roots: roots.roots.to_vec(), tensors: Vec::new() });
                }
                DutyKind::PostTensor { answer, posted } => {
                    if let Some(shown) = shown.get_mut(&key(answer)) {
                        shown.tensors.push((**posted).clone());
                    }
                }
                DutyKind::PostData(piece) => {
                    let state = posted.entry((key_of(duty.job, duty.attempt), piece.boundary)).or_default();
                    state.insert(piece.index, (**piece).clone());
                }
                _ => {}
            }
        }
    }

    /// As the worker: denies an answer, and names what its computation starts from besides a state.
    pub(super) async fn contest(
        &self,
        task: &Task,
        answer: AnswerRef,
        state: &ChainState,
    ) -> Result<DutyKind, DutyFailure> {
        let missing = || DutyFailure::Missing("the contested claim".to_owned());
        let job = state.open_job(&task.job).ok_or_else(missing)?;
        let claim = job.committed().and_then(|committed| committed.claims.get(&answer.auditor));
        let boundary = claim.and_then(|claim| claim.questions.get(answer.question)).ok_or_else(missing)?;
        if state.exact_form(job).is_none() {
            return Ok(DutyKind::Contest { answer, inputs: BoundedVec::empty() });
        }
        let (index, _) = self.own_tree(task, state).await?;
        let inputs = self.given(index, task, boundary, state).await?;
        Ok(DutyKind::Contest { answer, inputs })
    }

    /// As the contested auditor: calls a jury if the worker starts from something else.
    pub(super) async fn compare_inputs(
        &self,
        task: &Task,
        answer: AnswerRef,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, DutyFailure> {
        let Some(committed) = state.open_job(&task.job).and_then(|job| job.committed()) else {
            return Ok(None);
        };
        let Phase::Disputing(dispute) = &committed.phase else { return Ok(None) };
        let (serving, mut why_not) = self.serving(task.params.model(), task.params.profile()).await;
        for index in serving {
            match self.given(index, task, boundary, state).await {
                Ok(own) if own[..] == dispute.inputs[..] => return Ok(None),
                Ok(_) => return Ok(Some(DutyKind::CallJury { answer })),
                Err(error) => why_not = error.to_string(),
            }
        }
        Err(DutyFailure::NoWorker(why_not))
    }

    async fn given(
        &self,
        index: usize,
        task: &Task,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<BoundedVec<Hash, INPUTS_MAX>, DutyFailure> {
        match self.ask_about(index, task, boundary, DisputeQuestion::Given, &[], state).await? {
            DisputeAnswer::Given(hashes) => Ok(hashes),
            _ => Err(other_answer()),
        }
    }

    /// As the worker: the roots of all tensors, from the state before to the committed one.
    pub(super) async fn list(
        &self,
        task: &Task,
        answer: AnswerRef,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<DutyKind, DutyFailure> {
        let (index, tree) = self.own_tree(task, state).await?;
        let question = DisputeQuestion::Roots { result: key(task) };
        let found = self.ask_about(index, task, boundary, question, &[], state).await?;
        let DisputeAnswer::Roots { before: hash_before, after: hash_after, roots, failed } = found else {
            return Err(other_answer());
        };
        let committed = |boundary: Boundary, hash: Hash| {
            let opening = tree.open(boundary).map_err(|error| DutyFailure::Misfit(error.to_string()))?;
            Ok::<_, DutyFailure>(CommittedState { hash, salt: opening.salt, path: opening.path })
        };
        let before = before(boundary).zip(hash_before);
        let before = before.map(|(boundary, hash)| committed(boundary, hash)).transpose()?;
        let after = committed(boundary, hash_after)?;
        Ok(DutyKind::PostRoots { answer, roots: Box::new(TensorRoots { before, after, roots, failed }) })
    }

    /// As the worker: a part of a tensor that was demanded.
    pub(super) async fn show_tensor(
        &self,
        task: &Task,
        (answer, boundary): (AnswerRef, Boundary),
        (tensor, part): (u32, TensorPart),
        state: &ChainState,
    ) -> Result<DutyKind, DutyFailure> {
        let (index, _) = self.own_tree(task, state).await?;
        let question = DisputeQuestion::Show { result: key(task), tensor, wanted: part };
        match self.ask_about(index, task, boundary, question, &[], state).await? {
            DisputeAnswer::Shown(posted) => Ok(DutyKind::PostTensor { answer, posted }),
            _ => Err(other_answer()),
        }
    }

    /// As the contested auditor: the number that does not follow, or what is needed to find it; nothing where the worker is right.
    pub(super) async fn prove(
        &self,
        task: &Task,
        (answer, boundary): (AnswerRef, Boundary),
        list: PostedList,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, DutyFailure> {
        let missing = |what: &str| DutyFailure::Missing(format!("{what} of job {}", task.job));
        let shown = lock(&self.shown).get(&(key(task), answer)).cloned();
        let Shown { roots, tensors } = shown
            .filter(|shown| shown.roots.len() == list.count as usize)
            .ok_or_else(|| missing("the list of roots"))?;
        let job = state.open_job(&task.job).ok_or_else(|| missing("the state"))?;
        let weights_root = state.exact_form(job).ok_or_else(|| missing("the exact form"))?.weights_root;
        let before = match before(boundary) {
            Some(start) => Some(self.input(task, start, state).await?),
            None => None,
        };
        let roots: Bytes = roots.iter().flat_map(|root| *root.as_bytes()).collect::<Vec<u8>>().into();
        let shown: Vec<Bytes> = tensors.iter().map(|posted| codec::encode(posted).into()).collect();
        let names = shown.iter().map(|posted| FileHash::of(posted)).collect();
        let question = DisputeQuestion::Next {
            before: before.as_ref().map(|bytes| FileHash::of(bytes)),
            roots: FileHash::of(&roots),
            failed: list.failed,
            shown: BoundedVec::new(names).map_err(|error| DutyFailure::Misfit(error.to_string()))?,
            weights_root,
        };
        let blobs: Vec<Bytes> = before.into_iter().chain([roots]).chain(shown).collect();
        let (serving, mut why_not) = self.serving(task.params.model(), task.params.profile()).await;
        for index in serving {
            match self.ask_about(index, task, boundary, question.clone(), &blobs, state).await {
                Ok(DisputeAnswer::Prove(proof)) => return Ok(Some(DutyKind::ProveFault { answer, proof })),
                Ok(DisputeAnswer::Demand { tensor, part }) => {
                    return Ok(Some(DutyKind::DemandTensor { answer, tensor, part }));
                }
                Ok(DisputeAnswer::Nothing) => return Ok(None),
                Ok(_) => return Err(other_answer()),
                Err(error) => why_not = error.to_string(),
            }
        }
        Err(DutyFailure::NoWorker(why_not))
    }

    async fn ask_about(
        &self,
        index: usize,
        task: &Task,
        boundary: Boundary,
        question: DisputeQuestion,
        blobs: &[Bytes],
        state: &ChainState,
    ) -> Result<DisputeAnswer, DutyFailure> {
        let worker = self.worker(index).ok_or_else(|| DutyFailure::NoWorker("it is gone".to_owned()))?;
        let deadline_ms = state.params.windows.open_ms.get();
        let call = DisputeCall { params: task.params.clone(), boundary, question, deadline_ms, wait_ms: 0 };
        match worker.dispute(&call, blobs).await? {
            DisputeReply::Done { answer } => Ok(answer),
            DisputeReply::Pending => Err(DutyFailure::NoWorker(format!("{} was too slow", worker.worker()))),
            DisputeReply::Failed { message } => {
                Err(DutyFailure::NoWorker(format!("{}: {message}", worker.worker())))
            }
        }
    }
}

fn other_answer() -> DutyFailure {
    DutyFailure::Misfit("an answer to something else".to_owned())
}
