//! Adapters, textual inversions and pictures to start from, against figures of diffusers in f32.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dfsn_compute::exact::{ExactBackend, ExactEngine, ExactOptions, load_pipeline};
use dfsn_compute::{
    Backend, Conditioning, ImageRequest, InitImage, LatentShape, Lora, ModelConfig, NoObserver, Pipeline,
    RgbImage, SchedulerKind, StepState, TextualInversion,
};
use dfsn_types::Strength;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use tempfile::TempDir;

use crate::networks::{MODEL, with_tokenizers};

/// After some steps of guidance, of a state's length.
const TOLERANCE: f64 = 1e-3;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn bytes(file: &str, name: &str) -> Vec<u8> {
    let file = fs::read(golden(file)).unwrap();
    SafeTensors::deserialize(&file).unwrap().tensor(name).unwrap().data().to_vec()
}

fn floats(file: &str, name: &str) -> Vec<f32> {
    bytes(file, name).as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Euclidean distance over the length of `expected`.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let squares = |terms: &mut dyn Iterator<Item = f64>| terms.map(|x| x * x).sum::<f64>().sqrt();
    let apart = squares(&mut found.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    apart / squares(&mut expected.iter().map(|x| f64::from(*x)))
}

#[track_caller]
fn check(what: &str, state: &StepState, expected: &[f32]) {
    let apart = distance(&state.latents, expected);
    println!("{what}: relative L2 {apart:.2e}");
    assert!(apart < TOLERANCE, "{what}: {apart}");
}

/// A hash of one call of the UNet.
fn prediction(backend: &mut ExactBackend) -> String {
    let numbers = |count: usize| (0..count).map(|index| (index % 13) as f32 / 4.0 - 1.5).collect::<Vec<_>>();
    let shape = LatentShape { channels: 4, height: 4, width: 4 };
    let conditioning = Conditioning { embeddings: numbers(5 * 8), prompts: 1, tokens: 5, added: None };
    let found = backend.predict_noise(&numbers(shape.count()), shape, 501.0, &conditioning).unwrap();
    let bytes: Vec<u8> = found.iter().flat_map(|number| number.to_le_bytes()).collect();
    blake3::hash(&bytes).to_hex()[..16].to_owned()
}

/// The tiny model of Stable Diffusion 1's family.
fn family() -> TempDir {
    let dir = with_tokenizers("sd15");
    let map = dir.path().join("tokenizer/special_tokens_map.json");
    fs::write(map, "{\"pad_token\": \"<|endoftext|>\"}").unwrap();
    dir
}

fn request() -> ImageRequest {
    ImageRequest {
        prompt: "a fox on a blue background!".to_owned(),
        negative_prompt: "pizza, rocket".to_owned(),
        seed: 1,
        num_inference_steps: 5,
        guidance_scale: 3.0,
        scheduler: SchedulerKind::Ddim,
        height: 24,
        width: 16,
        init: None,
        variation: None,
        clip_skip: 0,
    }
}

fn drawn(pipeline: &mut Pipeline<ExactBackend>, request: &ImageRequest) -> StepState {
    pipeline.generate(request, &mut NoObserver).unwrap().final_state
}

fn lora(name: &str, weight: f32) -> Lora {
    Lora { file: golden(&format!("models/{name}.safetensors")), weight }
}

#[test]
fn adapters_of_both_tools_are_merged_before_quantising() {
    let dir = family();
    let config = ModelConfig::load(dir.path()).unwrap();
    let load = |loras: &[Lora]| {
        let backend = ExactBackend::load_with_loras(&config, ExactOptions::default(), loras).unwrap();
        Pipeline::new(config.clone(), backend).unwrap()
    };
    let plain = drawn(&mut load(&[]), &request());
    assert_eq!(plain, drawn(&mut load_pipeline(dir.path(), ExactOptions::default()).unwrap(), &request()));
    let sets = [
        ("kohya", vec![lora("kohya", 0.8)]),
        ("peft", vec![lora("peft", 1.0)]),
        ("both", vec![lora("kohya", 0.7), lora("peft", -0.5)]),
    ];
    let predictions = sets.map(|(name, loras)| {
        let mut pipeline = load(&loras);
        let expected = floats("models/sd15.safetensors", &format!("lora.{name}"));
        assert!(distance(&plain.latents, &expected) > 10.0 * TOLERANCE, "{name} changes nothing");
        check(name, &drawn(&mut pipeline, &request()), &expected);
        prediction(pipeline.backend_mut())
    });
    // A change of these is a new profile name.
    assert_eq!(predictions, ["5b415968fe5d7add", "a939587a553052ad", "1f2a9acdf33be3c6"]);
}

#[test]
fn adapters_that_do_not_fit_are_refused() {
    let dir = family();
    let config = ModelConfig::load(dir.path()).unwrap();
    let refused = |loras: &[Lora]| {
        let loaded = ExactBackend::load_with_loras(&config, ExactOptions::default(), loras);
        loaded.unwrap_err().to_string()
    };
    assert!(refused(&[lora("kohya", f32::NAN)]).contains("weight NaN is not between -100 and 100"));
    assert!(refused(&vec![lora("kohya", 1.0); 33]).contains("33 adapters were named, at most 32"));
    let file = dir.path().join("lora.safetensors");
    let write = |names: &[(&str, [usize; 2])]| {
        let zeros = vec![0; 4 * 64];
        let view = |shape: &[usize; 2]| {
            let length = 4 * shape[0] * shape[1];
            TensorView::new(Dtype::F32, shape.to_vec(), &zeros[..length]).unwrap()
        };
        let views: Vec<(&str, TensorView<'_>)> =
            names.iter().map(|(name, shape)| (*name, view(shape))).collect();
        safetensors::serialize_to_file(views, None, &file).unwrap();
        refused(&[Lora { file: file.clone(), weight: 1.0 }])
    };
    assert!(
        write(&[("unet.nowhere.lora_A.weight", [1, 8])]).contains("1 tensors fit no layer of this model")
    );
    let layer = "unet.time_embedding.linear_1";
    let (down, up) = (format!("{layer}.lora_A.weight"), format!("{layer}.lora_B.weight"));
    assert!(write(&[(&down, [1, 8])]).contains("lora_B.weight\" is missing beside its other half"));
    assert!(write(&[(&down, [1, 9]), (&up, [7, 1])]).contains("does not fit a weight of shape"));
}

#[test]
fn pictures_to_start_from_and_masks() {
    let dir = family();
    let mut pipeline = load_pipeline(dir.path(), ExactOptions::default()).unwrap();
    let read = |name: &str| {
        Arc::new(RgbImage::from_png(&fs::read(golden(&format!("models/{name}"))).unwrap()).unwrap())
    };
    let init = |mask| InitImage {
        image: read("init.png"),
        strength: Strength::from_thousandths(600).unwrap(),
        mask,
    };
    let starts = [("img2img.ddim.0.6", None), ("inpaint4.ddim.0.6", Some(read("mask.png")))];
    for (key, mask) in starts {
        let request = ImageRequest { init: Some(init(mask)), ..request() };
        check(key, &drawn(&mut pipeline, &request), &floats("models/sd15.safetensors", key));
    }
}

#[test]
fn textual_inversions_stand_for_their_words() {
    let vectors = bytes("prompts.safetensors", "glow");
    let view = TensorView::new(Dtype::F32, vec![2, vectors.len() / 8], &vectors).unwrap();
    let file = safetensors::serialize([("emb_params", view)], None).unwrap();
    let glow = TextualInversion::from_bytes("<glow>", &file).unwrap();
    let runs: Vec<Value> = serde_json::from_slice(&fs::read(golden("prompts.json")).unwrap()).unwrap();
    let text = |run: &Value, key: &str| run[key].as_str().unwrap().to_owned();
    assert!(runs.iter().any(|run| text(run, "prompt").contains("<glow>")));
    let mut pipeline = load_pipeline(MODEL, ExactOptions::default()).unwrap();
    pipeline.add_textual_inversion(glow.clone()).unwrap();
    for (index, run) in runs.iter().enumerate() {
        let request = ImageRequest {
            prompt: text(run, "prompt"),
            negative_prompt: text(run, "negative_prompt"),
            clip_skip: run["clip_skip"].as_u64().unwrap() as u32,
            seed: 3,
            num_inference_steps: 6,
            guidance_scale: 4.0,
            scheduler: SchedulerKind::Ddim,
            ..ImageRequest::for_model(pipeline.config())
        };
        let expected = floats("prompts.safetensors", &format!("{index}.latents"));
        check(&format!("prompt {index}"), &drawn(&mut pipeline, &request), &expected);
        if index == 0 {
            let prepared = pipeline.prepare(&request).unwrap();
            let others = [
                ExactEngine::Scalar,
                #[cfg(feature = "torch")]
                ExactEngine::Torch(crate::torch::device()),
            ];
            for engine in others {
                let options = ExactOptions { engine, ..ExactOptions::default() };
                let mut other = load_pipeline(MODEL, options).unwrap();
                other.add_textual_inversion(glow.clone()).unwrap();
                let found = other.prepare(&request).unwrap();
                assert_eq!(found.conditioning(), prepared.conditioning(), "{engine:?}");
            }
        }
    }
}
