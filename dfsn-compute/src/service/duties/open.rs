//! A worker's tasks after the commitment: serve, open or contest, reveal, post.

use std::sync::Arc;

use dfsn_consensus::operator::{OpenDecision, Task, decide_opening};
use dfsn_consensus::state::{ChainState, Phase};
use dfsn_types::{
    Address, AnswerRef, Attempt, Boundary, BoundedVec, DutyKind, GenerationParams, JobId, PostedChunk,
    ResultCommitment, STATE_CHUNK_BYTES, TraceTree,
};

use super::around::{ServedState, StateWanted};
use super::{DutyFailure, Validator, key, key_of, lock};
use crate::service::wire::JobKey;
use crate::trace::TraceContext;

impl Validator {
    /// Opens what was asked about, or contests the first answer that differs.
    pub(super) async fn open(
        &self,
        task: &Task,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, DutyFailure> {
        let misfit = |error: &dyn std::fmt::Display| DutyFailure::Misfit(error.to_string());
        let Some(job) = state.open_job(&task.job) else { return Ok(None) };
        let Some(committed) = job.committed() else { return Ok(None) };
        let (_, tree) = self.tree(key(task), &task.params, &committed.commitment).await?;
        let decision = decide_opening(state, job, &tree).map_err(|error| misfit(&error))?;
        Ok(match decision {
            None => None,
            Some(OpenDecision::Contest(answer)) => Some(self.contest(task, answer, state).await?),
            Some(OpenDecision::Open(openings)) => {
                let openings = BoundedVec::new(openings).map_err(|error| misfit(&error))?;
                Some(DutyKind::OpenAudit { openings })
            }
        })
    }

    /// Shows the contested leaf as its worker, or the digest answered with.
    pub(super) async fn reveal(
        &self,
        task: &Task,
        answer: AnswerRef,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<DutyKind, DutyFailure> {
        if task.worker == self.address() {
            let (_, tree) = self.own_tree(task, state).await?;
            let opening = tree.open(boundary).map_err(|error| DutyFailure::Misfit(error.to_string()))?;
            return Ok(DutyKind::RevealAnswer { answer, digest: opening.digest, opening: Some(opening) });
        }
        let known = lock(&self.answered).get(&(key(task), boundary)).copied();
        // After a restart the answer is computed again: it is the same one.
        let digest = match known {
            Some(digest) => digest,
            None => self.recompute(task, boundary, state).await?,
        };
        Ok(DutyKind::RevealAnswer { answer, digest, opening: None })
    }

    /// Posts all pieces of a demanded state.
    pub(super) async fn post(
        &self,
        task: &Task,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<Vec<DutyKind>, DutyFailure> {
        let misfit = |error: &dyn std::fmt::Display| DutyFailure::Misfit(error.to_string());
        let nothing = || DutyFailure::Missing("a commitment".to_owned());
        let committed = state.open_job(&task.job).and_then(|job| job.committed()).ok_or_else(nothing)?;
        let served =
            self.own_state(&self.context(task), &task.params, &committed.commitment, boundary).await?;
        let mut posts = Vec::new();
        for (index, _) in (0u8..).zip(served.bytes.chunks(STATE_CHUNK_BYTES as usize)) {
            let piece = PostedChunk::new(&served.bytes, index, &served.opening);
            posts.push(DutyKind::PostData(Box::new(piece.map_err(|error| misfit(&error))?)));
        }
        Ok(posts)
    }

    /// Serves the input of a question that the asker has claimed, and nothing else: an answer shown early costs the lock. That it is
    /// the asker who asks is for the node to make sure of.
    ///
    /// # Errors
    /// [`DutyFailure`] when the asker may not have it, or the worker does not give it.
    pub async fn serve(&self, wanted: StateWanted, state: &ChainState) -> Result<ServedState, DutyFailure> {
        let refused = || DutyFailure::Missing("a claim that asks for this state".to_owned());
        let StateWanted { asker, job, attempt, worker, boundary } = wanted;
        let open = state.open_job(&job).filter(|open| open.attempt == attempt).ok_or_else(refused)?;
        let committed =
            open.committed().filter(|committed| committed.worker == worker).ok_or_else(refused)?;
        let next = boundary.t.checked_add(1).ok_or_else(refused)?;
        let asked = Boundary { image: boundary.image, t: next };
        if worker != self.address() || !may_ask(committed, asker, asked) {
            return Err(refused());
        }
        let context = TraceContext { genesis: self.genesis(), job, attempt, worker };
        self.own_state(&context, &open.params, &committed.commitment, boundary).await
    }

    async fn own_state(
        &self,
        context: &TraceContext,
        params: &GenerationParams,
        commitment: &ResultCommitment,
        boundary: Boundary,
    ) -> Result<ServedState, DutyFailure> {
        let key = key_of(context.job, context.attempt);
        let (index, tree) = self.tree(key, params, commitment).await?;
        let opening = tree.open(boundary).map_err(|error| DutyFailure::Misfit(error.to_string()))?;
        let worker = self.worker(index).ok_or_else(|| DutyFailure::NoWorker("it is gone".to_owned()))?;
        let bytes = worker.state(context, boundary, &opening.digest).await?;
        Ok(ServedState { bytes, opening })
    }

    /// The tree of this validator's own committed result.
    pub(super) async fn own_tree(
        &self,
        task: &Task,
        state: &ChainState,
    ) -> Result<(usize, Arc<TraceTree>), DutyFailure> {
        let nothing = || DutyFailure::Missing("a commitment".to_owned());
        let committed = state.open_job(&task.job).and_then(|job| job.committed()).ok_or_else(nothing)?;
        self.tree(key(task), &task.params, &committed.commitment).await
    }

    /// The tree of an own result, and the worker that has its states; after a restart any worker may be the one.
    async fn tree(
        &self,
        key: JobKey,
        params: &GenerationParams,
        commitment: &ResultCommitment,
    ) -> Result<(usize, Arc<TraceTree>), DutyFailure> {
        let held = lock(&self.held).get(&key).cloned();
        if let Some((worker, tree)) = held.as_ref().and_then(|held| Some((held.worker, held.tree.clone()?))) {
            return Ok((worker, tree));
        }
        let first = held.map(|held| held.worker);
        let others = (0..self.workers.len()).filter(|index| Some(*index) != first);
        let mut failure = DutyFailure::NoWorker("there is none".to_owned());
        for index in first.into_iter().chain(others) {
            let Some(worker) = self.worker(index) else { continue };
            match worker.trace(key, params, &commitment.trace_root).await {
                Ok(tree) => {
                    let tree = Arc::new(tree);
                    self.hold_tree(key, index, &tree);
                    return Ok((index, tree));
                }
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    /// Whether a validator is this one's own.
    pub fn is(&self, address: &Address) -> bool {
        self.address() == *address
    }

    /// Tells workers that a job is over, so that they may delete its trace.
    pub async fn release(&self, job: JobId, attempt: Attempt) {
        for worker in &self.workers {
            // Most of them never had it.
            let _ = worker.release(key_of(job, attempt)).await;
        }
    }
}

fn may_ask(committed: &dfsn_consensus::state::Committed, asker: Address, asked: Boundary) -> bool {
    let is_juror = match &committed.phase {
        Phase::Judging(judgement) => judgement.boundary == asked && judgement.jurors.contains_key(&asker),
        _ => false,
    };
    let claim = committed.claims.get(&asker);
    is_juror || claim.is_some_and(|claim| claim.questions.iter().any(|question| question == asked))
}
