//! The networks and whole pictures against diffusers 0.42.1 on the CPU.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use dfsn_compute::torch::{TorchBackend, load_pipeline};
use dfsn_compute::{
    Backend, Conditioning, Event, Generated, ImageRequest, LatentShape, NoObserver, Pipeline, Question,
    SchedulerKind, TextInput, TraceRecorder,
};
use serde::Deserialize;

use crate::golden::{GoldenTensors, assert_close, emoji_64, golden_json, golden_path};
use crate::torch_thread::{options, with_pipeline};

fn shape(height: u32, width: u32) -> LatentShape {
    LatentShape { channels: 4, height, width }
}

#[test]
fn text_embeddings() {
    with_pipeline(|pipeline| {
        let golden = GoldenTensors::open("model.safetensors");
        for index in 0..3 {
            let ids = golden.bytes(&format!("ids.{index}"));
            let ids: Vec<u32> = ids.as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id)).collect();
            let found = pipeline.backend_mut().encode_text(&TextInput::new(0, &ids)).unwrap().embeddings;
            let key = format!("text.{index}");
            assert_close(&key, &found, &golden.floats(&key), 1e-5);
        }
    });
}

#[test]
fn one_unet_call() {
    with_pipeline(|pipeline| {
        let golden = GoldenTensors::open("model.safetensors");
        let (negative, prompt) = (golden.floats("text.1"), golden.floats("text.0"));
        // The golden call holds two different samples; each is compared with its own text.
        let samples = golden.floats("sample");
        for timestep in [999.0, 526.3157, 1.0] {
            let expected = golden.floats(&format!("unet.{timestep:?}"));
            for (index, text) in [&negative, &prompt].into_iter().enumerate() {
                let conditioning =
                    Conditioning { embeddings: text.clone(), prompts: 1, tokens: 77, added: None };
                let half = index * 1024..(index + 1) * 1024;
                let found = pipeline
                    .backend_mut()
                    .predict_noise(&samples[half.clone()], shape(16, 16), timestep, &conditioning)
                    .unwrap();
                assert_close(&format!("unet at {timestep}"), &found, &expected[half], 1e-5);
            }
        }
    });
}

#[test]
fn a_unet_call_where_halving_rounds_up() {
    with_pipeline(|pipeline| {
        let golden = GoldenTensors::open("model.safetensors");
        let conditioning =
            Conditioning { embeddings: golden.floats("text.0"), prompts: 1, tokens: 77, added: None };
        let sample = golden.floats("sample.odd");
        let found =
            pipeline.backend_mut().predict_noise(&sample, shape(18, 10), 250.0, &conditioning).unwrap();
        assert_close("unet on 18x10", &found, &golden.floats("unet.odd"), 1e-5);
    });
}

#[test]
fn both_prompts_in_one_call_equal_two_calls() {
    with_pipeline(|pipeline| {
        let golden = GoldenTensors::open("model.safetensors");
        let (negative, prompt) = (golden.floats("text.1"), golden.floats("text.0"));
        let sample = &golden.floats("sample")[..1024];
        let mut call = |embeddings: Vec<f32>, prompts| {
            let conditioning = Conditioning { embeddings, prompts, tokens: 77, added: None };
            pipeline.backend_mut().predict_noise(sample, shape(16, 16), 500.0, &conditioning).unwrap()
        };
        let together = call([negative.clone(), prompt.clone()].concat(), 2);
        let apart = [call(negative, 1), call(prompt, 1)].concat();
        assert_close("batch of two", &together, &apart, 1e-5);
    });
}

#[test]
fn vae_decode() {
    with_pipeline(|pipeline| {
        let golden = GoldenTensors::open("model.safetensors");
        let found = pipeline.backend_mut().decode(&golden.floats("vae.latents"), shape(16, 16)).unwrap();
        assert_close("vae", &found, &golden.floats("vae.decoded"), 1e-5);
    });
}

#[derive(Deserialize)]
struct Run {
    prompt: String,
    negative_prompt: String,
    seed: u32,
    scheduler: String,
    steps: u16,
    guidance: f32,
    height: u32,
    width: u32,
}

impl Run {
    fn request(&self) -> ImageRequest {
        ImageRequest {
            prompt: self.prompt.clone(),
            negative_prompt: self.negative_prompt.clone(),
            seed: self.seed,
            num_inference_steps: self.steps,
            guidance_scale: self.guidance,
            scheduler: self.scheduler.parse().unwrap(),
            height: self.height,
            width: self.width,
            init: None,
            variation: None,
            clip_skip: 0,
        }
    }
}

#[test]
fn whole_pictures() {
    with_pipeline(|pipeline| {
        let runs: Vec<Run> = golden_json("loops.json");
        let golden = GoldenTensors::open("loops.safetensors");
        assert_eq!(runs.len(), 8);
        for (index, run) in runs.iter().enumerate() {
            let generated = pipeline.generate(&run.request(), &mut NoObserver).unwrap();
            let what = format!("{} {:?} {}x{}", run.scheduler, run.prompt, run.height, run.width);
            let latents = golden.floats(&format!("{index}.latents"));
            assert_close(&what, &generated.final_state.latents, &latents, 1e-4);
            let pixels = golden.bytes(&format!("{index}.rgb"));
            assert_eq!(generated.image.pixels().len(), pixels.len());
            let worst = generated.image.pixels().iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(1), "{what}: a pixel is {worst:?} off");
        }
    });
}

fn draw(pipeline: &mut Pipeline<TorchBackend>, prompt: &str, seed: u32) -> Generated {
    let request = ImageRequest {
        prompt: prompt.to_owned(),
        seed,
        guidance_scale: 4.0,
        ..ImageRequest::for_model(pipeline.config())
    };
    pipeline.generate(&request, &mut NoObserver).unwrap()
}

#[test]
fn the_background_has_the_colour_that_was_asked_for() {
    with_pipeline(|pipeline| {
        // As the training data paints them.
        let colours = [
            ("a fox on a blue background", 2),
            ("a rocket on a green background", 1),
            ("a cat on a red background", 0),
        ];
        for (prompt, channel) in colours {
            let corner = draw(pipeline, prompt, 7).image.pixel(0, 0).unwrap();
            let others = (0..3).filter(|&other| other != channel);
            assert!(
                others.clone().all(|other| corner[channel] > corner[other].saturating_add(30)),
                "{prompt} {corner:?}"
            );
        }
        let white = draw(pipeline, "pizza", 7).image.pixel(0, 0).unwrap();
        assert!(white.iter().all(|&value| value > 235), "{white:?}");
    });
}

#[test]
fn every_question_of_an_audit_gives_the_same_bytes() {
    with_pipeline(|pipeline| {
        for scheduler in [SchedulerKind::Ddim, SchedulerKind::Euler] {
            let request = ImageRequest {
                prompt: "a rocket on a pink background".to_owned(),
                num_inference_steps: 8,
                scheduler,
                ..ImageRequest::for_model(pipeline.config())
            };
            let mut trace = TraceRecorder::default();
            pipeline.generate(&request, &mut trace).unwrap();
            // Another copy of the model, with no warm caches, in another order.
            let mut auditor = load_pipeline(emoji_64(), options()).unwrap();
            let boundaries = trace.boundaries();
            let question = Question::Decode { state: boundaries[8].clone() };
            assert_eq!(auditor.answer(&request, &question).unwrap(), boundaries[9]);
            for step in (1..=8).rev() {
                let question = Question::Step { step, state: boundaries[step - 1].clone() };
                assert_eq!(
                    auditor.answer(&request, &question).unwrap(),
                    boundaries[step],
                    "{scheduler} {step}"
                );
            }
            assert_eq!(auditor.answer(&request, &Question::InitialState).unwrap(), boundaries[0]);
        }
    });
}

#[test]
fn pictures_do_not_depend_on_what_was_drawn_before() {
    with_pipeline(|pipeline| {
        let alone = draw(pipeline, "a fox on a blue background", 7);
        draw(pipeline, "pizza", 8);
        assert_eq!(draw(pipeline, "a fox on a blue background", 7), alone);
    });
}

#[test]
fn given_initial_latents_replace_the_seed() {
    with_pipeline(|pipeline| {
        let request = ImageRequest {
            seed: 7,
            num_inference_steps: 3,
            scheduler: SchedulerKind::Euler,
            ..ImageRequest::for_model(pipeline.config())
        };
        let by_seed = pipeline.generate(&request, &mut NoObserver).unwrap();
        let other_seed = ImageRequest { seed: 8, ..request };
        let prepared = pipeline.prepare(&other_seed).unwrap();
        let noise = dfsn_compute::noise::randn(7, prepared.latents().count());
        let initial = pipeline.initial_state_from(&prepared, noise).unwrap();
        let mut steps = 0;
        let mut count = |event: Event<'_>| {
            steps += usize::from(matches!(event, Event::State { .. }));
            ControlFlow::Continue(())
        };
        assert_eq!(pipeline.generate_from(&prepared, initial, &mut count).unwrap(), by_seed);
        assert_eq!(steps, 4);
    });
}

/// The tiny model of the golden files with the embedded model's vocabulary.
pub(crate) fn tiny_model(dir: &Path) {
    let copy = |from: &Path, name: &str| {
        let to = dir.join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from.join(name), to).unwrap();
    };
    for name in [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "scheduler/scheduler_config.json",
    ] {
        copy(&golden_path("tiny"), name);
    }
    for name in ["tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json"] {
        copy(&emoji_64(), name);
    }
    fs::write(dir.join("tokenizer/special_tokens_map.json"), r#"{"pad_token": "!"}"#).unwrap();
}

#[test]
fn another_model_of_another_shape_loads_through_the_same_code() {
    with_pipeline(|_| {
        let dir = tempfile::tempdir().unwrap();
        tiny_model(dir.path());
        let golden = GoldenTensors::open("tiny.safetensors");
        let mut tiny = load_pipeline(dir.path(), options()).unwrap();
        for scheduler in [SchedulerKind::Ddim, SchedulerKind::Euler] {
            let request = ImageRequest {
                prompt: "a fox!".to_owned(),
                negative_prompt: "pizza".to_owned(),
                seed: 1,
                num_inference_steps: 4,
                guidance_scale: 3.0,
                scheduler,
                height: 24,
                width: 16,
                init: None,
                variation: None,
                clip_skip: 0,
            };
            let generated = tiny.generate(&request, &mut NoObserver).unwrap();
            let (latents, decoded) = (format!("{scheduler}.latents"), format!("{scheduler}.decoded"));
            assert_close(&latents, &generated.final_state.latents, &golden.floats(&latents), 1e-4);
            assert_close(&decoded, generated.decoded.values(), &golden.floats(&decoded), 1e-4);
        }
    });
}
