//! What a validator has to do, read off the state: the pure half of a node.
//!
//! An [`Operator`] turns each new state into the tasks it has not handed out yet. Running a model, serving states and signing
//! duties is the node's affair.

mod dispute;
mod opening;

pub use opening::{OpenDecision, decide_opening};

use std::collections::BTreeSet;

use dfsn_types::{
    Address, AnswerRef, Attempt, Boundary, GenerationParams, JobId, Role, Seat, TensorPart, TraceShape,
    VrfProof, VrfSecretKey,
};

use crate::sortition;
use crate::state::{
    ChainState, Claim, Committed, DemandTime, Job, Judgement, JuryStage, Phase, PostedList, Stage, input,
};

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
        /// The place.
        seat: Seat,
        /// The proof to show.
        proof: VrfProof,
    },
    /// Compute the states at these boundaries and answer.
    Answer {
        /// The place.
        seat: Seat,
        /// What is asked, in order.
        boundaries: Vec<Boundary>,
    },
    /// Open, or contest the first answer that differs.
    Open,
    /// Show the digest at a contested boundary.
    Reveal {
        /// The contested answer.
        answer: AnswerRef,
        /// Where.
        boundary: Boundary,
    },
    /// Demand the state that a question starts from, if the worker has not served it: the answer is still owed.
    Demand {
        /// The place.
        seat: Seat,
        /// Which of its questions, from 0.
        question: u8,
        /// The state to demand.
        input: Boundary,
    },
    /// Post all pieces of a state that was demanded.
    Post {
        /// Which state.
        boundary: Boundary,
    },
    /// Compare the inputs that the worker named with one's own, and call a jury if they differ.
    CompareInputs {
        /// The contested answer.
        answer: AnswerRef,
        /// Where.
        boundary: Boundary,
    },
    /// Post the roots of all tensors that lead to a contested state.
    List {
        /// The contested answer.
        answer: AnswerRef,
        /// Where.
        boundary: Boundary,
    },
    /// Show a number of the worker's that does not follow, or demand to see more: the roots stand in an accepted block.
    Prove {
        /// The contested answer.
        answer: AnswerRef,
        /// Where.
        boundary: Boundary,
        /// What names the roots.
        list: PostedList,
    },
    /// Show a part of a tensor that was demanded.
    ShowTensor {
        /// The contested answer.
        answer: AnswerRef,
        /// Where.
        boundary: Boundary,
        /// Which tensor.
        tensor: u32,
        /// Which part.
        part: TensorPart,
    },
    /// Fetch the pictures by their hashes, keep them, and say so.
    Store,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Accept(u32),
    Generate,
    Claim(Seat),
    Answer(Seat),
    Open(u8, usize, usize),
    Reveal(AnswerRef),
    Demand(Seat, u8),
    Post(Boundary),
    CompareInputs(AnswerRef),
    List(AnswerRef),
    /// With as many parts as were shown.
    Prove(AnswerRef, usize),
    ShowTensor(AnswerRef, u32, TensorPart),
    Store,
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
            Stage::Committed(committed) => self.audit_steps(state, job, committed),
            _ => Vec::new(),
        }
    }

    fn audit_steps(&self, state: &ChainState, job: &Job, committed: &Committed) -> Vec<(Step, TaskKind)> {
        let is_worker = committed.worker == self.address;
        match &committed.phase {
            Phase::Opening if is_worker => {
                let step = Step::Open(committed.round, committed.claims.len(), committed.denied.len());
                vec![(step, TaskKind::Open)]
            }
            Phase::Claiming | Phase::Answering(_) | Phase::Judging(_) if is_worker => {
                let reveal = self.reveal_step(committed);
                posts(committed).chain(reveal).collect()
            }
            Phase::Claiming => match committed.claims.get(&self.address) {
                Some(claim) => answer_step(claim).into_iter().collect(),
                None => self.claim_step(state, job).into_iter().collect(),
            },
            Phase::Answering(time) => {
                let Some(claim) = committed.claims.get(&self.address) else { return Vec::new() };
                let mut steps: Vec<_> = answer_step(claim).into_iter().collect();
                if claim.answers.is_none() && is_time(state, time) {
                    let seat = Seat::Auditor { round: claim.round };
                    steps.extend(demands(committed, seat, claim.questions.iter()));
                }
                steps
            }
            Phase::Judging(judgement) => self.judgement_steps(state, job, committed, judgement),
            Phase::Disputing(dispute) => self.dispute_step(committed, dispute).into_iter().collect(),
            Phase::Witnessing(witnesses) if witnesses.drawn.contains(&self.address) => {
                vec![(Step::Store, TaskKind::Store)]
            }
            _ => Vec::new(),
        }
    }

    fn judgement_steps(
        &self,
        state: &ChainState,
        job: &Job,
        committed: &Committed,
        judgement: &Judgement,
    ) -> Vec<(Step, TaskKind)> {
        let seat = Seat::Juror(judgement.answer);
        let juror = judgement.jurors.get(&self.address);
        let is_silent = juror.is_some_and(|juror| juror.answer.is_none());
        let mut steps = Vec::new();
        match judgement.stage {
            JuryStage::Claiming if juror.is_none() => steps.extend(self.claim_step(state, job)),
            JuryStage::Claiming | JuryStage::Answering(_) if is_silent => {
                let boundaries = vec![judgement.boundary];
                steps.push((Step::Answer(seat), TaskKind::Answer { seat, boundaries }));
            }
            _ => {}
        }
        if let JuryStage::Answering(time) = &judgement.stage
            && is_silent
            && is_time(state, time)
        {
            steps.extend(demands(committed, seat, [judgement.boundary].into_iter()));
        }
        steps.extend(self.reveal_step(committed));
        steps
    }

    /// Shows what was answered with, or committed to.
    fn reveal_step(&self, committed: &Committed) -> Option<(Step, TaskKind)> {
        let Phase::Judging(judgement) = &committed.phase else { return None };
        let (answer, boundary) = (judgement.answer, judgement.boundary);
        let is_party = committed.worker == self.address || answer.auditor == self.address;
        let answered = judgement.jurors.get(&self.address).is_some_and(|seat| seat.answer.is_some());
        let is_owed = judgement.stage == JuryStage::Revealing && (is_party || answered);
        is_owed.then_some((Step::Reveal(answer), TaskKind::Reveal { answer, boundary }))
    }

    /// Claims the open seats if the sortition chose this validator.
    fn claim_step(&self, state: &ChainState, job: &Job) -> Option<(Step, TaskKind)> {
        let seat = state.open_seat(job)?;
        let step = Step::Claim(seat);
        if self.handed_out.contains(&(job.id, job.attempt, step)) {
            return None;
        }
        let validator = state.validators.get(&self.address)?;
        let sortition = state.sortition(job)?;
        if !state.may_claim(job, validator) {
            return None;
        }
        let output = self.vrf_key.evaluate(sortition.alpha.as_bytes()).ok()?;
        let stake = state.sortition_stake(job, validator);
        if !sortition::is_selected(&output, sortition.rate, stake, sortition.stake_eligible) {
            return None;
        }
        let (committed, shape) = (job.committed()?, TraceShape::of(&job.params));
        let asks = sortition::draw_questions_of(&output, shape, &committed.commitment, &committed.opened);
        if seat.role() == Role::Auditor && asks.boundaries.is_empty() {
            return None;
        }
        let proof = self.vrf_key.prove(sortition.alpha.as_bytes()).ok()?;
        Some((step, TaskKind::Claim { seat, proof }))
    }
}

fn answer_step(claim: &Claim) -> Option<(Step, TaskKind)> {
    if claim.answers.is_some() {
        return None;
    }
    let (seat, boundaries) = (Seat::Auditor { round: claim.round }, claim.questions.iter().collect());
    Some((Step::Answer(seat), TaskKind::Answer { seat, boundaries }))
}

fn is_time(state: &ChainState, time: &DemandTime) -> bool {
    (time.from..=time.until).contains(&state.tip.clock)
}

/// Inputs that may still be demanded.
fn demands(
    committed: &Committed,
    seat: Seat,
    asked: impl Iterator<Item = Boundary>,
) -> Vec<(Step, TaskKind)> {
    let inputs = (0u8..).zip(asked).filter_map(|(question, boundary)| Some((question, input(boundary)?)));
    let open = inputs.filter(|(_, input)| !committed.demands.contains_key(input));
    open.map(|(question, input)| (Step::Demand(seat, question), TaskKind::Demand { seat, question, input }))
        .collect()
}

/// States that the worker has to post.
fn posts(committed: &Committed) -> impl Iterator<Item = (Step, TaskKind)> + '_ {
    let open = committed.demands.iter().filter(|(_, demand)| !demand.complete);
    open.map(|(boundary, _)| (Step::Post(*boundary), TaskKind::Post { boundary: *boundary }))
}
