//! Everything that decides a picture.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{GuidanceScale, GuidanceScaleError, ImageSize, SchedulerKind, Strength};
use crate::bounded::{BoundedString, TooLong};
use crate::hash::{FileHash, ModelId, ProfileId};
use crate::macros::checked_decode;

/// A prompt or a negative prompt: at most 2,048 bytes of UTF-8. It stands on the chain for ever.
pub type Prompt = BoundedString<2048>;

/// The parameters of a request; the same parameters give the same picture in an exact profile (rules GEN-01, GEN-03).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize)]
pub struct GenerationParams {
    model: ModelId,
    profile: ProfileId,
    prompt: Prompt,
    negative_prompt: Prompt,
    seed: u32,
    num_inference_steps: u16,
    guidance_scale: GuidanceScale,
    strength: Strength,
    scheduler: SchedulerKind,
    size: ImageSize,
    num_images: u8,
    init_image: Option<FileHash>,
}

/// Parameters out of range.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GenerationParamsError {
    /// Steps outside 1..=150.
    #[error("num_inference_steps {0} is not between 1 and 150")]
    Steps(u16),
    /// Images outside 1..=4.
    #[error("num_images {0} is not between 1 and 4")]
    Images(u8),
    /// Guidance above 100.0.
    #[error(transparent)]
    Guidance(#[from] GuidanceScaleError),
    /// A prompt over its limit.
    #[error("{field}: {source}")]
    Prompt {
        /// `prompt` or `negative_prompt`.
        field: &'static str,
        /// By how much.
        source: TooLong,
    },
    /// A strength below full without an image to start from.
    #[error("strength {0} thousandths needs an initial image")]
    StrengthWithoutImage(u16),
    /// A strength that leaves no step to run.
    #[error("strength {strength} thousandths of {steps} steps leaves no step")]
    NoStepLeft {
        /// Strength in thousandths.
        strength: u16,
        /// Steps asked for.
        steps: u16,
    },
}

impl GenerationParams {
    /// The most denoising steps.
    pub const MAX_STEPS: u16 = 150;
    /// The most images of one request.
    pub const MAX_IMAGES: u8 = 4;

    /// Starts from a model, a profile, a prompt and a size; the rest has defaults: empty negative prompt, seed 0, 20 steps,
    /// guidance 7.5, DDIM, one image.
    pub fn builder(
        model: ModelId,
        profile: ProfileId,
        prompt: impl Into<String>,
        size: ImageSize,
    ) -> GenerationParamsBuilder {
        GenerationParamsBuilder::new(model, profile, prompt.into(), size)
    }

    /// The model, by its manifest's hash.
    pub const fn model(&self) -> ModelId {
        self.model
    }

    /// The profile of arithmetic.
    pub const fn profile(&self) -> ProfileId {
        self.profile
    }

    /// What to draw.
    pub const fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// What to keep away from.
    pub const fn negative_prompt(&self) -> &Prompt {
        &self.negative_prompt
    }

    /// Seed of the first image.
    pub const fn seed(&self) -> u32 {
        self.seed
    }

    /// Seed of image `image`: `seed + image`, modulo 2^32 (rule GEN-04).
    pub fn image_seed(&self, image: u8) -> u32 {
        self.seed.wrapping_add(u32::from(image))
    }

    /// Denoising steps, 1..=150.
    pub const fn num_inference_steps(&self) -> u16 {
        self.num_inference_steps
    }

    /// Steps that are executed: all from noise; from an image the last `floor(num_inference_steps * strength)`, at least 1 (rule
    /// GEN-03).
    pub const fn executed_steps(&self) -> u16 {
        let steps = self.num_inference_steps;
        if self.init_image.is_none() {
            return steps;
        }
        // A strength is at most 1,000 thousandths: never more than all.
        (steps as u32 * self.strength.thousandths() as u32 / 1_000) as u16
    }

    /// Evaluations of the UNet that one image takes (rule GEN-07).
    pub const fn evaluations(&self) -> u32 {
        let skipped = self.num_inference_steps.saturating_sub(self.executed_steps());
        self.scheduler.evaluations(self.num_inference_steps).saturating_sub(skipped as u32)
    }

    /// Strength of classifier-free guidance.
    pub const fn guidance_scale(&self) -> GuidanceScale {
        self.guidance_scale
    }

    /// How far to leave the initial image.
    pub const fn strength(&self) -> Strength {
        self.strength
    }

    /// The noise scheduler.
    pub const fn scheduler(&self) -> SchedulerKind {
        self.scheduler
    }

    /// Height and width.
    pub const fn size(&self) -> ImageSize {
        self.size
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        u32::from(self.size.height())
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        u32::from(self.size.width())
    }

    /// Images, 1..=4.
    pub const fn num_images(&self) -> u8 {
        self.num_images
    }

    /// The image to start from, by the hash of its file.
    pub const fn init_image(&self) -> Option<FileHash> {
        self.init_image
    }
}

/// Builds [`GenerationParams`]; [`Self::build`] checks every bound.
#[derive(Clone, Debug)]
#[must_use]
pub struct GenerationParamsBuilder(RawParams);

impl GenerationParamsBuilder {
    fn new(model: ModelId, profile: ProfileId, prompt: String, size: ImageSize) -> Self {
        Self(RawParams {
            model,
            profile,
            prompt,
            negative_prompt: String::new(),
            seed: 0,
            num_inference_steps: 20,
            guidance_scale: 7_500,
            strength: Strength::FULL,
            scheduler: SchedulerKind::Ddim,
            size,
            num_images: 1,
            init_image: None,
        })
    }

    /// What to keep away from.
    pub fn negative_prompt(mut self, negative_prompt: impl Into<String>) -> Self {
        self.0.negative_prompt = negative_prompt.into();
        self
    }

    /// Seed of the first image.
    pub const fn seed(mut self, seed: u32) -> Self {
        self.0.seed = seed;
        self
    }

    /// Denoising steps.
    pub const fn num_inference_steps(mut self, steps: u16) -> Self {
        self.0.num_inference_steps = steps;
        self
    }

    /// Guidance in thousandths.
    pub const fn guidance_thousandths(mut self, thousandths: u32) -> Self {
        self.0.guidance_scale = thousandths;
        self
    }

    /// The noise scheduler.
    pub const fn scheduler(mut self, scheduler: SchedulerKind) -> Self {
        self.0.scheduler = scheduler;
        self
    }

    /// Images of the request.
    pub const fn num_images(mut self, images: u8) -> Self {
        self.0.num_images = images;
        self
    }

    /// Below full only with [`Self::init_image`], which sets it, too.
    pub(crate) const fn strength(mut self, strength: Strength) -> Self {
        self.0.strength = strength;
        self
    }

    /// Starts from an image instead of noise.
    pub const fn init_image(mut self, image: FileHash, strength: Strength) -> Self {
        self.0.init_image = Some(image);
        self.0.strength = strength;
        self
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// [`GenerationParamsError`] names the first one broken.
    pub fn build(self) -> Result<GenerationParams, GenerationParamsError> {
        let raw = self.0;
        let guidance_scale = GuidanceScale::from_thousandths(raw.guidance_scale)?;
        let prompt = |field, text: String| {
            Prompt::new(text).map_err(|source| GenerationParamsError::Prompt { field, source })
        };
        let decoded = DecodedParams {
            model: raw.model,
            profile: raw.profile,
            prompt: prompt("prompt", raw.prompt)?,
            negative_prompt: prompt("negative_prompt", raw.negative_prompt)?,
            seed: raw.seed,
            num_inference_steps: raw.num_inference_steps,
            guidance_scale,
            strength: raw.strength,
            scheduler: raw.scheduler,
            size: raw.size,
            num_images: raw.num_images,
            init_image: raw.init_image,
        };
        decoded.try_into()
    }
}

/// What a builder has been told, unchecked.
#[derive(Clone, Debug)]
struct RawParams {
    model: ModelId,
    profile: ProfileId,
    prompt: String,
    negative_prompt: String,
    seed: u32,
    num_inference_steps: u16,
    guidance_scale: u32,
    strength: Strength,
    scheduler: SchedulerKind,
    size: ImageSize,
    num_images: u8,
    init_image: Option<FileHash>,
}

/// The encoded fields, each in its range, before the checks across fields.
#[derive(BorshDeserialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecodedParams {
    model: ModelId,
    profile: ProfileId,
    prompt: Prompt,
    negative_prompt: Prompt,
    seed: u32,
    num_inference_steps: u16,
    guidance_scale: GuidanceScale,
    strength: Strength,
    scheduler: SchedulerKind,
    size: ImageSize,
    num_images: u8,
    init_image: Option<FileHash>,
}

impl TryFrom<DecodedParams> for GenerationParams {
    type Error = GenerationParamsError;

    fn try_from(raw: DecodedParams) -> Result<Self, GenerationParamsError> {
        let steps = raw.num_inference_steps;
        let strength = raw.strength.thousandths();
        if !(1..=Self::MAX_STEPS).contains(&steps) {
            return Err(GenerationParamsError::Steps(steps));
        }
        if !(1..=Self::MAX_IMAGES).contains(&raw.num_images) {
            return Err(GenerationParamsError::Images(raw.num_images));
        }
        if raw.init_image.is_none() && raw.strength != Strength::FULL {
            return Err(GenerationParamsError::StrengthWithoutImage(strength));
        }
        if u32::from(steps) * u32::from(strength) < 1000 {
            return Err(GenerationParamsError::NoStepLeft { strength, steps });
        }
        Ok(Self {
            model: raw.model,
            profile: raw.profile,
            prompt: raw.prompt,
            negative_prompt: raw.negative_prompt,
            seed: raw.seed,
            num_inference_steps: steps,
            guidance_scale: raw.guidance_scale,
            strength: raw.strength,
            scheduler: raw.scheduler,
            size: raw.size,
            num_images: raw.num_images,
            init_image: raw.init_image,
        })
    }
}

checked_decode!(GenerationParams, DecodedParams);
