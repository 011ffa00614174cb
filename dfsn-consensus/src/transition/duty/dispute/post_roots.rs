//! PostRoots: the worker shows what the contested state follows from.

use dfsn_types::{
    AnswerRef, Boundary, CommittedState, Duty, Event, Hash, LeafOpening, StateDigest, TensorRoots, slice_root,
};

use super::{Execution, not_awaited};
use crate::error::DutyError;
use crate::exact::{Binding, Computation, RootsError};
use crate::state::{Committed, DisputeStage, Job, PostedList, Stage};

impl Execution {
    /// Checks that the roots begin and end in committed states (rules ARI-03, ARI-04, ARI-10). Where the contested answer agrees with
    /// the worker's own state, there was nothing to contest.
    pub(in crate::transition::duty) fn post_roots(
        &mut self,
        duty: &Duty,
        answer: AnswerRef,
        posted: &TensorRoots,
    ) -> Result<(), DutyError> {
        self.check_count()?;
        let (job, committed, dispute) = self.dispute(duty, answer)?;
        if dispute.stage != DisputeStage::Listing || committed.worker != duty.validator {
            return Err(not_awaited(duty));
        }
        let computation = self.contested(duty, job, dispute)?;
        let before = before(dispute.boundary);
        if let (Some(state), Some(boundary)) = (&posted.before, before) {
            let bytes = bytes_before(&computation).ok_or(DutyError::Roots(RootsError::After))?;
            self.check_state(job, committed, boundary, state, bytes)?;
        }
        if posted.failed.is_some() != committed.commitment.fails_at(dispute.boundary) {
            return Err(DutyError::OtherEnd(dispute.boundary));
        }
        let bytes = bytes_after(&computation, posted).ok_or(DutyError::Roots(RootsError::After))?;
        let digest = self.check_state(job, committed, dispute.boundary, &posted.after, bytes)?;
        let hash_before = posted.before.as_ref().map(|state| &state.hash);
        let roots = match posted.failed {
            None => computation.check_roots(&posted.roots, hash_before, &dispute.inputs, &posted.after.hash),
            Some(at) => computation.check_failed_roots(&posted.roots, hash_before, &dispute.inputs, at),
        };
        roots.map_err(DutyError::Roots)?;
        let (boundary, is_baseless) =
            (dispute.boundary, self.explains(job, committed, answer, dispute.boundary, digest));
        let (hash, count) = (list_hash(&posted.roots), number(posted.roots.len()));
        let list = PostedList { hash, count, failed: posted.failed };
        let (id, attempt) = (job.id, job.attempt);
        self.event(Event::RootsPosted { job: id, attempt, boundary, tensors: list.count });
        self.note_opened(duty, [Some(boundary), before])?;
        self.count_check();
        if is_baseless {
            return self.nothing_contested(duty, answer);
        }
        self.enter_stage(duty, DisputeStage::Proving(list))
    }

    /// That a state stands at a boundary of the committed trace; its digest.
    fn check_state(
        &self,
        job: &Job,
        committed: &Committed,
        boundary: Boundary,
        state: &CommittedState,
        bytes: u64,
    ) -> Result<StateDigest, DutyError> {
        let context = job.state_context(self.state.chain.genesis, committed.worker, boundary);
        let digest = context.digest_of(bytes, &state.hash);
        let opening = LeafOpening { boundary, digest, salt: state.salt, path: state.path.clone() };
        self.check_leaf(job, committed, &opening)?;
        Ok(digest)
    }

    fn explains(
        &self,
        job: &Job,
        committed: &Committed,
        answer: AnswerRef,
        boundary: Boundary,
        digest: StateDigest,
    ) -> bool {
        let context = job.answer_context(self.state.chain.genesis, boundary, answer.auditor);
        let answers = committed.claims.get(&answer.auditor).and_then(|claim| claim.answers.as_ref());
        let given = answers.and_then(|answers| answers.get(usize::from(answer.question)));
        given == Some(&context.answer(&digest))
    }

    fn note_opened(&mut self, duty: &Duty, boundaries: [Option<Boundary>; 2]) -> Result<(), DutyError> {
        let mut job = self.take_duty_job(duty)?;
        if let Stage::Committed(committed) = &mut job.stage {
            committed.opened.extend(boundaries.into_iter().flatten());
        }
        self.put_job(job);
        Ok(())
    }
}

fn before(boundary: Boundary) -> Option<Boundary> {
    Some(Boundary { t: boundary.t.checked_sub(1)?, ..boundary })
}

/// Bytes of the state that a computation starts from.
fn bytes_before(computation: &Computation) -> Option<u64> {
    let inputs = |call: &crate::exact::Call| -> Vec<(Binding, Option<u64>)> {
        let bytes = |id: &crate::exact::TensorId| call.program.tensor(*id).map(|spec| spec.bytes());
        call.inputs.iter().cloned().zip(call.program.inputs().iter().map(bytes)).collect()
    };
    let all = computation.calls().iter().flat_map(inputs);
    all.filter(|(binding, _)| *binding == Binding::Before).find_map(|(_, bytes)| bytes)
}

/// Bytes of the state that the roots end in, whose hash must be that of the failure if they end in one.
fn bytes_after(computation: &Computation, posted: &TensorRoots) -> Option<u64> {
    let Some(failed) = posted.failed else {
        return Some(computation.tensor(computation.last()?)?.bytes());
    };
    let state = failed.to_state();
    (posted.after.hash == slice_root(&state)).then_some(state.len() as u64)
}

fn list_hash(roots: &[Hash]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    for root in roots {
        hasher.update(root.as_bytes());
    }
    Hash::from_bytes(*hasher.finalize().as_bytes())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
