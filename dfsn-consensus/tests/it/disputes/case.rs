//! A job in the exact profile of which a state is contested.

use std::collections::BTreeMap;
use std::ops::Range;

use dfsn_consensus::DutyError;
use dfsn_consensus::exact::{
    Architecture, Claim, Computation, ProverError, TensorData, TensorId, WeightLayout, WorkerBytes,
    open_output, prove_element,
};
use dfsn_consensus::state::{DisputeStage, Phase};
use dfsn_types::{
    Amount, AnswerRef, Attempt, Boundary, BoundedVec, CommittedState, DutyKind, ElementProof, FileHash,
    GenerationParams, GenerationRequest, Hash, ImageCommitment, ImageSize, JobId, Pair, PixelHash,
    PostedPart, PostedTensor, ProfileRecord, ResultCommitment, Salt, SchedulerKind, Seat as Role, Slice,
    StateContext, TensorPart, TensorRoots, TraceLeaf, TraceShape, TraceTree, hash_nodes,
};

use super::model::{Held, Model, Tensors};
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
    pub(crate) tree: TraceTree,
    /// The contested boundary.
    t: u16,
    before: Vec<u8>,
    /// What the contest names of given inputs.
    pub(crate) inputs: Vec<Hash>,
    /// The answer that is contested.
    pub(crate) answer: AnswerRef,
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
        let (model, computation) = (Model::new(), contested(t));
        let start = numbers("state before", before_length(&computation));
        let given: Vec<TensorData> =
            given_lengths(t).into_iter().map(|length| numbers("given", length)).collect();
        let inputs = given.iter().map(TensorData::hash).collect::<Vec<_>>();
        let change = match wrong {
            Wrong::Worker(call, tensor, element) => Some((call, tensor, element)),
            _ => None,
        };
        let compute = |change| Tensors::compute(&model, &computation, (&start, &given), change);
        let right = compute(None);
        let worker = change.map_or_else(|| right.clone(), |_| compute(change));
        let mut seats = vec![Seat::new(Behaviour::working(Working::MissesDeadline))];
        seats.extend((0..3).map(|_| Seat::auditor(Behaviour::HONEST)));
        let setup = Setup { exact: Some(model.record()), ..Setup::of(seats) };
        let mut network = Network::new(&setup);
        for seed in 0.. {
            let job = network.request_with(0, request(seed));
            network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.worker().is_some()));
            network.tick();
            let states = states(t, &start, &worker.last(&computation));
            let tree = commit(&mut network, &job, &states);
            network.until(|network| {
                network.phase(&job).is_some_and(|phase| matches!(phase, Phase::Answering(_)))
            });
            let contested = Boundary { image: 0, t };
            let found = network.job(&job).committed().unwrap().claims.iter().find_map(|(auditor, claim)| {
                let question = claim.questions.iter().position(|boundary| boundary == contested)?;
                Some(answer_of(*auditor, u8::try_from(question).unwrap()))
            });
            let Some(answer) = found else { continue };
            let honest = self::states(t, &start, &right.last(&computation));
            answer_all(&mut network, &job, &honest, (wrong == Wrong::Auditor).then_some(answer));
            network.until(|network| network.phase(&job) == Some(&Phase::Opening));
            let before = start.to_bytes();
            return Self { network, job, model, computation, worker, right, tree, t, before, inputs, answer };
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
            after: state(self.t, &self.worker.last(&self.computation)),
            roots: BoundedVec::new(self.worker.roots(&self.computation)).unwrap(),
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
    pub(crate) fn prove(&self, (call, op, output): (usize, usize, usize), element: usize) -> ElementProof {
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
        };
        let bytes = Bytes { tensors, file: &self.model.file, layout: &self.model.layout };
        let opened = open_output(&claim, program.ops()[op].outputs[output], element, &bytes).unwrap();
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

fn numbers(what: &str, count: usize) -> TensorData {
    let mut bytes = vec![0; count];
    blake3::Hasher::new().update(what.as_bytes()).finalize_xof().fill(&mut bytes);
    TensorData::from_floats(&bytes.iter().map(|byte| f32::from(*byte) / 64.0 - 2.0).collect::<Vec<_>>())
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

fn commit(network: &mut Network, job: &JobId, states: &[Vec<u8>]) -> TraceTree {
    let leaf = |(t, state): (usize, &Vec<u8>)| {
        let context = context(network, job, t);
        TraceLeaf { digest: context.digest(state), salt: Salt::from_bytes([t as u8; 32]) }
    };
    let shape = TraceShape::of(&network.job(job).params);
    let tree = TraceTree::new(shape, states.iter().enumerate().map(leaf).collect()).unwrap();
    let (file, pixels) = (FileHash::from_bytes([1; 32]), PixelHash::from_bytes([2; 32]));
    let images = BoundedVec::new(vec![ImageCommitment { file, file_bytes: 32, pixels }]).unwrap();
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
            let digest = context(network, job, usize::from(boundary.t)).digest(&bytes);
            network.job(job).answer_context(network.state().chain.genesis, boundary, auditor).answer(&digest)
        });
        let answers = BoundedVec::new(answers.collect()).unwrap();
        network.duty(node, job, DutyKind::SubmitAudit { seat: Role::Auditor { round: 1 }, answers });
    }
}

/// Bytes of a worker's tensors and of the file.
struct Bytes<'a> {
    tensors: &'a BTreeMap<TensorId, TensorData>,
    file: &'a [u8],
    layout: &'a WeightLayout,
}

impl WorkerBytes for Bytes<'_> {
    fn tensor(&self, tensor: TensorId, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        Ok(self.tensors[&tensor].to_bytes()[range.start as usize..range.end as usize].to_vec())
    }

    fn weights(&self, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        assert!(range.end <= self.layout.length());
        Ok(self.file[range.start as usize..range.end as usize].to_vec())
    }
}
