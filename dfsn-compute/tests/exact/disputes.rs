//! A contested decoder's output of emoji-64, from roots to the proof.

use dfsn_compute::exact::{
    Dispute, DisputeError, ExactBackend, ExactModel, ExactOptions, Move, write_weights,
};
use dfsn_compute::{Backend, LatentShape, ModelConfig};
use dfsn_consensus::exact::{Claim, Computation, Extent, Finding, ProofError, WeightLayout};
use dfsn_types::{ElementProof, FailedAt, Hash, PostedTensor, TensorPart, slice_root};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");
const SIDE: u32 = 8;

struct Scene {
    backend: ExactBackend,
    computation: Computation,
    layout: WeightLayout,
    weights: Vec<u8>,
    root: Hash,
    before: Vec<u8>,
    after: Vec<u8>,
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// What the chain finds, given the worker's roots and where it says that its computation failed.
pub(crate) fn check(
    computation: &Computation,
    list: &[Hash],
    (layout, weights_root): (&WeightLayout, Hash),
    failed: Option<FailedAt>,
    proof: &ElementProof,
) -> Result<Finding, ProofError> {
    let call = &computation.calls()[usize::from(proof.call)];
    let roots: Vec<u8> = list.iter().flat_map(|root| *root.as_bytes()).collect();
    let claim = Claim {
        program: &call.program,
        first: call.first,
        count: list.len(),
        roots: slice_root(&roots),
        weights_root,
        places: layout,
        extent: Extent::of(usize::from(proof.call), failed),
    };
    claim.check(proof)
}

impl Scene {
    fn new() -> Self {
        let config = ModelConfig::load(MODEL).unwrap();
        let mut backend = ExactBackend::load(&config, ExactOptions::default()).unwrap();
        let model = ExactModel::of(&config).unwrap();
        let computation = Computation::decode(&model.architecture(), SIDE as usize, SIDE as usize).unwrap();
        let mut weights = Vec::new();
        let root = Hash::from_bytes(write_weights(&config, ExactOptions::default(), &mut weights).unwrap());
        let shape = LatentShape { channels: 4, height: SIDE, width: SIDE };
        let latents: Vec<f32> = (0..shape.count()).map(|index| (index as f32 * 0.7).sin()).collect();
        let after = bytes(&backend.decode(&latents, shape).unwrap());
        let (layout, before) = (model.layout().unwrap(), bytes(&latents));
        Self { backend, computation, layout, weights, root, before, after }
    }

    fn dispute(&self) -> Dispute<'_> {
        Dispute::new(&self.backend, &self.computation, &self.before, &[]).unwrap()
    }

    fn next(&self, list: &[Hash], shown: &[PostedTensor]) -> Move {
        self.dispute().next_move(list, None, shown, &self.layout, self.root, &self.weights).unwrap()
    }

    /// What the chain finds.
    fn check(&self, list: &[Hash], proof: &ElementProof) -> Result<Finding, ProofError> {
        check(&self.computation, list, (&self.layout, self.root), None, proof)
    }
}

#[test]
fn an_honest_worker_ends_where_it_drew() {
    let scene = Scene::new();
    let (list, after) = scene.dispute().roots().unwrap();
    assert_eq!(list.len(), scene.computation.tensors());
    assert_eq!(after, slice_root(&scene.after), "the contested state is what the pipeline gives");
    assert_eq!(scene.computation.check_roots(&list, Some(&slice_root(&scene.before)), &[], &after), Ok(()));
    assert_eq!(scene.next(&list, &[]), Move::Agree);
}

#[test]
fn one_flipped_bit_is_found_and_proven() {
    let scene = Scene::new();
    let mut committed = scene.after.clone();
    let flipped = committed.len() / 2 + 1;
    committed[flipped] ^= 1;
    let worker = || scene.dispute().ending_in(&committed);
    let (list, after) = worker().roots().unwrap();
    assert_eq!(after, slice_root(&committed));
    let tensor = scene.computation.last().unwrap() as u32;
    let mut shown = Vec::new();
    let proof = loop {
        match scene.next(&list, &shown) {
            Move::Demand { tensor: demanded, part } if shown.len() < 4 => {
                assert_eq!(demanded, tensor);
                shown.push(worker().show(tensor, part).unwrap());
            }
            Move::Prove(proof) => break proof,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(proof.element, flipped as u64 / 4);
    let found = scene.check(&list, &proof);
    assert!(matches!(found, Ok(Finding::Contradiction { computed: Some(_), .. })), "{found:?}");
    // Against the honest roots it says nothing.
    let (honest, _) = scene.dispute().roots().unwrap();
    assert!(scene.check(&honest, &proof).is_err());
}

#[test]
fn a_number_inside_is_proven_from_weights() {
    let scene = Scene::new();
    let (mut list, _) = scene.dispute().roots().unwrap();
    // Another root somewhere inside: the worker must show what is behind it, and cannot.
    let call = &scene.computation.calls()[1];
    let conv = call.program.ops().iter().find(|op| op.inputs.len() > 2).unwrap();
    let place = call.first + conv.outputs[0].index();
    list[place] = Hash::from_bytes([1; 32]);
    let demanded = scene.next(&list, &[]);
    assert_eq!(demanded, Move::Demand { tensor: place as u32, part: TensorPart::Piece(0) });
}

#[test]
fn what_cannot_be_shown_is_told() {
    let scene = Scene::new();
    let short = Dispute::new(&scene.backend, &scene.computation, &scene.before[4..], &[]);
    assert!(matches!(short, Err(DisputeError::Before { .. })));
    let none = scene.dispute().show(u32::MAX, TensorPart::Piece(0));
    assert!(matches!(none, Err(DisputeError::NoSuchPart(u32::MAX))));
    assert!(matches!(scene.dispute().show(0, TensorPart::Piece(9)), Err(DisputeError::NoSuchPart(0))));
    assert!(matches!(scene.dispute().show(0, TensorPart::Level), Err(DisputeError::NoSuchPart(0))));
    // Roots of a worker that started elsewhere.
    let other: Vec<u8> = scene.before.iter().rev().copied().collect();
    let finite = other.as_chunks::<4>().0.iter().all(|bytes| f32::from_le_bytes(*bytes).is_finite());
    let other = if finite { other } else { vec![0; scene.before.len()] };
    let (list, _) = Dispute::new(&scene.backend, &scene.computation, &other, &[]).unwrap().roots().unwrap();
    assert_eq!(scene.next(&list, &[]), Move::StartsElsewhere);
}
