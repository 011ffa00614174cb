//! Whole pictures of emoji-64: one hash over threads and instruction sets, and the hashes of three requests for good.

use std::num::NonZeroU16;

use dfsn_compute::exact::{ExactOptions, Isa, load_pipeline};
use dfsn_compute::{Event, ImageRequest, Observer, SchedulerKind};

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

fn requests() -> [ImageRequest; 3] {
    let base = ImageRequest {
        prompt: "a red fox on a blue background".to_owned(),
        negative_prompt: String::new(),
        seed: 7,
        num_inference_steps: 3,
        guidance_scale: 5.0,
        scheduler: SchedulerKind::Ddim,
        height: 64,
        width: 64,
        clip_skip: 0,
        init: None,
        variation: None,
    };
    [
        base.clone(),
        ImageRequest {
            prompt: "(pizza:1.3) on a [white] plate".to_owned(),
            negative_prompt: "a fork".to_owned(),
            seed: 4_000_000_000,
            scheduler: SchedulerKind::Dpmpp2mKarras,
            guidance_scale: 7.5,
            ..base.clone()
        },
        ImageRequest {
            scheduler: SchedulerKind::EulerAncestral,
            guidance_scale: 1.0,
            height: 48,
            width: 96,
            clip_skip: 1,
            ..base
        },
    ]
}

/// What all requests give, as one short hash each.
fn drawn(options: ExactOptions) -> [String; 3] {
    let mut pipeline = load_pipeline(MODEL, options).unwrap();
    requests().map(|request| {
        let mut hashes = Hashes::default();
        let generated = pipeline.generate(&request, &mut hashes).unwrap();
        hashes.0.update(generated.image.pixel_hash().as_bytes());
        hashes.0.finalize().to_hex()[..32].to_owned()
    })
}

/// A change of these is a new profile name.
const GOLDEN: [&str; 3] = [
    "9787ed83f36428366da5440c71c1d0ef",
    "bf05249255e1ba9cdabc97ecf13f4822",
    "44148924893870822210c1267f874cab",
];

#[test]
fn pictures_are_the_same_everywhere_and_for_good() {
    for isa in Isa::available() {
        for threads in [1, 2] {
            let options = ExactOptions { threads: NonZeroU16::new(threads), isa: Some(isa), scalar: false };
            assert_eq!(drawn(options), GOLDEN, "{isa}, {threads} threads");
        }
    }
}
