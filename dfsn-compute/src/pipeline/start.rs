//! What a picture starts from: noise, another picture, or a picture and a mask.
//!
//! One generator draws everything, in the order of diffusers: the sample of the picture's latents, the noise, the
//! sample of the masked picture's latents.

use dfsn_types::Strength;

use super::Pipeline;
use crate::backend::{Backend, LatentDistribution, LatentShape};
use crate::error::ComputeError;
use crate::exact::ExactError;
use crate::image::RgbImage;
use crate::noise::{self, Generator};
use crate::request::{ImageRequest, InitImage};
use crate::scheduler::Scheduler;

/// What the state before the first step is made of, and what holds the picture outside a mask.
#[derive(Debug)]
pub(super) struct Start {
    /// Of unit variance.
    pub(super) noise: Vec<f32>,
    /// Latents that the noise is added to; without them it is the noise alone.
    pub(super) image: Option<Vec<f32>>,
    pub(super) inpaint: Option<Inpaint>,
    /// Whether a number of the encoder of pictures is none (rule EXA-31): then there is no picture to start from.
    pub(super) failed: bool,
}

/// How a mask acts.
#[derive(Debug)]
pub(super) enum Inpaint {
    /// What lies outside the mask is put back after every step.
    Blend {
        /// 1 where the picture is drawn anew, one number for each place.
        mask: Vec<f32>,
        /// The picture's latents.
        image: Vec<f32>,
    },
    /// The UNet is shown mask and masked picture: further channels of its input.
    Channels(Vec<f32>),
}

impl<B: Backend> Pipeline<B> {
    pub(super) fn prepare_start(
        &mut self,
        request: &ImageRequest,
        shape: LatentShape,
    ) -> Result<Start, ComputeError> {
        let mut generator = Generator::new(request.seed);
        let Some(init) = &request.init else {
            let noise = draw(&mut generator, request, shape);
            return Ok(Start { noise, image: None, inpaint: None, failed: false });
        };
        let pixels = init.image.resized(request.height, request.width).to_input();
        match &init.mask {
            None => {
                let image = match self.encode_sample(&pixels, request, &mut generator) {
                    Ok(image) => Some(image),
                    Err(ComputeError::Exact(ExactError::NotFinite { .. })) => None,
                    Err(error) => return Err(error),
                };
                let (noise, failed) = (draw(&mut generator, request, shape), image.is_none());
                Ok(Start { noise, image, inpaint: None, failed })
            }
            Some(mask) => self.prepare_inpaint(request, init, mask, &pixels, shape, generator),
        }
    }

    fn prepare_inpaint(
        &mut self,
        request: &ImageRequest,
        init: &InitImage,
        mask: &RgbImage,
        pixels: &[f32],
        shape: LatentShape,
        mut generator: Generator,
    ) -> Result<Start, ComputeError> {
        let has_channels = self.config.is_inpainting();
        let is_full = init.strength == Strength::FULL;
        // A model that is shown the masked picture needs the whole one only to start from.
        let image = if has_channels && is_full {
            None
        } else {
            Some(self.encode_sample(pixels, request, &mut generator)?)
        };
        let noise = draw(&mut generator, request, shape);
        let is_drawn: Vec<bool> =
            mask.resized(request.height, request.width).to_luma().iter().map(|&luma| luma >= 128).collect();
        let small = shrink(&is_drawn, request, shape);
        if has_channels {
            let masked: Vec<f32> = pixels
                .iter()
                .zip(is_drawn.iter().cycle())
                .map(|(&pixel, &is_drawn)| if is_drawn { 0.0 } else { pixel })
                .collect();
            let masked = self.encode_sample(&masked, request, &mut generator)?;
            let image = image.filter(|_| !is_full);
            let inpaint = Some(Inpaint::Channels([small, masked].concat()));
            return Ok(Start { noise, image, inpaint, failed: false });
        }
        let image = image.unwrap_or_default();
        let start = (!is_full).then(|| image.clone());
        let inpaint = Some(Inpaint::Blend { mask: small, image });
        Ok(Start { noise, image: start, inpaint, failed: false })
    }

    /// A sample of a picture's latents, scaled as the UNet sees them.
    fn encode_sample(
        &mut self,
        pixels: &[f32],
        request: &ImageRequest,
        generator: &mut Generator,
    ) -> Result<Vec<f32>, ComputeError> {
        let LatentDistribution { mean, std } = self.backend.encode(pixels, request.height, request.width)?;
        let noise = generator.randn(mean.len());
        let (scale, shift) = (self.config.vae.scaling_factor as f32, self.config.vae.shift_factor as f32);
        let sample = |((mean, std), noise): ((&f32, &f32), &f32)| scale * (mean + std * noise - shift);
        Ok(mean.iter().zip(&std).zip(&noise).map(sample).collect())
    }
}

/// The request's noise, with its variation.
fn draw(generator: &mut Generator, request: &ImageRequest, shape: LatentShape) -> Vec<f32> {
    let noise = generator.randn(shape.count());
    match request.variation {
        Some(variation) => {
            noise::slerp(&noise, &noise::randn(variation.seed, shape.count()), variation.strength)
        }
        None => noise,
    }
}

/// The mask at every place of the latents: the upper left one of its pixels.
fn shrink(is_drawn: &[bool], request: &ImageRequest, shape: LatentShape) -> Vec<f32> {
    let factor = (request.height / shape.height.max(1)) as usize;
    let rows = is_drawn.chunks_exact(request.width as usize).step_by(factor.max(1));
    rows.flat_map(|row| row.iter().step_by(factor.max(1)).map(|&is_drawn| f32::from(u8::from(is_drawn))))
        .collect()
}

impl Start {
    /// The UNet's input: `sample`, and what it is shown beside it.
    pub(super) fn input(&self, mut sample: Vec<f32>) -> Vec<f32> {
        if let Some(Inpaint::Channels(channels)) = &self.inpaint {
            sample.extend(channels);
        }
        sample
    }

    /// Puts back what lies outside the mask, at the noise level before evaluation `next`.
    pub(super) fn blend(&self, latents: &mut [f32], scheduler: &Scheduler, next: usize) {
        let Some(Inpaint::Blend { mask, image }) = &self.inpaint else { return };
        let kept = if next < scheduler.timesteps().len() {
            scheduler.add_noise(next, image, &self.noise)
        } else {
            image.clone()
        };
        for ((latent, kept), mask) in latents.iter_mut().zip(kept).zip(mask.iter().cycle()) {
            *latent = (1.0 - mask) * kept + mask * *latent;
        }
    }
}
