//! Workers that commit to something else than they were asked for: an audit that draws the boundary finds it, and one
//! number proves it.

use dfsn_compute::exact::{
    Dispute, ExactBackend, ExactModel, ExactOptions, Move, input_hashes, load_pipeline, write_weights,
};
use dfsn_compute::{ImageRequest, ModelConfig, Pipeline, Question, TraceRecorder, manifest};
use dfsn_consensus::exact::{Architecture, Computation, ContestedState, Finding, WeightLayout};
use dfsn_types::{
    Boundary, FailedAt, GenerationParams, Hash, ImageSize, ProfileRecord, SchedulerKind, slice_root,
};

use crate::disputes::check;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");
/// The fewest of PNDM, whose first steps take several evaluations.
const STEPS: u16 = 4;

/// Boundaries of one picture, as a worker commits to them.
type States = Vec<Vec<u8>>;

struct Scene {
    pipeline: Pipeline<ExactBackend>,
    architecture: Architecture,
    layout: WeightLayout,
    weights: Vec<u8>,
    root: Hash,
    params: GenerationParams,
}

impl Scene {
    fn new(scheduler: SchedulerKind) -> Self {
        let config = ModelConfig::load(MODEL).unwrap();
        let model = ExactModel::of(&config).unwrap();
        let mut weights = Vec::new();
        let root = Hash::from_bytes(write_weights(&config, ExactOptions::default(), &mut weights).unwrap());
        let id = manifest(MODEL).unwrap().id();
        let size = ImageSize::new(32, 24).unwrap();
        let params = GenerationParams::builder(id, ProfileRecord::EXACT_V1.id(), "a red fox", size);
        let params = params.num_inference_steps(STEPS).scheduler(scheduler).seed(4).build().unwrap();
        let pipeline = load_pipeline(MODEL, ExactOptions::default()).unwrap();
        Self {
            pipeline,
            architecture: model.architecture(),
            layout: model.layout().unwrap(),
            weights,
            root,
            params,
        }
    }

    fn request(&self) -> ImageRequest {
        ImageRequest::from_params(&self.params, 0).unwrap()
    }

    fn draw(&mut self, request: &ImageRequest) -> States {
        let mut recorder = TraceRecorder::default();
        self.pipeline.generate(request, &mut recorder).unwrap();
        recorder.into_boundaries()
    }

    /// What an auditor computes from the state before.
    fn recompute(&mut self, states: &States, t: usize) -> Vec<u8> {
        let question = match t {
            0 => Question::InitialState,
            t if t <= usize::from(STEPS) => Question::Step { step: t, state: states[t - 1].clone() },
            _ => Question::Decode { state: states[t - 1].clone() },
        };
        self.pipeline.answer(&self.request(), &question).unwrap()
    }

    /// The boundaries whose audit finds another state.
    fn wrong(&mut self, states: &States) -> Vec<usize> {
        (0..states.len()).filter(|t| self.recompute(states, *t) != states[*t]).collect()
    }

    fn computation(&self, t: usize, given: usize) -> Computation {
        let contested = ContestedState {
            architecture: &self.architecture,
            params: &self.params,
            vae_scale_factor: self.pipeline.config().vae_scale_factor() as u8,
            boundary: Boundary { image: 0, t: t as u16 },
        };
        contested.computation(given).unwrap()
    }

    /// The whole dispute over a boundary; what the chain finds, or nothing if there is nothing to show.
    fn settle(&mut self, states: &States, t: usize) -> Option<Finding> {
        let request = self.request();
        let given = self.pipeline.given_inputs(&request, t).unwrap();
        let computation = self.computation(t, given.len());
        let before = t.checked_sub(1).map_or(&[][..], |t| &states[t]);
        let dispute = || Dispute::new(self.pipeline.backend(), &computation, before, &given).unwrap();
        let worker = || dispute().ending_in(&states[t]);
        let (list, after) = worker().roots().unwrap();
        let hash = (t > 0).then(|| slice_root(before));
        let (hashes, failed) = (input_hashes(&given), FailedAt::from_state(&states[t]));
        assert_eq!(after, slice_root(&states[t]));
        let checked = match failed {
            None => computation.check_roots(&list, hash.as_ref(), &hashes, &after),
            Some(failed) => computation.check_failed_roots(&list, hash.as_ref(), &hashes, failed),
        };
        assert_eq!(checked, Ok(()));
        let mut shown = Vec::new();
        loop {
            let next =
                dispute().next_move(&list, failed, &shown, &self.layout, self.root, &self.weights).unwrap();
            match next {
                Move::Agree => return None,
                Move::Demand { tensor, part } if shown.len() < 4 => {
                    shown.push(worker().show(tensor, part).unwrap());
                }
                Move::Prove(proof) => {
                    let weights = (&self.layout, self.root);
                    return Some(check(&computation, &list, weights, failed, &proof).unwrap());
                }
                other => panic!("boundary {t}: {other:?}"),
            }
        }
    }

    /// Every boundary that an audit finds wrong is proven wrong, and no other.
    #[track_caller]
    fn assert_caught(&mut self, states: &States, expected: &[usize]) {
        assert_eq!(self.wrong(states), expected);
        for t in 0..states.len() {
            let found = self.settle(states, t);
            let is_proven = matches!(found, Some(Finding::Contradiction { .. }));
            assert_eq!(is_proven, expected.contains(&t), "boundary {t}: {found:?}");
        }
    }
}

#[test]
fn an_honest_trace_cannot_be_accused() {
    for scheduler in [SchedulerKind::Dpmpp2m, SchedulerKind::EulerAncestral, SchedulerKind::Pndm] {
        let mut scene = Scene::new(scheduler);
        let states = scene.draw(&scene.request());
        scene.assert_caught(&states, &[]);
    }
}

#[test]
fn one_flipped_bit_of_one_latent_is_proven() {
    for scheduler in [SchedulerKind::Dpmpp2m, SchedulerKind::EulerAncestral] {
        let mut scene = Scene::new(scheduler);
        let mut states = scene.draw(&scene.request());
        // Of one number; the state after it came from the right one.
        states[2][4 * 17 + 1] ^= 1;
        scene.assert_caught(&states, &[2, 3]);
    }
}

#[test]
fn a_flipped_bit_in_a_history_is_proven() {
    let mut scene = Scene::new(SchedulerKind::Dpmpp2m);
    let mut states = scene.draw(&scene.request());
    let latents = states[0].len();
    assert!(states[1].len() > latents, "latents and an earlier prediction");
    states[1][latents + 8] ^= 1;
    scene.assert_caught(&states, &[1, 2]);
}

#[test]
fn another_seed_is_proven() {
    let mut scene = Scene::new(SchedulerKind::Ddim);
    let other = ImageRequest { seed: 5, ..scene.request() };
    let states = scene.draw(&other);
    scene.assert_caught(&states, &[0]);
}

#[test]
fn fewer_steps_are_proven() {
    let mut scene = Scene::new(SchedulerKind::Ddim);
    let fewer = ImageRequest { num_inference_steps: STEPS - 1, ..scene.request() };
    let mut states = scene.draw(&fewer);
    // One of them twice, so that there are as many as were asked for.
    states.insert(1, states[1].clone());
    // The last one is the same for both numbers.
    scene.assert_caught(&states, &[1, 2, 3]);
}

#[test]
fn lower_precision_is_proven() {
    let mut scene = Scene::new(SchedulerKind::Ddim);
    let mut states = scene.draw(&scene.request());
    for t in 1..=usize::from(STEPS) {
        // Each step from the rounded state before, as a worker in bfloat16 would go on.
        states[t] = scene.recompute(&states, t);
        for number in states[t].as_chunks_mut::<4>().0 {
            number[..2].fill(0);
        }
    }
    states[usize::from(STEPS) + 1] = scene.recompute(&states, usize::from(STEPS) + 1);
    scene.assert_caught(&states, &[1, 2, 3, 4]);
}

/// Latents from which the decoder overflows.
fn overflowing(states: &mut States) -> usize {
    let last = usize::from(STEPS);
    for (at, number) in states[last].as_chunks_mut::<4>().0.iter_mut().enumerate() {
        *number = if at % 3 == 0 { -3e38_f32 } else { 3e38 }.to_le_bytes();
    }
    last
}

#[test]
fn an_honest_failure_cannot_be_accused_and_another_place_is_proven() {
    let mut scene = Scene::new(SchedulerKind::Ddim);
    let mut states = scene.draw(&scene.request());
    let last = overflowing(&mut states);
    states[last + 1] = scene.recompute(&states, last + 1);
    let Some(FailedAt::Number { call, op, .. }) = FailedAt::from_state(&states[last + 1]) else {
        panic!("it overflows");
    };
    assert_eq!(scene.settle(&states, last + 1), None);
    // Earlier: there is a number.
    states[last + 1] = FailedAt::Number { call, op: op - 1, element: 0 }.to_state();
    let found = scene.settle(&states, last + 1);
    assert!(matches!(found, Some(Finding::Contradiction { claimed: None, computed: Some(_) })), "{found:?}");
}

#[test]
fn a_false_failure_is_proven() {
    let mut scene = Scene::new(SchedulerKind::Dpmpp2m);
    let honest = scene.draw(&scene.request());
    for (t, call) in [(2, 2), (usize::from(STEPS) + 1, 1)] {
        let mut states = honest.clone();
        states[t] = FailedAt::Number { call, op: 20, element: 0 }.to_state();
        let found = scene.settle(&states, t);
        assert!(
            matches!(found, Some(Finding::Contradiction { claimed: None, computed: Some(_) })),
            "{found:?}"
        );
    }
}

/// A worker that goes on with made-up numbers has none that could be right.
#[test]
fn a_hidden_failure_is_proven() {
    let mut scene = Scene::new(SchedulerKind::Ddim);
    let mut states = scene.draw(&scene.request());
    let last = overflowing(&mut states);
    let computation = scene.computation(last + 1, 0);
    let dispute = Dispute::new(scene.pipeline.backend(), &computation, &states[last], &[]).unwrap();
    let (mut list, _) = dispute.roots().unwrap();
    for root in list.iter_mut().filter(|root| **root == Hash::from_bytes([0; 32])) {
        *root = Hash::from_bytes([7; 32]);
    }
    let next = dispute.next_move(&list, None, &[], &scene.layout, scene.root, &scene.weights).unwrap();
    let Move::Prove(proof) = next else { panic!("{next:?}") };
    let found = check(&computation, &list, (&scene.layout, scene.root), None, &proof).unwrap();
    assert_eq!(found, Finding::Contradiction { claimed: None, computed: None });
}
