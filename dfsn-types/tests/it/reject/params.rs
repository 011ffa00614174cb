//! Generation parameters out of range, by each of the three ways in: builder, bytes and JSON.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::codec::encode;
use dfsn_types::*;
use serde::Serialize;

use crate::samples::Sample;

/// The fields of [`GenerationParams`] as plain numbers and texts, in the order of the bytes.
#[derive(Clone, BorshSerialize, Serialize)]
struct Fields {
    model: ModelId,
    profile: ProfileId,
    prompt: String,
    negative_prompt: String,
    seed: u32,
    num_inference_steps: u16,
    guidance_scale: u32,
    strength: u16,
    scheduler: SchedulerKind,
    size: Size,
    num_images: u8,
    init_image: Option<FileHash>,
}

#[derive(Clone, BorshSerialize, Serialize)]
struct Size {
    height: u16,
    width: u16,
}

impl Fields {
    /// What the builder makes of a model, a profile and a prompt.
    fn defaults() -> Self {
        let params = GenerationParams::sample();
        Self {
            model: params.model(),
            profile: params.profile(),
            prompt: params.prompt().to_string(),
            negative_prompt: String::new(),
            seed: 0,
            num_inference_steps: 20,
            guidance_scale: 7_500,
            strength: 1_000,
            scheduler: SchedulerKind::Ddim,
            size: Size { height: 64, width: 128 },
            num_images: 1,
            init_image: None,
        }
    }

    fn read_bytes(&self) -> Result<GenerationParams, String> {
        GenerationParams::try_from_slice(&encode(self)).map_err(|error| error.to_string())
    }

    fn read_json(&self) -> Result<GenerationParams, String> {
        let json = serde_json::to_value(self).map_err(|error| error.to_string())?;
        serde_json::from_str(&json.to_string()).map_err(|error| error.to_string())
    }

    /// Bytes and JSON are refused, for the reason given.
    fn refused(&self, reason: &str) {
        for (form, read) in [("bytes", self.read_bytes()), ("JSON", self.read_json())] {
            let error = read.expect_err(reason);
            assert!(error.contains(reason), "{form}: {error:?} does not say {reason:?}");
        }
    }
}

fn builder(prompt: &str) -> GenerationParamsBuilder {
    let params = GenerationParams::sample();
    GenerationParams::builder(params.model(), params.profile(), prompt, params.size())
}

/// The plain fields are those of the type, so the refusals below mean what they say.
#[test]
fn defaults_are_taken() {
    let built = builder("a red fox").build();
    assert_eq!(Fields::defaults().read_bytes().ok(), built.clone().ok());
    assert_eq!(Fields::defaults().read_json().ok(), built.ok());
}

#[test]
fn steps_are_1_to_150() {
    for steps in [0, 151, u16::MAX] {
        let error = GenerationParamsError::Steps(steps);
        assert_eq!(builder("").num_inference_steps(steps).build(), Err(error.clone()));
        Fields { num_inference_steps: steps, ..Fields::defaults() }.refused(&error.to_string());
    }
    for steps in [1, 150] {
        let built = builder("").num_inference_steps(steps).build();
        assert_eq!(built.map(|params| params.num_inference_steps()), Ok(steps));
    }
}

#[test]
fn images_are_1_to_4() {
    for images in [0, 5, u8::MAX] {
        let error = GenerationParamsError::Images(images);
        assert_eq!(builder("").num_images(images).build(), Err(error.clone()));
        Fields { num_images: images, ..Fields::defaults() }.refused(&error.to_string());
    }
    for images in [1, 4] {
        assert_eq!(builder("").num_images(images).build().map(|params| params.num_images()), Ok(images));
    }
}

#[test]
fn guidance_is_at_most_100() {
    for thousandths in [100_001, u32::MAX] {
        let error = GuidanceScaleError(thousandths);
        let built = builder("").guidance_thousandths(thousandths).build();
        assert_eq!(built, Err(GenerationParamsError::Guidance(error)));
        Fields { guidance_scale: thousandths, ..Fields::defaults() }.refused(&error.to_string());
    }
    let most = builder("").guidance_thousandths(100_000).build();
    assert_eq!(most.map(|params| params.guidance_scale().to_f32()), Ok(100.0));
}

#[test]
fn prompts_are_at_most_2048_bytes() {
    let long = "é".repeat(1_024) + "x";
    let source = TooLong { actual: 2_049, max: 2_048 };
    let error = |field| GenerationParamsError::Prompt { field, source };
    assert_eq!(builder(&long).build(), Err(error("prompt")));
    assert_eq!(builder("").negative_prompt(long.as_str()).build(), Err(error("negative_prompt")));
    Fields { prompt: long.clone(), ..Fields::defaults() }.refused(&source.to_string());
    Fields { negative_prompt: long, ..Fields::defaults() }.refused(&source.to_string());
    assert!(builder(&"é".repeat(1_024)).build().is_ok());
}

#[test]
fn strength_needs_an_image() {
    let error = GenerationParamsError::StrengthWithoutImage(999);
    Fields { strength: 999, ..Fields::defaults() }.refused(&error.to_string());
    let with_image = Fields { strength: 999, init_image: Some(FileHash::sample()), ..Fields::defaults() };
    let strength = with_image.read_bytes().map(|params| params.strength().thousandths());
    assert_eq!(strength, Ok(999));
}

#[test]
fn strength_is_at_most_1() {
    let error = StrengthError(1_001);
    assert_eq!(Strength::from_thousandths(1_001), Err(error));
    let with_image = Fields { strength: 1_001, init_image: Some(FileHash::sample()), ..Fields::defaults() };
    with_image.refused(&error.to_string());
}

/// Of `steps`, image-to-image runs `floor(steps * strength)`; that must be one at least.
#[test]
fn strength_leaves_a_step() {
    for (steps, strength, taken) in
        [(1, 999, false), (1, 1_000, true), (20, 49, false), (20, 50, true), (150, 0, false)]
    {
        let init_image = Some(FileHash::sample());
        let fields = Fields { num_inference_steps: steps, strength, init_image, ..Fields::defaults() };
        let thousandths = Strength::from_thousandths(strength).expect("at most 1000");
        let built = builder("a red fox")
            .num_inference_steps(steps)
            .init_image(FileHash::sample(), thousandths)
            .build();
        if taken {
            assert_eq!(fields.read_bytes().ok(), built.clone().ok());
            assert!(built.is_ok(), "{steps} steps of strength {strength}: {built:?}");
        } else {
            let error = GenerationParamsError::NoStepLeft { strength, steps };
            assert_eq!(built, Err(error.clone()));
            fields.refused(&error.to_string());
        }
    }
}

#[test]
fn sizes_are_multiples_of_8_from_8_to_2048() {
    for pixels in [0, 7, 2_049, 2_056, u16::MAX] {
        for (side, height, width) in [("height", pixels, 64), ("width", 64, pixels)] {
            let error = ImageSizeError::Range { side, pixels };
            assert_eq!(ImageSize::new(height, width), Err(error));
            Fields { size: Size { height, width }, ..Fields::defaults() }.refused(&error.to_string());
        }
    }
    for pixels in [9, 100, 2_047] {
        for (side, height, width) in [("height", pixels, 64), ("width", 64, pixels)] {
            let error = ImageSizeError::Multiple { side, pixels };
            assert_eq!(ImageSize::new(height, width), Err(error));
            Fields { size: Size { height, width }, ..Fields::defaults() }.refused(&error.to_string());
        }
    }
    assert_eq!(ImageSize::new(8, 2_048).map(ImageSize::pixels), Ok(16_384));
}

#[test]
fn unknown_schedulers_are_refused() {
    let bytes = encode(&Fields::defaults());
    // The scheduler stands before two sides of two bytes, the number of images and the option's tag.
    let at = bytes.len() - 7;
    assert_eq!(bytes[at], SchedulerKind::Ddim as u8);
    let known = u8::try_from(SchedulerKind::ALL.len()).expect("few schedulers");
    for tag in known..=u8::MAX {
        let mut changed = bytes.clone();
        changed[at] = tag;
        assert!(GenerationParams::try_from_slice(&changed).is_err(), "scheduler {tag}");
    }
}

/// Seeds count up from the first image's and wrap.
#[test]
fn image_seeds_count_up() {
    let params = builder("").seed(u32::MAX - 1).num_images(4).build().expect("in range");
    let seeds: Vec<u32> = (0..4).map(|image| params.image_seed(image)).collect();
    assert_eq!(seeds, [u32::MAX - 1, u32::MAX, 0, 1]);
}
