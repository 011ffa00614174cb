//! What a validator has to do, read off the state: the pure half of a node.
//!
//! An [`Operator`] turns each new state into the tasks it has not handed out yet. Running a model, serving states and signing
//! duties is the node's affair.

use std::collections::BTreeSet;

use dfsn_types::{
    Address, Attempt, Boundary, GenerationParams, JobId, LeafOpening, Role, TraceError, TraceTree, VrfProof,
    VrfSecretKey,
};

use crate::sortition;
use crate::state::{ChainState, Claim, Committed, Job, Judgement, JuryStage, Phase, Stage};

/// Something a validator owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// The worker of the attempt.
    pub worker: Address,
    /// What the job asks for.
    pub params: GenerationParams,
    /// What is owed.
    pub kind: TaskKind,
}

/// What is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Accept, if every input is there and a compute client can finish.
    Accept {
        /// Which draw to accept.
        draw: u32,
    },
    /// Draw the pictures and commit.
    Generate,
    /// Claim: the sortition chose this validator.
    Claim {
        /// Auditor or juror.
        role: Role,
        /// The proof to show.
        proof: VrfProof,
    },
    /// Compute the states at these boundaries and answer.
    Answer {
        /// Auditor or juror.
        role: Role,
        /// What is asked, in order.
        boundaries: Vec<Boundary>,
    },
    /// Open, or contest the first answer that differs.
    Open,
    /// Show the digest at a contested boundary.
    Reveal {
        /// Where.
        boundary: Boundary,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Accept(u32),
    Generate,
    Claim(Role, Option<(Address, u8)>),
    Answer(Role, Option<(Address, u8)>),
    Open(usize, usize),
    Reveal(Role, Address, u8),
}

/// One validator's view of its duties.
#[derive(Debug)]
pub struct Operator {
    address: Address,
    vrf_key: VrfSecretKey,
    handed_out: BTreeSet<(JobId, Attempt, Step)>,
}

impl Operator {
    /// For the validator of `address`, whose registered VRF key this is.
    pub const fn new(address: Address, vrf_key: VrfSecretKey) -> Self {
        Self { address, vrf_key, handed_out: BTreeSet::new() }
    }

    /// The validator.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Tasks that this state adds. Each is handed out once; a node that could not do one drops it, and bears what the rules say.
    pub fn tasks(&mut self, state: &ChainState) -> Vec<Task> {
        self.handed_out
            .retain(|(job, attempt, _)| state.open_job(job).is_some_and(|job| job.attempt == *attempt));
        let mut tasks = Vec::new();
        for (_, id) in &state.windows {
            let Some(job) = state.open_job(id) else { continue };
            let Some(worker) = job.worker() else { continue };
            for (step, kind) in self.steps(state, job) {
                if self.handed_out.insert((*id, job.attempt, step)) {
                    tasks.push(Task {
                        job: *id,
                        attempt: job.attempt,
                        worker,
                        params: job.params.clone(),
                        kind,
                    });
                }
            }
        }
        tasks
    }

    fn steps(&self, state: &ChainState, job: &Job) -> Vec<(Step, TaskKind)> {
        match &job.stage {
            Stage::Drawn { worker, .. } if *worker == self.address => {
                vec![(Step::Accept(job.tries), TaskKind::Accept { draw: job.tries })]
            }
            Stage::Accepted { worker, .. } if *worker == self.address => {
                vec![(Step::Generate, TaskKind::Generate)]
            }
            Stage::Committed(committed) => self.audit_step(state, job, committed).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn audit_step(&self, state: &ChainState, job: &Job, committed: &Committed) -> Option<(Step, TaskKind)> {
        match &committed.phase {
            Phase::Opening if committed.worker == self.address => {
                Some((Step::Open(committed.claims.len(), committed.denied.len()), TaskKind::Open))
            }
            Phase::Judging(judgement) => self.judgement_step(state, job, committed, judgement),
            Phase::Claiming | Phase::Answering => match committed.claims.get(&self.address) {
                Some(claim) => answer_step(claim),
                None => self.claim_step(state, job, Role::Auditor, None),
            },
            Phase::Opening | Phase::Delivering => None,
        }
    }

    fn judgement_step(
        &self,
        state: &ChainState,
        job: &Job,
        committed: &Committed,
        judgement: &Judgement,
    ) -> Option<(Step, TaskKind)> {
        let role = Role::Juror;
        let place = Some((judgement.auditor, judgement.question));
        let seat = judgement.jurors.get(&self.address);
        match (judgement.stage, seat) {
            (JuryStage::Claiming, None) => self.claim_step(state, job, role, place),
            (JuryStage::Claiming | JuryStage::Answering, Some(seat)) if seat.answer.is_none() => Some((
                Step::Answer(role, place),
                TaskKind::Answer { role, boundaries: vec![judgement.boundary] },
            )),
            (JuryStage::Revealing, seat) => {
                let is_party = committed.worker == self.address || judgement.auditor == self.address;
                let answered = seat.is_some_and(|seat| seat.answer.is_some());
                let step = Step::Reveal(role, judgement.auditor, judgement.question);
                (is_party || answered).then_some((step, TaskKind::Reveal { boundary: judgement.boundary }))
            }
            _ => None,
        }
    }

    /// Claims if the sortition chose this validator.
    fn claim_step(
        &self,
        state: &ChainState,
        job: &Job,
        role: Role,
        place: Option<(Address, u8)>,
    ) -> Option<(Step, TaskKind)> {
        let step = Step::Claim(role, place);
        if self.handed_out.contains(&(job.id, job.attempt, step)) {
            return None;
        }
        let validator = state.validators.get(&self.address)?;
        let sortition = state.sortition(job, role)?;
        if !state.may_claim(job, validator) {
            return None;
        }
        let output = self.vrf_key.evaluate(sortition.alpha.as_bytes()).ok()?;
        let stake = state.sortition_stake(job, validator);
        if !sortition::is_selected(&output, sortition.rate, stake, sortition.stake_eligible) {
            return None;
        }
        let proof = self.vrf_key.prove(sortition.alpha.as_bytes()).ok()?;
        Some((step, TaskKind::Claim { role, proof }))
    }
}

fn answer_step(claim: &Claim) -> Option<(Step, TaskKind)> {
    if claim.answers.is_some() {
        return None;
    }
    let boundaries = claim.questions.iter().collect();
    Some((Step::Answer(Role::Auditor, None), TaskKind::Answer { role: Role::Auditor, boundaries }))
}

/// What a worker does when the answers are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenDecision {
    /// All answers agree with the trace: show these leaves.
    Open(Vec<LeafOpening>),
    /// This answer differs: contest it and show nothing.
    Contest {
        /// Whose answer.
        auditor: Address,
        /// Which of its questions.
        question: u8,
    },
}

/// Compares the answers of a job with the worker's own trace (rules OPN-01, CON-01).
///
/// # Errors
/// [`TraceError`] when the trace is not of this job's shape.
pub fn decide_opening(
    state: &ChainState,
    job: &Job,
    tree: &TraceTree,
) -> Result<Option<OpenDecision>, TraceError> {
    let Some(committed) = job.committed() else { return Ok(None) };
    let mut boundaries = BTreeSet::new();
    for (auditor, claim) in &committed.claims {
        for (question, (boundary, answer)) in
            (0u8..).zip(claim.questions.iter().zip(claim.answers.iter().flatten()))
        {
            let context = job.answer_context(state.chain.genesis, boundary, *auditor);
            if context.answer(&tree.open(boundary)?.digest) != *answer {
                return Ok(Some(OpenDecision::Contest { auditor: *auditor, question }));
            }
            boundaries.insert(boundary);
        }
    }
    let openings = boundaries.into_iter().map(|boundary| tree.open(boundary)).collect::<Result<_, _>>()?;
    Ok(Some(OpenDecision::Open(openings)))
}
