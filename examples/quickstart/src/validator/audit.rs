//! An auditor's and a juror's task: re-execute what is asked, and answer blindly.

use dfsn_compute::{ComputeError, ImageRequest, Question};
use dfsn_consensus::operator::Task;
use dfsn_consensus::state::ChainState;
use dfsn_types::{AnswerContext, Boundary, BoundedVec, DutyKind, Role, Seat, StateDigest, TraceShape};

use super::peers::ServedState;
use super::{ValidatorNode, lock};

impl ValidatorNode {
    /// Computes each state asked about, from the state before it as the worker serves it, and answers with keyed digests.
    pub(super) async fn answer(
        &self,
        task: &Task,
        seat: Seat,
        boundaries: &[Boundary],
        state: &ChainState,
    ) -> Option<DutyKind> {
        let lazy = seat.role() == Role::Auditor && self.shared.cheat.answers_lazily(self.address());
        let mut answers = Vec::new();
        for boundary in boundaries {
            let digest =
                if lazy { Ok(made_up(task, boundary)) } else { self.recompute(task, *boundary, state).await };
            let digest =
                digest.inspect_err(|error| eprintln!("validator {}: {error}", self.address())).ok()?;
            lock(&self.answered).insert(((task.job, task.attempt), *boundary), digest);
            let context = AnswerContext {
                genesis: self.chain.genesis,
                job: task.job,
                attempt: task.attempt,
                boundary: *boundary,
                answerer: self.address(),
            };
            answers.push(context.answer(&digest));
        }
        Some(DutyKind::SubmitAudit { seat, answers: BoundedVec::new(answers).ok()? })
    }

    async fn recompute(
        &self,
        task: &Task,
        boundary: Boundary,
        state: &ChainState,
    ) -> Result<StateDigest, ComputeError> {
        let request = ImageRequest::from_params(&task.params, boundary.image)?;
        let question = match boundary.t {
            0 => Question::InitialState,
            t => {
                let input = Boundary { image: boundary.image, t: t - 1 };
                let bytes = self.fetch_state(task, input, state)?;
                lock(&self.fetched).insert(((task.job, task.attempt), input), bytes.as_slice().into());
                let decoded = t == TraceShape::of(&task.params).decoded();
                if decoded {
                    Question::Decode { state: bytes }
                } else {
                    Question::Step { step: usize::from(t), state: bytes }
                }
            }
        };
        let commitment =
            state.open_job(&task.job).and_then(|job| job.committed()).map(|committed| &committed.commitment);
        let fails = commitment.is_some_and(|commitment| commitment.fails_at(boundary));
        let context = self.context(task);
        match self.worker.answer(request, question)?.wait().await {
            Ok(bytes) => Ok(context.answer(boundary, &bytes, fails)),
            // The worker serves what no step can start from.
            Err(ComputeError::State(_)) => Ok(context.at(boundary).malformed()),
            Err(error) => Err(error),
        }
    }

    /// Asks the worker for an input and checks it against what the worker committed to.
    fn fetch_state(&self, task: &Task, input: Boundary, state: &ChainState) -> Result<Vec<u8>, ComputeError> {
        let refused =
            |why: &str| ComputeError::Backend(format!("state {} of image {}: {why}", input.t, input.image));
        let worker =
            self.shared.peers.get(&task.worker).ok_or_else(|| refused("its worker is not to be reached"))?;
        let ServedState { bytes, opening } = worker
            .serve(self.address(), task, input, state)
            .ok_or_else(|| refused("its worker does not serve it"))?;
        let commitment =
            state.open_job(&task.job).and_then(|job| job.committed()).map(|committed| &committed.commitment);
        let root = commitment.ok_or_else(|| refused("nothing is committed"))?.trace_root;
        let shape = TraceShape::of(&task.params);
        let is_committed = opening.boundary == input
            && opening.digest == self.context(task).at(input).digest(&bytes)
            && opening.verify(shape, &root).is_ok();
        if is_committed { Ok(bytes) } else { Err(refused("it is not what its worker committed to")) }
    }
}

/// A digest from nowhere, as long as a real one.
fn made_up(task: &Task, boundary: &Boundary) -> StateDigest {
    dfsn_types::Domain::TraceState.hash(&(task.job, boundary, "made up")).into()
}
