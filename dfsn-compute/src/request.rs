//! What one picture is asked for with.

use std::sync::Arc;

use dfsn_types::{FileHash, GenerationParams, ImageSize, SchedulerKind, Strength};
use thiserror::Error;

use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::image::RgbImage;

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
    /// A picture to start from instead of noise alone.
    pub init: Option<InitImage>,
    /// Another seed to lean towards.
    pub variation: Option<Variation>,
    /// Layers of the text encoders to leave out at the end, besides those that the model leaves out anyway.
    pub clip_skip: u32,
}

/// A picture to start from.
#[derive(Clone, Debug, PartialEq)]
pub struct InitImage {
    /// The picture, stretched to the request's size as diffusers does (Lanczos).
    pub image: Arc<RgbImage>,
    /// How far to leave it: the share of the steps that are run.
    pub strength: Strength,
    /// Where to draw: bright pixels are drawn anew, dark ones stay. Stretched like the picture.
    pub mask: Option<Arc<RgbImage>>,
}

/// A mixture of two seeds' noises, along the arc between them (slerp).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variation {
    /// The other seed.
    pub seed: u32,
    /// How far to go: 0 stays with the request's seed, 1 takes the other's.
    pub strength: f32,
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
    /// A picture to start from that was not given.
    #[error("the request starts from a picture with file hash {0}, whose bytes are needed")]
    InitImageMissing(FileHash),
    /// Another file than the request names.
    #[error("the initial picture has file hash {found}, the request names {expected}")]
    InitImageHash {
        /// The hash of the file given.
        found: FileHash,
        /// The hash in the request.
        expected: FileHash,
    },
    /// A file for a request that names none.
    #[error("the request starts from noise, not from a picture")]
    NoInitImage,
    /// A strength that leaves no step to run.
    #[error("strength {strength} thousandths of {steps} steps leaves no step")]
    NoStepLeft {
        /// Strength in thousandths.
        strength: u16,
        /// Steps asked for.
        steps: u16,
    },
    /// A model that was trained for inpainting and is given nothing to paint in.
    #[error("this model paints into pictures: it needs an initial image and a mask")]
    MaskNeeded,
    /// A second pass over a picture that a mask holds.
    #[error("a second, larger pass cannot keep to a mask")]
    HiresMask,
    /// A variation out of range.
    #[error("variation strength {0} is not between 0 and 1")]
    Variation(f32),
    /// More layers than the text encoders have.
    #[error("clip_skip {clip_skip} leaves none of the text encoder's layers, at most {max} are left out")]
    ClipSkip {
        /// Layers to leave out.
        clip_skip: u32,
        /// The most.
        max: u32,
    },
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
            init: None,
            variation: None,
            clip_skip: 0,
        }
    }

    /// Picture `image` (from 0) of a request on the chain: its seed is the request's plus `image`, wrapping.
    ///
    /// # Errors
    /// [`RequestError::InitImageMissing`] for a request that starts from a picture.
    pub fn from_params(params: &GenerationParams, image: u8) -> Result<Self, RequestError> {
        match params.init_image() {
            Some(hash) => Err(RequestError::InitImageMissing(hash)),
            None => Ok(Self::without_image(params, image)),
        }
    }

    /// As [`Self::from_params`], for a request that starts from the picture in `file`, a PNG.
    ///
    /// # Errors
    /// [`RequestError::InitImageHash`] for another file than the request names, [`RequestError::NoInitImage`] if it
    /// names none; [`ComputeError::Image`].
    pub fn from_params_with_init(
        params: &GenerationParams,
        image: u8,
        file: &[u8],
    ) -> Result<Self, ComputeError> {
        let expected = params.init_image().ok_or(RequestError::NoInitImage)?;
        let found = FileHash::of(file);
        if found != expected {
            return Err(RequestError::InitImageHash { found, expected }.into());
        }
        let picture = Arc::new(RgbImage::from_png(file)?);
        let init = InitImage { image: picture, strength: params.strength(), mask: None };
        Ok(Self { init: Some(init), ..Self::without_image(params, image) })
    }

    fn without_image(params: &GenerationParams, image: u8) -> Self {
        let first = Self {
            prompt: params.prompt().as_str().to_owned(),
            negative_prompt: params.negative_prompt().as_str().to_owned(),
            seed: params.seed(),
            num_inference_steps: params.num_inference_steps(),
            guidance_scale: params.guidance_scale().to_f32(),
            scheduler: params.scheduler(),
            height: params.height(),
            width: params.width(),
            init: None,
            variation: None,
            clip_skip: 0,
        };
        first.for_image(image)
    }

    /// The same request for picture `image`, counted from 0.
    #[must_use]
    pub fn for_image(mut self, image: u8) -> Self {
        self.seed = self.seed.wrapping_add(u32::from(image));
        self
    }

    /// Steps that a picture to start from spares: `N - floor(N * strength)` of `N`.
    pub fn skipped_steps(&self) -> u16 {
        let Some(init) = &self.init else { return 0 };
        let steps = u32::from(self.num_inference_steps);
        let run = steps * u32::from(init.strength.thousandths()) / 1000;
        // At most the number of steps.
        (steps - run.min(steps)) as u16
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
        if let Some(init) = &self.init
            && self.skipped_steps() == self.num_inference_steps
        {
            let (strength, steps) = (init.strength.thousandths(), self.num_inference_steps);
            return Err(RequestError::NoStepLeft { strength, steps });
        }
        if model.is_inpainting() && self.init.as_ref().is_none_or(|init| init.mask.is_none()) {
            return Err(RequestError::MaskNeeded);
        }
        if let Some(variation) = &self.variation
            && !(0.0..=1.0).contains(&variation.strength)
        {
            return Err(RequestError::Variation(variation.strength));
        }
        let max = model.max_clip_skip();
        if self.clip_skip > max {
            return Err(RequestError::ClipSkip { clip_skip: self.clip_skip, max });
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
