//! Pictures that fail at a number: every engine finds the same place, and a failure is a result.

use std::fs;
use std::num::NonZeroU16;
use std::path::Path;

use dfsn_compute::exact::{ExactBackend, ExactEngine, ExactOptions, Isa, load_pipeline};
use dfsn_compute::{
    ComputeError, Drawn, ImageRequest, MemoryFiles, ModelConfig, Pipeline, Question, StateError,
    TraceRecorder, manifest,
};
use dfsn_types::FailedAt;

use crate::networks::MODEL;
use crate::poison::poisoned;

const STEPS: u16 = 4;

/// The embedded model with a bias that is too large.
fn pipeline(file: &str, tensor: &str) -> Pipeline<ExactBackend> {
    let listed = manifest(MODEL).unwrap().files;
    let files = listed.iter().map(|it| {
        let bytes = fs::read(Path::new(MODEL).join(it.path.as_str())).unwrap();
        let bytes = if it.path.as_str() == file { poisoned(&bytes, tensor, 3e38) } else { bytes };
        (it.path.as_str().to_owned(), bytes)
    });
    load_pipeline(MemoryFiles::from_iter(files), ExactOptions::default()).unwrap()
}

fn request(height: u32, width: u32) -> ImageRequest {
    ImageRequest {
        prompt: "a red fox".to_owned(),
        negative_prompt: "blurry".to_owned(),
        guidance_scale: 5.0,
        num_inference_steps: STEPS,
        height,
        width,
        ..ImageRequest::for_model(&ModelConfig::load(MODEL).unwrap())
    }
}

/// Latents from which the networks' first convolutions overflow.
fn huge(request: &ImageRequest) -> Vec<u8> {
    // Four channels, and four pixels a side of each latent.
    let count = 4 * (request.height / 4 * (request.width / 4)) as usize;
    let number = |at: usize| if at.is_multiple_of(3) { -3e38_f32 } else { 3e38 };
    (0..count).flat_map(|at| number(at).to_le_bytes()).collect()
}

/// A step and the decoder, on every instruction set with 1 and 2 threads, and by the definition itself.
#[test]
fn every_engine_finds_the_same_place() {
    let request = request(16, 16);
    let state = huge(&request);
    for question in [Question::Step { step: 2, state: state.clone() }, Question::Decode { state }] {
        let place = |options: ExactOptions| {
            let state = load_pipeline(MODEL, options).unwrap().answer(&request, &question).unwrap();
            FailedAt::from_state(&state).expect("numbers this large overflow")
        };
        let expected = place(ExactOptions { engine: ExactEngine::Scalar, ..ExactOptions::default() });
        assert!(matches!(expected, FailedAt::Number { .. }), "{expected:?}");
        for isa in Isa::available() {
            for threads in [1, 2].map(NonZeroU16::new) {
                let options = ExactOptions { threads, engine: ExactEngine::Simd(Some(isa)) };
                assert_eq!(place(options), expected, "{question:?}: {isa}, {threads:?}");
            }
        }
    }
}

/// Boundaries, and where the picture failed.
fn drawn(pipeline: &mut Pipeline<ExactBackend>) -> (Vec<Vec<u8>>, dfsn_compute::Failed) {
    let mut recorder = TraceRecorder::default();
    let request = request(32, 32);
    let Drawn::Failed(failed) = pipeline.draw(&request, &mut recorder).unwrap() else {
        panic!("the model overflows");
    };
    let boundaries = recorder.into_boundaries();
    assert_eq!(boundaries.len(), usize::from(STEPS) + 2);
    for (t, state) in (0..).zip(&boundaries) {
        let expected = (t >= failed.boundary).then_some(failed.at);
        assert_eq!(FailedAt::from_state(state), expected, "boundary {t}");
        assert_eq!(state.len() % 4 == 0, expected.is_none(), "no list of numbers is as long");
    }
    // An auditor finds the same, from the state before.
    let step = usize::from(failed.boundary);
    let before = boundaries[step - 1].clone();
    let question = match failed.boundary {
        t if t > STEPS => Question::Decode { state: before },
        _ => Question::Step { step, state: before },
    };
    assert_eq!(pipeline.answer(&request, &question).unwrap(), boundaries[step]);
    // Nothing starts from a failed state.
    let question = Question::Decode { state: boundaries[usize::from(STEPS) + 1].clone() };
    let error = pipeline.answer(&request, &question).unwrap_err();
    assert!(matches!(error, ComputeError::State(StateError::Length { .. })), "{error}");
    let error = pipeline.generate(&request, &mut dfsn_compute::NoObserver).unwrap_err();
    assert_eq!(error.to_string(), format!("the picture {failed}"));
    (boundaries, *failed)
}

#[test]
fn a_step_that_fails_is_a_result() {
    let mut pipeline = pipeline("unet/diffusion_pytorch_model.safetensors", "conv_out.bias");
    let (_, failed) = drawn(&mut pipeline);
    assert_eq!(failed.boundary, 1);
    // After the UNet's input and two calls of it: the scheduler divides by a small share.
    assert!(matches!(failed.at, FailedAt::Number { call: 3, .. }), "{:?}", failed.at);
    let text = failed.to_string();
    assert!(text.starts_with("failed at step 1 of 4, program 3, op "), "{text}");
    assert!(text.contains("(Elementwise), element ") && text.contains("another seed"), "{text}");
}

#[test]
fn a_decoder_that_fails_is_a_result() {
    let mut pipeline = pipeline("vae/diffusion_pytorch_model.safetensors", "decoder.conv_in.bias");
    let (_, failed) = drawn(&mut pipeline);
    assert_eq!(failed.boundary, STEPS + 1);
    assert!(failed.to_string().starts_with("failed in the decoder, program 1, op "), "{failed}");
}

#[test]
fn a_text_encoder_that_fails_is_a_result() {
    let mut pipeline = pipeline("text_encoder/model.safetensors", "encoder.layers.0.mlp.fc1.bias");
    let (_, failed) = drawn(&mut pipeline);
    assert_eq!((failed.boundary, failed.at), (1, FailedAt::Inputs));
    assert!(failed.to_string().starts_with("failed at step 1 of 4, at the prompt's embeddings"), "{failed}");
    let given = |pipeline: &mut Pipeline<ExactBackend>, t| pipeline.given_inputs(&request(32, 32), t);
    assert!(matches!(given(&mut pipeline, 1), Err(ComputeError::Failed(_))));
    assert_eq!(given(&mut pipeline, usize::from(STEPS) + 1).unwrap(), Vec::<Vec<f32>>::new());
}
