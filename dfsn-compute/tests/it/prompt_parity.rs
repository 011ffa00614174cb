//! Weighted prompts of several chunks against transformers and diffusers on the CPU.

use dfsn_compute::torch::load_pipeline;
use dfsn_compute::{ImageRequest, NoObserver, SchedulerKind, TextualInversion};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Deserialize;

use crate::golden::{GoldenTensors, assert_close, emoji_64, golden_json};
use crate::torch_thread::{options, with_pipeline};

#[derive(Deserialize)]
struct Run {
    prompt: String,
    negative_prompt: String,
    clip_skip: u32,
}

#[test]
fn embeddings_and_latents_of_weighted_prompts() {
    with_pipeline(|_| {
        let golden = GoldenTensors::open("prompts.safetensors");
        let vectors = golden.bytes("glow");
        let glow = TensorView::new(Dtype::F32, vec![2, vectors.len() / 8], &vectors).unwrap();
        let file = safetensors::serialize([("emb_params", glow)], None).unwrap();
        let mut pipeline = load_pipeline(emoji_64(), options()).unwrap();
        let glow = TextualInversion::from_bytes("<glow>", &file).unwrap();
        pipeline.add_textual_inversion(glow.clone()).unwrap();
        assert_eq!(
            pipeline.add_textual_inversion(glow).unwrap_err().to_string(),
            "there is a textual inversion \"<glow>\" already"
        );
        let runs: Vec<Run> = golden_json("prompts.json");
        assert_eq!(runs.len(), 3);
        for (index, run) in runs.into_iter().enumerate() {
            let request = ImageRequest {
                prompt: run.prompt,
                negative_prompt: run.negative_prompt,
                clip_skip: run.clip_skip,
                seed: 3,
                num_inference_steps: 6,
                guidance_scale: 4.0,
                scheduler: SchedulerKind::Ddim,
                ..ImageRequest::for_model(pipeline.config())
            };
            let prepared = pipeline.prepare(&request).unwrap();
            let (key, found) = (format!("{index}.embeddings"), &prepared.conditioning().embeddings);
            // Weights keep the mean of all numbers. It is small against them, so what differs between processors is large in it.
            assert_close(&key, found, &golden.floats(&key), 1e-4);
            assert_eq!(prepared.conditioning().tokens % 77, 0);
            let generated = pipeline.generate(&request, &mut NoObserver).unwrap();
            let key = format!("{index}.latents");
            assert_close(&key, &generated.final_state.latents, &golden.floats(&key), 1e-4);
        }
    });
}

#[test]
fn vectors_of_another_width_are_refused() {
    with_pipeline(|pipeline| {
        let wide = TensorView::new(Dtype::F32, vec![1, 3], &[0; 12]).unwrap();
        let file = safetensors::serialize([("emb_params", wide)], None).unwrap();
        let inversion = TextualInversion::from_bytes("wide", &file).unwrap();
        let width = pipeline.config().text_encoder.hidden_size;
        assert_eq!(
            pipeline.add_textual_inversion(inversion).unwrap_err().to_string(),
            format!(
                "textual inversion \"wide\" has vectors of widths [3], the model's text encoders have [{width}]"
            )
        );
    });
}
