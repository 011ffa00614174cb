//! What one picture is asked for with.

use dfsn_types::{GenerationParams, ImageSize, SchedulerKind};
use thiserror::Error;

use crate::config::ModelConfig;

/// Everything that decides one picture, given the model.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageRequest {
    /// What to draw.
    pub prompt: String,
    /// What to draw away from. Read only when `guidance_scale` is above 1.
    pub negative_prompt: String,
    /// Seed of the initial noise.
    pub seed: u32,
    /// Denoising steps.
    pub num_inference_steps: u16,
    /// How far to go from the negative prompt's prediction towards the prompt's; at most 1 means unguided.
    pub guidance_scale: f32,
    /// The noise scheduler.
    pub scheduler: SchedulerKind,
    /// Height of the picture in pixels.
    pub height: u32,
    /// Width of the picture in pixels.
    pub width: u32,
}

/// A request that no run is started for.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A prompt over its limit.
    #[error("{field} has {length} bytes, at most {max} are allowed", max = ImageRequest::MAX_PROMPT_BYTES)]
    PromptTooLong {
        /// `prompt` or `negative_prompt`.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// Steps outside 1..=150.
    #[error("num_inference_steps {0} is not between 1 and {max}", max = ImageRequest::MAX_STEPS)]
    Steps(u16),
    /// A guidance scale that is negative, over 100 or no number.
    #[error("guidance_scale {0} is not between 0 and 100")]
    Guidance(f32),
    /// A side out of range or no multiple of what the model needs.
    #[error("{side} {pixels} is not a multiple of {multiple} between {multiple} and {max}", max = ImageRequest::MAX_SIDE)]
    Size {
        /// `height` or `width`.
        side: &'static str,
        /// Pixels asked for.
        pixels: u32,
        /// The model's step in pixels.
        multiple: u32,
    },
    /// A picture to start from.
    #[error("this pipeline starts from noise only, the request names an initial image")]
    InitImage,
    /// Initial latents of another size.
    #[error("initial latents have {found} numbers, this request needs {expected}")]
    InitLatents {
        /// Numbers given.
        found: usize,
        /// Numbers wanted.
        expected: usize,
    },
}

impl ImageRequest {
    /// Longest prompt in bytes, that of a request on the chain.
    pub const MAX_PROMPT_BYTES: usize = 2048;
    /// Most denoising steps.
    pub const MAX_STEPS: u16 = GenerationParams::MAX_STEPS;
    /// Longest side in pixels, that of a request on the chain.
    pub const MAX_SIDE: u32 = ImageSize::MAX as u32;

    /// A request without a prompt, with defaults that suit the model: its trained size (else 512 pixels), 20
    /// DDIM steps, guidance 7.5, seed 0.
    pub fn for_model(model: &ModelConfig) -> Self {
        let side = model.default_size().unwrap_or(512);
        Self {
            prompt: String::new(),
            negative_prompt: String::new(),
            seed: 0,
            num_inference_steps: 20,
            guidance_scale: 7.5,
            scheduler: SchedulerKind::Ddim,
            height: side,
            width: side,
        }
    }

    /// Picture `image` (from 0) of a request on the chain: its seed is the request's plus `image`, wrapping.
    ///
    /// # Errors
    /// [`RequestError::InitImage`] for a request that starts from an image.
    pub fn from_params(params: &GenerationParams, image: u8) -> Result<Self, RequestError> {
        if params.init_image().is_some() {
            return Err(RequestError::InitImage);
        }
        let first = Self {
            prompt: params.prompt().as_str().to_owned(),
            negative_prompt: params.negative_prompt().as_str().to_owned(),
            seed: params.seed(),
            num_inference_steps: params.num_inference_steps(),
            guidance_scale: params.guidance_scale().to_f32(),
            scheduler: params.scheduler(),
            height: params.height(),
            width: params.width(),
        };
        Ok(first.for_image(image))
    }

    /// The same request for picture `image`, counted from 0.
    #[must_use]
    pub fn for_image(mut self, image: u8) -> Self {
        self.seed = self.seed.wrapping_add(u32::from(image));
        self
    }

    /// Whether the negative prompt takes part.
    pub fn is_guided(&self) -> bool {
        self.guidance_scale > 1.0
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// [`RequestError`], naming the field.
    pub fn check(&self, model: &ModelConfig) -> Result<(), RequestError> {
        for (field, text) in [("prompt", &self.prompt), ("negative_prompt", &self.negative_prompt)] {
            if text.len() > Self::MAX_PROMPT_BYTES {
                return Err(RequestError::PromptTooLong { field, length: text.len() });
            }
        }
        if !(1..=Self::MAX_STEPS).contains(&self.num_inference_steps) {
            return Err(RequestError::Steps(self.num_inference_steps));
        }
        if !(0.0..=100.0).contains(&self.guidance_scale) {
            return Err(RequestError::Guidance(self.guidance_scale));
        }
        let multiple = model.size_multiple();
        for (side, pixels) in [("height", self.height), ("width", self.width)] {
            if pixels == 0 || pixels > Self::MAX_SIDE || !pixels.is_multiple_of(multiple) {
                return Err(RequestError::Size { side, pixels, multiple });
            }
        }
        Ok(())
    }
}
