//! An auditor's and a juror's tasks: get the state before, recompute the one asked about, answer blindly; or demand what is not
//! served.

use bytes::Bytes;
use dfsn_consensus::operator::Task;
use dfsn_consensus::state::ChainState;
use dfsn_types::{
    AnswerContext, Boundary, BoundedVec, DutyKind, FileHash, LeafOpening, Seat, StateDigest, TraceRoot,
    TraceShape,
};

use super::around::{ServedState, StateWanted};
use super::{DutyFailure, Validator, key, lock};
use crate::service::wire::{AuditCall, AuditReply};

impl Validator {
    /// Computes each state asked about, and answers with keyed digests.
    pub(super) async fn answer(
        &self,
        task: &Task,
        seat: Seat,
        boundaries: &[Boundary],
        state: &ChainState,
    ) -> Result<DutyKind, DutyFailure> {
        let mut answers = Vec::with_capacity(boundaries.len());
        for boundary in boundaries {
            let digest = self.recompute(task, *boundary, state).await?;
            lock(&self.answered).insert((key(task), *boundary), digest);
            let context = AnswerContext {
                genesis: self.genesis(),
                job: task.job,
                attempt: task.attempt,
                boundary: *boundary,
                answerer: self.address(),
            };
            answers.push(context.answer(&digest));
        }
        let answers = BoundedVec::new(answers).map_err(|error| DutyFailure::Misfit(error.to_string()))?;
        Ok(DutyKind::SubmitAudit { seat, answers })
    }

    /// The digest of one state, as a worker of this node computes it.
    pub(super) async fn recompute(
        &self,
        task: &Task,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<StateDigest, DutyFailure> {
        let mut blobs = Vec::new();
        let input = match before(boundary) {
            None => None,
            Some(input) => {
                let bytes = self.input(task, input, state).await?;
                let hash = FileHash::of(&bytes);
                blobs.push(bytes);
                Some(hash)
            }
        };
        if let Some(hash) = task.params.init_image() {
            let init = self.around.fetch(hash, u32::MAX).await;
            blobs.push(init.ok_or_else(|| DutyFailure::Missing(format!("picture {hash}")))?);
        }
        let committed = state.open_job(&task.job).and_then(|job| job.committed());
        let call = AuditCall {
            genesis: self.genesis(),
            job: task.job,
            attempt: task.attempt,
            worker: task.worker,
            params: task.params.clone(),
            boundary,
            input,
            fails: committed.is_some_and(|committed| committed.commitment.fails_at(boundary)),
            deadline_ms: state.params.windows.answer_ms.get(),
            wait_ms: 0,
        };
        self.ask(task, &call, &blobs).await
    }

    /// Asks workers one after the other.
    async fn ask(&self, task: &Task, call: &AuditCall, blobs: &[Bytes]) -> Result<StateDigest, DutyFailure> {
        let (serving, mut why_not) = self.serving(task.params.model(), task.params.profile()).await;
        for index in serving {
            let Some(worker) = self.worker(index) else { continue };
            match worker.audit(call, blobs).await {
                Ok(AuditReply::Done { digest, .. }) => return Ok(digest),
                Ok(AuditReply::Pending) => why_not = format!("{} was too slow", worker.worker()),
                Ok(AuditReply::Failed { message }) => why_not = format!("{}: {message}", worker.worker()),
                Err(error) => why_not = format!("{}: {error}", worker.worker()),
            }
        }
        Err(DutyFailure::NoWorker(why_not))
    }

    /// The state that a question starts from, as its worker committed to it.
    pub(super) async fn input(
        &self,
        task: &Task,
        input: Boundary,
        state: &ChainState,
    ) -> Result<Bytes, DutyFailure> {
        if let Some(bytes) = lock(&self.inputs).get(&(key(task), input)) {
            return Ok(bytes.clone());
        }
        let missing = |why: &str| {
            DutyFailure::Missing(format!(
                "state {} of image {} of job {}: {why}; it",
                input.t, input.image, task.job
            ))
        };
        let committed = state.open_job(&task.job).and_then(|job| job.committed());
        let root = committed.ok_or_else(|| missing("nothing is committed"))?.commitment.trace_root;
        let wanted = StateWanted {
            asker: self.address(),
            job: task.job,
            attempt: task.attempt,
            worker: task.worker,
            boundary: input,
        };
        let served = match self.around.state(wanted).await {
            Some(served) => served,
            None => self.posted(task, input).ok_or_else(|| missing("its worker does not serve it"))?,
        };
        if self.is_committed(task, input, &served, &root) {
            lock(&self.inputs).insert((key(task), input), served.bytes.clone());
            Ok(served.bytes)
        } else {
            Err(missing("what came is not what its worker committed to"))
        }
    }

    /// The state as its worker posted it on chain, once all pieces are there.
    fn posted(&self, task: &Task, input: Boundary) -> Option<ServedState> {
        let posted = lock(&self.posted);
        let pieces = posted.get(&(key(task), input))?;
        let first = pieces.values().next()?;
        if pieces.len() as u32 != first.count() {
            return None;
        }
        let bytes: Vec<u8> = pieces.values().flat_map(|piece| piece.slice.bytes.iter().copied()).collect();
        let digest = self.context(task).at(input).digest(&bytes);
        let opening = LeafOpening { boundary: input, digest, salt: first.salt, path: first.path.clone() };
        Some(ServedState { bytes: bytes.into(), opening })
    }

    fn is_committed(&self, task: &Task, input: Boundary, served: &ServedState, root: &TraceRoot) -> bool {
        let ServedState { bytes, opening } = served;
        let LeafOpening { boundary, digest, .. } = opening;
        *boundary == input
            && *digest == self.context(task).at(input).digest(bytes)
            && opening.verify(TraceShape::of(&task.params), root).is_ok()
    }

    /// Demands a state on chain, if it is still not served.
    pub(super) async fn demand(
        &self,
        task: &Task,
        seat: Seat,
        question: u8,
        input: Boundary,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, DutyFailure> {
        match self.input(task, input, state).await {
            Ok(_) => Ok(None),
            Err(_) => Ok(Some(DutyKind::DemandData { seat, question })),
        }
    }
}

/// The state that a question starts from.
pub(super) const fn before(boundary: Boundary) -> Option<Boundary> {
    match boundary.t.checked_sub(1) {
        Some(t) => Some(Boundary { image: boundary.image, t }),
        None => None,
    }
}
