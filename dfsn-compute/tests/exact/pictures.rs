//! Whole pictures of emoji-64: one hash over threads and instruction sets, and the hashes of three requests for good.

use std::num::NonZeroU16;

use dfsn_compute::exact::{ExactEngine, ExactOptions, Isa, load_pipeline};
use dfsn_compute::{Event, ImageRequest, Observer};
use serde_json::Value;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");

/// Hashes of every state, of what the decoder gives, and of the pixels.
#[derive(Default)]
struct Hashes(blake3::Hasher);

impl Observer for Hashes {
    fn on_event(&mut self, event: Event<'_>) -> std::ops::ControlFlow<()> {
        match event {
            Event::State { state, .. } => {
                self.0.update(&state.to_bytes());
            }
            Event::Decoded { decoded } => {
                self.0.update(&decoded.to_bytes());
            }
            _ => {}
        }
        std::ops::ControlFlow::Continue(())
    }
}

/// A change of these is a new profile name. Other processors and WebAssembly are held to the same file.
pub(crate) fn golden() -> Vec<(ImageRequest, String)> {
    let list: Vec<Value> = serde_json::from_str(include_str!("golden.json")).unwrap();
    list.iter()
        .map(|entry| (request(&entry["request"]), entry["digest"].as_str().unwrap().to_owned()))
        .collect()
}

fn request(fields: &Value) -> ImageRequest {
    let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| fields[name].as_u64().unwrap_or_default() as u32;
    ImageRequest {
        prompt: text("prompt"),
        negative_prompt: text("negative_prompt"),
        seed: number("seed"),
        num_inference_steps: number("num_inference_steps") as u16,
        guidance_scale: fields["guidance_scale"].as_f64().unwrap() as f32,
        scheduler: text("scheduler").parse().unwrap(),
        height: number("height"),
        width: number("width"),
        clip_skip: number("clip_skip"),
        init: None,
        variation: None,
    }
}

/// What a request gives, as one short hash.
pub(crate) fn drawn(options: ExactOptions, request: &ImageRequest) -> String {
    drawn_with(MODEL, options, request)
}

fn drawn_with(model: &str, options: ExactOptions, request: &ImageRequest) -> String {
    let mut pipeline = load_pipeline(model, options).unwrap();
    let mut hashes = Hashes::default();
    let generated = pipeline.generate(request, &mut hashes).unwrap();
    hashes.0.update(generated.image.pixel_hash().as_bytes());
    hashes.0.finalize().to_hex()[..32].to_owned()
}

#[test]
fn pictures_are_the_same_everywhere_and_for_good() {
    for isa in Isa::available() {
        for threads in [1, 2] {
            let options =
                ExactOptions { threads: NonZeroU16::new(threads), engine: ExactEngine::Simd(Some(isa)) };
            for (request, digest) in golden() {
                assert_eq!(drawn(options, &request), digest, "{isa}, {threads} threads, {request:?}");
            }
        }
    }
}

/// For where an emulator takes minutes: the first picture, by the fastest kernels.
#[test]
fn one_picture_is_the_golden_one() {
    let (request, digest) = golden().swap_remove(0);
    assert_eq!(drawn(ExactOptions::default(), &request), digest);
}

/// `DFSN_FIGURES_MODEL=FOLDER cargo test --release -p dfsn-compute --test exact full_size -- --ignored --nocapture`, with
/// the folder that `tests/golden/full_size.py` makes.
#[test]
#[ignore = "takes minutes and a model of full size"]
fn a_picture_at_full_size_is_the_same_everywhere() {
    let model = std::env::var("DFSN_FIGURES_MODEL").expect("DFSN_FIGURES_MODEL names a diffusers folder");
    let (request, _) = golden().swap_remove(0);
    let request = ImageRequest { num_inference_steps: 1, height: 128, width: 128, ..request };
    let mut digests = Vec::new();
    for isa in Isa::available() {
        for threads in [1, 2] {
            let options =
                ExactOptions { threads: NonZeroU16::new(threads), engine: ExactEngine::Simd(Some(isa)) };
            digests.push(drawn_with(&model, options, &request));
            println!("{isa}, {threads} threads: {}", digests[digests.len() - 1]);
        }
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}
