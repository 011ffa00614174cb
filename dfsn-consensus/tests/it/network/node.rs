//! One validator's node: does, or does not do, what its operator says is owed.

use std::collections::BTreeMap;

use dfsn_consensus::operator::{OpenDecision, Operator, Task, TaskKind, decide_opening};
use dfsn_consensus::state::{ChainState, Phase, input};
use dfsn_types::{
    Address, AnswerContext, AnswerDigest, AnswerRef, Attempt, Boundary, BoundedVec, ChainIdentity, Domain,
    Duty, DutyKind, GenerationParams, GenesisHash, JobId, LeafOpening, Role, Seat, SecretKey, SignedDuty,
    StateDigest, TraceShape, VrfSecretKey,
};

use super::behaviour::{Answering, Behaviour, Working};
use super::inference::{self, Place, Trace};
use super::setup::{address, seed};

/// The keys of a validator.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) owner: SecretKey,
    pub(crate) duty: SecretKey,
    pub(crate) compute: SecretKey,
    vrf_seed: [u8; 32],
}

impl Keys {
    pub(crate) fn of(index: usize) -> Self {
        Self {
            owner: SecretKey::from_seed(&seed(1, index)),
            duty: SecretKey::from_seed(&seed(2, index)),
            compute: SecretKey::from_seed(&seed(3, index)),
            vrf_seed: seed(4, index),
        }
    }

    pub(crate) fn vrf(&self) -> VrfSecretKey {
        VrfSecretKey::from_seed(&self.vrf_seed)
    }

    pub(crate) fn address(&self) -> Address {
        address(&self.owner)
    }
}

/// Traces that workers serve to auditors, by job and attempt.
pub(crate) type Served = BTreeMap<(JobId, Attempt), Trace>;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) keys: Keys,
    pub(crate) behaviour: Behaviour,
    operator: Operator,
    answered: BTreeMap<(JobId, Attempt, Boundary), StateDigest>,
    denied: Vec<(JobId, Attempt)>,
    /// What could not be done yet: there was no answer to copy.
    postponed: Vec<Task>,
}

impl Node {
    pub(crate) fn new(keys: Keys, behaviour: Behaviour) -> Self {
        let operator = Operator::new(keys.address(), keys.vrf());
        Self {
            keys,
            behaviour,
            operator,
            answered: BTreeMap::new(),
            denied: Vec::new(),
            postponed: Vec::new(),
        }
    }

    pub(crate) fn address(&self) -> Address {
        self.keys.address()
    }

    /// Registered another VRF key.
    pub(crate) fn use_vrf(&mut self, key: VrfSecretKey) {
        self.operator = Operator::new(self.address(), key);
    }

    /// Forgets what its disk does not hold: what it was about to do.
    pub(crate) fn restart(&mut self) {
        self.operator = Operator::new(self.address(), self.keys.vrf());
        self.postponed.clear();
    }

    /// The duties that this node sends on seeing a state.
    pub(crate) fn duties(&mut self, state: &ChainState, served: &mut Served) -> Vec<SignedDuty> {
        let mut tasks = core::mem::take(&mut self.postponed);
        tasks.extend(self.operator.tasks(state));
        let mut duties = Vec::new();
        let is_current =
            |task: &Task| state.open_job(&task.job).is_some_and(|job| job.attempt == task.attempt);
        for task in tasks.into_iter().filter(is_current) {
            if let Some(kind) = self.perform(&task, state, served) {
                duties.push(self.sign(&state.chain, task.job, task.attempt, kind));
            } else if matches!(&task.kind, TaskKind::Answer { seat, .. } if self.may_answer_later(*seat)) {
                self.postponed.push(task);
            }
        }
        duties
    }

    pub(crate) fn sign(
        &self,
        chain: &ChainIdentity,
        job: JobId,
        attempt: Attempt,
        kind: DutyKind,
    ) -> SignedDuty {
        Duty { validator: self.address(), job, attempt, kind }.sign(chain, &self.keys.duty)
    }

    fn perform(&mut self, task: &Task, state: &ChainState, served: &mut Served) -> Option<DutyKind> {
        let genesis = state.chain.genesis;
        match &task.kind {
            TaskKind::Accept { draw } => {
                let willing = self.behaviour.working != Working::NeverAccepts;
                willing.then_some(DutyKind::AcceptJob { draw: *draw })
            }
            TaskKind::Generate => {
                let trace = self.generate(task, genesis)?;
                let commitment = trace.commitment();
                served.insert((task.job, task.attempt), trace);
                Some(DutyKind::CommitResult(commitment))
            }
            TaskKind::Claim { seat, proof } => {
                let absent = self.manner(seat.role()) == Answering::Absent;
                (!absent).then_some(DutyKind::ClaimAudit { seat: *seat, proof: *proof })
            }
            TaskKind::Answer { seat, boundaries } => self.answer(task, *seat, boundaries, state, served),
            TaskKind::Open => self.open(task, state, served),
            TaskKind::Reveal { answer, boundary } => self.reveal(task, *answer, *boundary, served),
            TaskKind::Demand { seat, question, .. } => {
                let wants = self.manner(seat.role()) == Answering::Honest;
                let hidden = served.get(&(task.job, task.attempt)).is_none_or(|trace| trace.hidden);
                let demand = DutyKind::DemandData { seat: *seat, question: *question };
                (wants && hidden).then_some(demand)
            }
            TaskKind::Post { boundary } => {
                let posts = self.behaviour.working != Working::WithholdsAll;
                let trace = served.get(&(task.job, task.attempt))?;
                posts.then(|| DutyKind::PostData(Box::new(trace.piece(*boundary))))
            }
            // Disputes are led by the tests themselves.
            TaskKind::CompareInputs { .. }
            | TaskKind::List { .. }
            | TaskKind::Prove { .. }
            | TaskKind::ShowTensor { .. } => None,
            TaskKind::Store => self.behaviour.stores.then_some(DutyKind::Stored),
        }
    }

    /// Whether what to answer from may come yet.
    const fn may_answer_later(&self, seat: Seat) -> bool {
        matches!(self.manner(seat.role()), Answering::Copies | Answering::Honest)
    }

    const fn manner(&self, role: Role) -> Answering {
        match role {
            Role::Auditor => self.behaviour.auditing,
            Role::Juror => self.behaviour.judging,
        }
    }

    fn place(&self, task: &Task, genesis: GenesisHash) -> Place {
        Place { genesis, job: task.job, attempt: task.attempt, worker: task.worker }
    }

    fn generate(&self, task: &Task, genesis: GenesisHash) -> Option<Trace> {
        let states = drawn(self.behaviour.working, &task.params)?;
        let shape = TraceShape::of(&task.params);
        let mut trace = Trace::new(&self.place(task, genesis), shape, states, &seed(5, 0));
        if self.behaviour.working == Working::Malformed {
            trace.deny_the_first_state(&self.place(task, genesis), shape, &seed(5, 0));
        }
        trace.hidden = matches!(self.behaviour.working, Working::Withholds | Working::WithholdsAll);
        Some(trace)
    }

    fn answer(
        &mut self,
        task: &Task,
        seat: Seat,
        boundaries: &[Boundary],
        state: &ChainState,
        served: &Served,
    ) -> Option<DutyKind> {
        let (trace, place) = (served.get(&(task.job, task.attempt))?, self.place(task, state.chain.genesis));
        let mut answers = Vec::new();
        let role = seat.role();
        let demands = &state.open_job(&task.job)?.committed()?.demands;
        let is_posted = |boundary: &Boundary| {
            input(*boundary).is_none_or(|input| demands.get(&input).is_some_and(|demand| demand.complete))
        };
        let has_inputs = !trace.hidden || boundaries.iter().all(is_posted);
        if self.manner(role) == Answering::Honest && !has_inputs {
            return None;
        }
        for boundary in boundaries {
            let right = inference::recompute(&task.params, *boundary, trace.input(*boundary));
            let digest = match self.manner(role) {
                Answering::Honest | Answering::Absent => place.digest(*boundary, right),
                Answering::Friend => trace.tree.open(*boundary).ok()?.digest,
                Answering::Silent => return None,
                Answering::Copies => {
                    answers.push(copied_answer(state, task, self.address(), answers.len())?);
                    continue;
                }
                Answering::Random => {
                    let random = Domain::Answer.hash(&("random", task.job, boundary));
                    answers.push(AnswerDigest::from(random));
                    continue;
                }
            };
            self.answered.insert((task.job, task.attempt, *boundary), digest);
            answers.push(self.context(task, *boundary, place.genesis).answer(&digest));
        }
        Some(DutyKind::SubmitAudit { seat, answers: BoundedVec::new(answers).unwrap() })
    }

    fn context(&self, task: &Task, boundary: Boundary, genesis: GenesisHash) -> AnswerContext {
        AnswerContext { genesis, job: task.job, attempt: task.attempt, boundary, answerer: self.address() }
    }

    fn open(&mut self, task: &Task, state: &ChainState, served: &Served) -> Option<DutyKind> {
        let (job, trace) = (state.open_job(&task.job)?, served.get(&(task.job, task.attempt))?);
        match self.behaviour.working {
            Working::NeverOpens | Working::Mute => return None,
            Working::ContestsBaselessly if !self.denied.contains(&(task.job, task.attempt)) => {
                self.denied.push((task.job, task.attempt));
                let auditor = *job.committed()?.claims.keys().next()?;
                return Some(DutyKind::Contest {
                    answer: super::answer_of(auditor, 0),
                    inputs: dfsn_types::BoundedVec::empty(),
                });
            }
            _ => {}
        }
        match decide_opening(state, job, &trace.tree).unwrap()? {
            OpenDecision::Open(openings) => {
                Some(DutyKind::OpenAudit { openings: BoundedVec::new(openings).unwrap() })
            }
            OpenDecision::Contest(answer) => {
                Some(DutyKind::Contest { answer, inputs: dfsn_types::BoundedVec::empty() })
            }
        }
    }

    fn reveal(
        &self,
        task: &Task,
        answer: AnswerRef,
        boundary: Boundary,
        served: &Served,
    ) -> Option<DutyKind> {
        if self.behaviour.hides_reveal || self.behaviour.working == Working::ContestsAndHides {
            return None;
        }
        if task.worker == self.address() {
            let opening: LeafOpening = served.get(&(task.job, task.attempt))?.tree.open(boundary).ok()?;
            return Some(DutyKind::RevealAnswer { answer, digest: opening.digest, opening: Some(opening) });
        }
        let digest = *self.answered.get(&(task.job, task.attempt, boundary))?;
        Some(DutyKind::RevealAnswer { answer, digest, opening: None })
    }
}

/// What a worker of this manner draws; nothing when it misses its deadline.
fn drawn(working: Working, params: &GenerationParams) -> Option<Vec<Vec<inference::State>>> {
    let images = 0..params.num_images();
    let (steps, first) = (params.executed_steps(), |image| inference::initial(params, image));
    Some(match working {
        Working::MissesDeadline => return None,
        Working::Garbage | Working::NeverOpens | Working::ContestsAndHides => images
            .map(|image| (0..steps + 2).map(|t| Domain::Pixels.hash(&("noise", image, t))).collect())
            .collect(),
        Working::OtherSeed => {
            images.map(|image| inference::run(params, first(image.wrapping_add(1)), None)).collect()
        }
        Working::WrongStep(t) => images.map(|image| inference::run(params, first(image), Some(t))).collect(),
        Working::OtherModel => {
            images.map(|image| inference::run_as(first(image), params, other_model)).collect()
        }
        Working::LowerPrecision => {
            images.map(|image| inference::run_as(first(image), params, rounded)).collect()
        }
        Working::FewerSteps => images.map(|image| half_the_steps(params, first(image))).collect(),
        _ => inference::generate(params),
    })
}

/// A step as another model takes it.
fn other_model(_: u16, right: inference::State) -> inference::State {
    Domain::Pixels.hash(&("other model", right))
}

/// The right step, to fewer digits.
fn rounded(_: u16, right: inference::State) -> inference::State {
    let mut bytes = *right.as_bytes();
    bytes[16..].fill(0);
    inference::State::from_bytes(bytes)
}

/// Every second step is run, and its state shown twice.
fn half_the_steps(params: &GenerationParams, first: inference::State) -> Vec<inference::State> {
    let mut states = vec![first];
    for t in 1..=params.executed_steps() {
        let before = states[usize::from(t) - 1];
        states.push(if t % 2 == 1 { inference::step(params, t, before) } else { before });
    }
    states.push(inference::decode(states[states.len() - 1]));
    states
}

/// The answer that somebody else gave to its own question of this number, as it stands on the chain.
fn copied_answer(state: &ChainState, task: &Task, me: Address, index: usize) -> Option<AnswerDigest> {
    let committed = state.open_job(&task.job)?.committed()?;
    if let Phase::Judging(judgement) = &committed.phase {
        let contested = committed.claims.get(&judgement.answer.auditor)?.answers.as_ref()?;
        return contested.get(usize::from(judgement.answer.question)).copied();
    }
    let mut others = committed.claims.iter().filter(|(auditor, _)| **auditor != me);
    others.find_map(|(_, claim)| claim.answers.as_ref()?.get(index).copied())
}
