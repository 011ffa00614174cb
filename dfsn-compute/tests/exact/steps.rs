//! What surrounds the networks, as programs: their outputs are the pipeline's states and the networks' inputs, on the
//! machine's floats and on soft ones.

use std::borrow::Cow;
use std::num::NonZeroU16;
use std::ops::Range;

use dfsn_compute::exact::{ExactBackend, ExactOptions};
use dfsn_compute::noise::{Generator, step_seed};
use dfsn_compute::{
    Backend, ComputeError, Conditioning, ImageRequest, LatentShape, ModelConfig, Pipeline, SchedulerKind,
    StepState, TextEncoding, TextInput,
};
use dfsn_consensus::exact::ieee::Single;
use dfsn_consensus::exact::soft::SoftSingle;
use dfsn_consensus::exact::step::{
    ImageSize, NoiseSource, advance, decoded, decoder_input, initial_state, model_input,
};
use dfsn_consensus::exact::{EvaluateError, Program, TensorData, WeightId, Weights, interpret};
use dfsn_types::ProfileRecord;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");

/// The exact networks, which also notes what goes in and out.
struct Recorder {
    backend: ExactBackend,
    samples: Vec<Vec<f32>>,
    predictions: Vec<Vec<f32>>,
}

impl Backend for Recorder {
    fn profile(&self) -> ProfileRecord {
        self.backend.profile()
    }

    fn encode_text(&mut self, text: &TextInput<'_>) -> Result<TextEncoding, ComputeError> {
        self.backend.encode_text(text)
    }

    fn predict_noise(
        &mut self,
        sample: &[f32],
        shape: LatentShape,
        timestep: f32,
        conditioning: &Conditioning,
    ) -> Result<Vec<f32>, ComputeError> {
        let prediction = self.backend.predict_noise(sample, shape, timestep, conditioning)?;
        self.samples.push(sample.to_vec());
        self.predictions.push(prediction.clone());
        Ok(prediction)
    }

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        self.backend.decode(latents, shape)
    }
}

/// These programs have none.
struct NoWeights;

impl Weights for NoWeights {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        panic!("weight {weight:?} row {row}")
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        panic!("weight {weight:?} row {row} {range:?}")
    }
}

/// What a program gives, on both kinds of floats.
fn run(program: &Program, inputs: &[&[f32]]) -> Vec<Vec<f32>> {
    fn on<F: Single>(program: &Program, inputs: &[&[f32]]) -> Vec<TensorData> {
        let inputs = inputs.iter().map(|input| TensorData::from_floats(input)).collect();
        interpret::<F>(program, &NoWeights, inputs, |_, _| {}).unwrap()
    }
    let hardware = on::<f32>(program, inputs);
    assert_eq!(on::<SoftSingle>(program, inputs), hardware);
    hardware.iter().map(|output| output.to_floats().unwrap()).collect()
}

/// From `[channel][pixel]` to `[pixel][channel]`, or back.
fn transposed(numbers: &[f32], rows: usize) -> Vec<f32> {
    let columns = numbers.len() / rows;
    (0..numbers.len()).map(|index| numbers[index % rows * columns + index / rows]).collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[track_caller]
fn assert_same(what: &str, found: &[f32], expected: &[f32]) {
    assert!(bits(found) == bits(expected), "{what}");
}

#[test]
fn states_are_what_programs_give() {
    let config = ModelConfig::load(MODEL).unwrap();
    let options = ExactOptions { threads: NonZeroU16::new(1), ..ExactOptions::default() };
    let backend = ExactBackend::load(&config, options).unwrap();
    let recorder = Recorder { backend, samples: Vec::new(), predictions: Vec::new() };
    let mut pipeline = Pipeline::new(config, recorder).unwrap();
    for kind in SchedulerKind::ALL {
        for guidance_scale in [5.0, 1.0] {
            let request = ImageRequest {
                prompt: "a fox".to_owned(),
                seed: 11,
                num_inference_steps: 4,
                guidance_scale,
                scheduler: kind,
                height: 32,
                width: 24,
                ..ImageRequest::for_model(pipeline.config())
            };
            compare(&mut pipeline, &request);
        }
    }
}

fn compare(pipeline: &mut Pipeline<Recorder>, request: &ImageRequest) {
    let kind = request.scheduler;
    let size = ImageSize { channels: 4, height: 8, width: 6 };
    let prepared = pipeline.prepare(request).unwrap();
    let schedule = prepared.scheduler().schedule();
    let guidance = prepared.negative_prompt().map(|_| request.guidance_scale.to_bits());
    let seed = |seed| NoiseSource { seed, offset: 0 };

    let mut state = pipeline.initial_state(&prepared).unwrap();
    let begun = run(&initial_state(schedule, size, seed(request.seed), false).unwrap(), &[]);
    assert_same("the first state", &begun[0], &state.latents);

    for step in 1..=prepared.num_steps() {
        pipeline.backend_mut().samples.clear();
        pipeline.backend_mut().predictions.clear();
        let next = pipeline.step(&prepared, step, &state).unwrap();
        let evaluations = schedule.step(step - 1);
        let Recorder { samples, predictions, .. } = pipeline.backend_mut();
        assert_eq!(samples.len(), evaluations.len(), "{kind}");
        for (index, (sample, prediction)) in evaluations.zip(samples.iter().zip(predictions)) {
            let evaluation = &schedule.evaluations()[index];
            let input = run(&model_input(evaluation, size, None).unwrap(), &[&state.latents]);
            assert_same("the UNet's input", &input[0], &transposed(sample, 4));
            let noise = seed(step_seed(request.seed, step as u32));
            let program = advance(evaluation, size, guidance, noise).unwrap();
            let outputs: Vec<Vec<f32>> =
                prediction.chunks(state.latents.len()).map(|planes| transposed(planes, 4)).collect();
            let before = [&state.latents].into_iter().chain(&state.history).chain(&outputs);
            let mut after = run(&program, &before.map(Vec::as_slice).collect::<Vec<_>>());
            let history = after.split_off(1);
            state = StepState { latents: after.remove(0), history };
        }
        assert_eq!(state.to_bytes(), next.to_bytes(), "{kind}, step {step}");
    }
    let input = run(&decoder_input(size).unwrap(), &[&state.latents]);
    assert_same("the decoder's input", &input[0], &transposed(&state.latents, 4));
}

#[test]
fn planes_of_the_decoder_and_pictures_to_start_from() {
    let picture: Vec<f32> = (0..3 * 5 * 4).map(|number| number as f32).collect();
    let size = ImageSize { channels: 3, height: 5, width: 4 };
    assert_eq!(run(&decoded(size).unwrap(), &[&picture]), [transposed(&picture, 20)]);
    assert_eq!(
        run(&decoder_input(size).unwrap(), &[&transposed(&picture, 20)]),
        std::slice::from_ref(&picture)
    );

    let config = ModelConfig::load(MODEL).unwrap();
    for kind in SchedulerKind::ALL {
        // This model's PNDM begins with steps of Runge-Kutta, of which none can be left out.
        let start = if kind == SchedulerKind::Pndm { 0 } else { 2 };
        let scheduler = dfsn_compute::scheduler::build_from(kind, &config.scheduler, 5, start).unwrap();
        // The encoder's sample was drawn before.
        let program = initial_state(scheduler.schedule(), size, NoiseSource { seed: 3, offset: 32 }, true);
        let found = run(&program.unwrap(), &[&picture]);
        let mut generator = Generator::new(3);
        generator.randn(32);
        assert_same(kind.as_str(), &found[0], &scheduler.add_noise(0, &picture, &generator.randn(60)));
    }
    // Mask and masked picture beside the latents.
    let beside: Vec<f32> = (0..5 * 5 * 4).map(|number| -(number as f32)).collect();
    let scheduler = dfsn_compute::scheduler::build(SchedulerKind::Euler, &config.scheduler, 5).unwrap();
    let program = model_input(&scheduler.schedule().evaluations()[1], size, Some(5)).unwrap();
    let planes = [scheduler.scale_model_input(1, &picture), beside.clone()].concat();
    assert_eq!(run(&program, &[&picture, &beside]), [transposed(&planes, 8)]);
}
