//! A job in the exact profile of which a state is contested.

use std::collections::BTreeMap;

use dfsn_consensus::DutyError;
use dfsn_consensus::exact::{
    Architecture, Claim, Computation, Extent, TensorData, TensorId, open_output, prove_element,
};
use dfsn_consensus::state::{DisputeStage, Phase};
use dfsn_types::{
    Amount, AnswerRef, Attempt, Boundary, BoundedVec, CommittedState, DutyKind, ElementProof, FailedAt,
    FileHash, GenerationParams, GenerationRequest, Hash, ImageCommitment, ImageResult, ImageSize, JobId,
    Pair, PixelHash, PostedPart, PostedTensor, ProfileRecord, ResultCommitment, Salt, SchedulerKind,
    Seat as Role, Slice, StateContext, TensorPart, TensorRoots, TraceLeaf, TraceShape, TraceTree, hash_nodes,
};

use super::model::{Bytes, Change, Held, Model, Tensors, numbers};
use crate::network::setup::pair;
use crate::network::{Behaviour, Network, Seat, Setup, Working, answer_of};

/// Steps of the request; the decoder follows at `STEPS + 1`.
pub(crate) const STEPS: u16 = 4;

/// The worker, node 0, has committed; all auditors have answered; nobody does anything by itself from there on.
pub(crate) struct Case {
    pub(crate) network: Network,
    pub(crate) job: JobId,
    pub(crate) model: Model,
    pub(crate) computation: Computation,
    /// What the worker's numbers are.
    pub(crate) worker: Tensors,
    /// What they should be.
    pub(crate) right: Tensors,
    /// Where the computation fails, as the worker says.
    pub(crate) claimed: Option<FailedAt>,
    /// Where it fails.
    pub(crate) failed: Option<FailedAt>,
    pub(crate) tree: TraceTree,
    /// The contested boundary.
    t: u16,
    before: Vec<u8>,
    /// What the contest names of given inputs.
    pub(crate) inputs: Vec<Hash>,
    /// The answer that is contested.
    pub(crate) answer: AnswerRef,
}

/// Numbers before the contested boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// As usual.
    Usual,
    /// So large that the decoder's convolutions overflow.
    Huge,
}

/// Who is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The worker, in one tensor of one call, and in all that follows from it.
    Worker(usize, TensorId, usize),
    /// The auditor.
    Auditor,
    /// Nobody.
    Nobody,
}

impl Case {
    /// The decoder's output is contested.
    pub(crate) fn new(wrong: Wrong) -> Self {
        Self::at(STEPS + 1, wrong)
    }

    /// The state at a boundary is contested.
    pub(crate) fn at(t: u16, wrong: Wrong) -> Self {
        Self::of(t, wrong, Start::Usual, |_| None)
    }

    /// The worker says of the decoder's output that it fails there, or hides that it does; `claim` is told where it does.
    pub(crate) fn failing(start: Start, claim: impl Fn(Option<FailedAt>) -> Option<FailedAt>) -> Self {
        Self::of(STEPS + 1, Wrong::Nobody, start, claim)
    }

    pub(crate) fn of(
        t: u16,
        wrong: Wrong,
        start: Start,
        claim: impl Fn(Option<FailedAt>) -> Option<FailedAt>,
    ) -> Self {
        let (model, computation) = (Model::new(), contested(t));
        let start = match start {
            Start::Usual => numbers("state before", before_length(&computation)),
            Start::Huge => TensorData::from_floats(&vec![3e38; before_length(&computation)]),
        };
        let given: Vec<TensorData> =
            given_lengths(t).into_iter().map(|length| numbers("given", length)).collect();
        let inputs = given.iter().map(TensorData::hash).collect::<Vec<_>>();
        let change = match wrong {
            Wrong::Worker(call, tensor, element) => Some(Change::Flip(call, tensor, element)),
            _ => None,
        };
        let compute = |change| Tensors::compute(&model, &computation, (&start, &given), change);
        let (right, failed) = compute(None);
        let claimed = claim(failed);
        let change = change.or((claimed != failed).then_some(Change::Hide));
        let mut worker = change.map_or_else(|| right.clone(), |_| compute(change).0);
        if let Some(claimed) = claimed {
            worker = worker.before(&computation, claimed);
        }
        let after = |tensors: &Tensors, failed: Option<FailedAt>| match failed {
            Some(failed) => failed.to_state(),
            None => tensors.last(&computation),
        };
        let mut seats = vec![Seat::new(Behaviour::working(Working::MissesDeadline))];
        seats.extend((0..3).map(|_| Seat::auditor(Behaviour::HONEST)));
        let setup = Setup { exact: Some(model.record()), ..Setup::of(seats) };
        let mut network = Network::new(&setup);
        for seed in 0.. {
            let job = network.request_with(0, request(seed));
            network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.worker().is_some()));
            network.tick();
            let states = states(t, &start, &after(&worker, claimed));
            let tree = commit(&mut network, &job, &states, claimed.map(|_| t));
            network.until(|network| {
                network.phase(&job).is_some_and(|phase| matches!(phase, Phase::Answering(_)))
            });
            let contested = Boundary { image: 0, t };
            let found = network.job(&job).committed().unwrap().claims.iter().find_map(|(auditor, claim)| {
                let question = claim.questions.iter().position(|boundary| boundary == contested)?;
                Some(answer_of(*auditor, u8::try_from(question).unwrap()))
            });
            let Some(answer) = found else { continue };
            let honest = self::states(t, &start, &after(&right, failed));
            answer_all(&mut network, &job, &honest, (wrong == Wrong::Auditor).then_some(answer));
            network.until(|network| network.phase(&job) == Some(&Phase::Opening));
            let before = start.to_bytes();
            return Self {
                network,
                job,
                model,
                computation,
                worker,
                right,
                claimed,
                failed,
                tree,
                t,
                before,
                inputs,
                answer,
            };
        }
        unreachable!("the seeds do not end")
    }

    /// The contested auditor's node.
    pub(crate) fn auditor(&self) -> usize {
        (0..4).find(|node| self.network.address(*node) == self.answer.auditor).unwrap()
    }

    pub(crate) fn stage(&self) -> Option<DisputeStage> {
        match self.network.phase(&self.job)? {
            Phase::Disputing(dispute) => Some(dispute.stage),
            _ => None,
        }
    }

    pub(crate) fn contest(&mut self) {
        let inputs = BoundedVec::new(self.inputs.clone()).unwrap();
        self.network.duty(0, &self.job, DutyKind::Contest { answer: self.answer, inputs });
    }

    /// What the worker shows of itself.
    pub(crate) fn posted_roots(&self) -> TensorRoots {
        let state = |t: u16, bytes: &[u8]| {
            let opening = self.tree.open(Boundary { image: 0, t }).unwrap();
            CommittedState { hash: hash(bytes), salt: opening.salt, path: opening.path }
        };
        TensorRoots {
            before: Some(state(self.t - 1, &self.before)),
            after: match self.claimed {
                Some(failed) => state(self.t, &failed.to_state()),
                None => state(self.t, &self.worker.last(&self.computation)),
            },
            roots: BoundedVec::new(self.worker.roots(&self.computation)).unwrap(),
            failed: self.claimed,
        }
    }

    pub(crate) fn post_roots(&mut self) {
        let roots = Box::new(self.posted_roots());
        self.data(0, DutyKind::PostRoots { answer: self.answer, roots });
    }

    /// Contest and roots, once nobody has called a jury.
    pub(crate) fn dispute(&mut self) {
        self.contest();
        let is_comparing = |network: &Network, job: &JobId| match network.phase(job) {
            Some(Phase::Disputing(dispute)) => dispute.stage == DisputeStage::Inputs,
            _ => false,
        };
        let job = self.job;
        self.network.until(|network| !is_comparing(network, &job));
        self.post_roots();
    }

    pub(crate) fn data(&mut self, node: usize, kind: DutyKind) {
        self.network.duty(node, &self.job, kind);
    }

    /// What the rules say of a large duty now.
    pub(crate) fn try_data(&self, node: usize, kind: DutyKind) -> Result<(), DutyError> {
        let duty = self.network.signed_duty(node, &self.job, kind);
        self.network.open_block().apply_data(&duty)
    }

    pub(crate) fn try_duty(&self, node: usize, kind: DutyKind) -> Result<(), DutyError> {
        let duty = self.network.signed_duty(node, &self.job, kind);
        self.network.try_duty(&duty)
    }

    /// The first tensor, call and op by op, whose root is not what it should be.
    pub(crate) fn first_difference(&self) -> (usize, usize, usize, TensorId) {
        for (call, it) in self.computation.calls().iter().enumerate() {
            for (op, operation) in it.program.ops().iter().enumerate() {
                for (output, id) in operation.outputs.iter().enumerate() {
                    if self.worker.0[call][id] != self.right.0[call][id] {
                        return (call, op, output, *id);
                    }
                }
            }
        }
        panic!("the worker is right")
    }

    /// A proof of an element from the worker's tensors.
    pub(crate) fn prove(&self, place: (usize, usize, usize), element: usize) -> ElementProof {
        self.prove_with(place, element, true)
    }

    /// As [`Self::prove`], of a number that the worker does not have, or that is none.
    pub(crate) fn prove_unshown(&self, at: FailedAt) -> ElementProof {
        let FailedAt::Number { call, op, element } = at else { panic!("no number") };
        self.prove_with((usize::from(call), op as usize, 0), element as usize, false)
    }

    fn prove_with(
        &self,
        (call, op, output): (usize, usize, usize),
        element: usize,
        is_shown: bool,
    ) -> ElementProof {
        let program = &self.computation.calls()[call].program;
        let (tensors, weights) = (&self.worker.0[call], self.model.weights(program));
        let list = self.worker.roots(&self.computation);
        let claim = Claim {
            program,
            first: self.computation.calls()[call].first,
            count: list.len(),
            roots: hash(&list_bytes(&list)),
            weights_root: self.model.record().weights_root,
            places: &self.model.layout,
            extent: Extent::of(call, self.claimed),
        };
        let bytes = Bytes { tensors, file: &self.model.file, layout: &self.model.layout };
        let opened = is_shown
            .then(|| open_output(&claim, program.ops()[op].outputs[output], element, &bytes).unwrap());
        let source = Held { tensors, weights: &weights };
        let place = (call as u8, op as u32, output as u8, element as u64);
        prove_element(&claim, place, &source, &bytes, opened, &list).unwrap()
    }

    /// The proof of the first number that does not follow.
    pub(crate) fn proof(&self) -> ElementProof {
        let (call, op, output, id) = self.first_difference();
        let (wrong, right) = (&self.worker.0[call][&id], &self.right.0[call][&id]);
        let element = (0..wrong.len()).find(|index| wrong.get(*index) != right.get(*index)).unwrap();
        self.prove((call, op, output), element)
    }

    /// What the worker answers to a demand.
    pub(crate) fn posted(&self, tensor: u32, part: TensorPart) -> PostedTensor {
        let list = self.worker.roots(&self.computation);
        let place = u64::from(tensor) * 32;
        let call = self.computation.calls().iter().rposition(|call| call.first <= tensor as usize).unwrap();
        let index = tensor as usize - self.computation.calls()[call].first;
        let bytes = self.worker.0[call].values().nth(index).unwrap().to_bytes();
        let part = match part {
            TensorPart::Level => {
                PostedPart::Level(BoundedVec::new(hash_nodes(&bytes).unwrap_or_default()).unwrap())
            }
            TensorPart::Piece(piece) => {
                let start = u64::from(piece) * 131_072;
                let end = (start + 131_072).min(bytes.len() as u64);
                PostedPart::Piece(Slice::of(&bytes, std::iter::once(start..end)).unwrap())
            }
        };
        PostedTensor {
            tensor,
            roots: Slice::of(&list_bytes(&list), std::iter::once(place..place + 32)).unwrap(),
            hash: hash(&bytes),
            part,
        }
    }
}

pub(crate) fn hash(bytes: &[u8]) -> Hash {
    Hash::from_bytes(*blake3::hash(bytes).as_bytes())
}

pub(crate) fn list_bytes(list: &[Hash]) -> Vec<u8> {
    list.iter().flat_map(|root| *root.as_bytes()).collect()
}

/// What a boundary of the request follows from.
pub(crate) fn contested(t: u16) -> Computation {
    Model::new().computation(&request(0).params, t, given_lengths(t).len())
}

/// Numbers of each given input: of a step for both prompts the text's embeddings and the pooled ones.
fn given_lengths(t: u16) -> Vec<usize> {
    let Architecture { unet, text_encoders, .. } = Model::new().architecture;
    let text = text_encoders[0].positions * unet.cross_attention_dim;
    let pooled = unet.add_embedding.unwrap().0;
    if t <= STEPS { vec![text, pooled, text, pooled] } else { Vec::new() }
}

fn before_length(computation: &Computation) -> usize {
    let program = &computation.calls()[0].program;
    program.tensor(program.inputs()[0]).unwrap().len()
}

fn request(seed: u32) -> GenerationRequest {
    let pair = Pair { profile: ProfileRecord::EXACT_V1.id(), ..pair() };
    let size = ImageSize::new(128, 128).unwrap();
    let params = GenerationParams::builder(pair.model, pair.profile, "a red fox", size);
    // Its second step reads a history and leaves one.
    let params =
        params.num_inference_steps(STEPS).scheduler(SchedulerKind::Dpmpp2m).seed(seed).build().unwrap();
    let price_per_unit = Amount::from_base_units(100_000_000_000_000);
    GenerationRequest { params, price_per_unit, ..crate::network::usual_request(seed) }
}

/// Bytes of all states: only those around the contested boundary are real.
fn states(contested: u16, before: &TensorData, after: &[u8]) -> Vec<Vec<u8>> {
    let state = |t: u16| match t {
        t if t + 1 == contested => before.to_bytes(),
        t if t == contested => after.to_vec(),
        t => vec![t as u8; 32],
    };
    (0..=STEPS + 1).map(state).collect()
}

fn context(network: &Network, job: &JobId, t: usize) -> StateContext {
    StateContext {
        genesis: network.state().chain.genesis,
        job: *job,
        attempt: Attempt::FIRST,
        worker: network.address(0),
        boundary: Boundary { image: 0, t: t as u16 },
    }
}

fn commit(network: &mut Network, job: &JobId, states: &[Vec<u8>], failed: Option<u16>) -> TraceTree {
    let leaf = |(t, state): (usize, &Vec<u8>)| {
        let context = context(network, job, t);
        TraceLeaf { digest: context.digest(state), salt: Salt::from_bytes([t as u8; 32]) }
    };
    let shape = TraceShape::of(&network.job(job).params);
    let tree = TraceTree::new(shape, states.iter().enumerate().map(leaf).collect()).unwrap();
    let (file, pixels) = (FileHash::from_bytes([1; 32]), PixelHash::from_bytes([2; 32]));
    let picture = ImageResult::Picture(ImageCommitment { file, file_bytes: 32, pixels });
    let image = failed.map_or(picture, |t| ImageResult::Failed { t });
    let images = BoundedVec::new(vec![image]).unwrap();
    let commitment = ResultCommitment { images, trace_root: tree.root() };
    network.duty(0, job, DutyKind::CommitResult(commitment));
    tree
}

/// Everybody answers with these states; `wrong` is answered with another.
fn answer_all(network: &mut Network, job: &JobId, states: &[Vec<u8>], wrong: Option<AnswerRef>) {
    let claims: BTreeMap<_, _> = network.job(job).committed().unwrap().claims.clone();
    for (auditor, claim) in claims {
        let node = (0..4).find(|node| network.address(*node) == auditor).unwrap();
        let answers = claim.questions.iter().enumerate().map(|(question, boundary)| {
            let is_wrong = wrong == Some(answer_of(auditor, question as u8));
            let bytes = if is_wrong { vec![7; 32] } else { states[usize::from(boundary.t)].clone() };
            let context = context(network, job, usize::from(boundary.t));
            let fails = network.job(job).committed().unwrap().commitment.fails_at(boundary);
            let digest = match FailedAt::from_state(&bytes).is_some() == fails {
                true => context.digest(&bytes),
                // What the worker has committed to is not of this kind (TRC-09).
                false => context.malformed(),
            };
            network.job(job).answer_context(network.state().chain.genesis, boundary, auditor).answer(&digest)
        });
        let answers = BoundedVec::new(answers.collect()).unwrap();
        network.duty(node, job, DutyKind::SubmitAudit { seat: Role::Auditor { round: 1 }, answers });
    }
}
