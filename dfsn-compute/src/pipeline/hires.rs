//! A large picture in two passes: a small one for the composition, then a larger one that starts from it.

use dfsn_types::Strength;

use super::start::Start;
use super::{Generated, Observer, Pipeline, Prepared};
use crate::backend::{Backend, LatentShape};
use crate::error::ComputeError;
use crate::noise;
use crate::request::{ImageRequest, RequestError};

/// The second pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hires {
    /// Height of the large picture in pixels.
    pub height: u32,
    /// Width of the large picture in pixels.
    pub width: u32,
    /// Steps that the second pass is a part of.
    pub num_inference_steps: u16,
    /// How far to leave the small picture: the share of the steps that are run.
    pub strength: Strength,
}

impl<B: Backend> Pipeline<B> {
    /// Draws `request`, enlarges its latents (bilinearly) and draws once more from there, with the same seed. The
    /// observer sees the states of both passes, one after the other.
    ///
    /// Requests on the chain have one pass only.
    ///
    /// # Errors
    /// As [`Pipeline::generate`]; [`RequestError::HiresMask`] with a mask.
    pub fn generate_hires(
        &mut self,
        request: &ImageRequest,
        hires: Hires,
        observer: &mut dyn Observer,
    ) -> Result<Generated, ComputeError> {
        if request.init.as_ref().is_some_and(|init| init.mask.is_some()) {
            return Err(RequestError::HiresMask.into());
        }
        let large = ImageRequest {
            height: hires.height,
            width: hires.width,
            num_inference_steps: hires.num_inference_steps,
            init: None,
            variation: None,
            ..request.clone()
        };
        // What is wrong with the second pass is told before the first one is run.
        large.check(&self.config)?;
        let run = u32::from(hires.num_inference_steps) * u32::from(hires.strength.thousandths()) / 1000;
        // At most the number of steps.
        let skipped = hires.num_inference_steps - run as u16;
        if run == 0 {
            let (strength, steps) = (hires.strength.thousandths(), hires.num_inference_steps);
            return Err(RequestError::NoStepLeft { strength, steps }.into());
        }
        let scheduler = self.schedule(&large, skipped)?;

        let first = self.prepare(request)?;
        let latents = self.latent_shape(&large);
        self.backend.check_size(latents, first.text.conditioning.tokens)?;
        let small = self.denoise(&first, self.initial_state(&first)?, observer)?;
        let start = Start {
            noise: noise::randn(large.seed, latents.count()),
            image: Some(enlarge(&small.latents, first.latents, latents)),
            inpaint: None,
            failed: false,
        };
        let text = self.encode_prompts(&large)?;
        let second = Prepared { request: large, text, scheduler, latents, start };
        let begun = self.initial_state(&second)?;
        self.generate_from(&second, begun, observer)
    }
}

/// Bilinear interpolation as torch's `interpolate` with `align_corners=False`.
fn enlarge(latents: &[f32], from: LatentShape, to: LatentShape) -> Vec<f32> {
    let (rows, columns) = (places(from.height, to.height), places(from.width, to.width));
    let (height, width) = (from.height as usize, from.width as usize);
    let mut enlarged = Vec::with_capacity(to.count());
    for plane in latents.chunks_exact(height * width) {
        for &(top, bottom, down) in &rows {
            for &(left, right, across) in &columns {
                let row = |row: usize| {
                    let (left, right) = (plane[row * width + left], plane[row * width + right]);
                    left * (1.0 - across) + right * across
                };
                enlarged.push(row(top) * (1.0 - down) + row(bottom) * down);
            }
        }
    }
    enlarged
}

/// For each place of a longer line, its two neighbours in a shorter one and how near it is to the second.
fn places(from: u32, to: u32) -> Vec<(usize, usize, f32)> {
    let scale = from as f32 / to as f32;
    (0..to)
        .map(|at| {
            let place = (scale * (at as f32 + 0.5) - 0.5).max(0.0);
            // Not negative, and below `from`.
            let first = (place as usize).min(from as usize - 1);
            (first, (first + 1).min(from as usize - 1), place - first as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latents_are_enlarged_as_torch_does() {
        // torch.nn.functional.interpolate(x, size=(4, 3), mode="bilinear") of [[[[0, 1], [10, 21]]]].
        let shape = |height, width| LatentShape { channels: 1, height, width };
        let found = enlarge(&[0.0, 1.0, 10.0, 21.0], shape(2, 2), shape(4, 3));
        let expected = [0.0, 0.5, 1.0, 2.5, 4.25, 6.0, 7.5, 11.75, 16.0, 10.0, 15.5, 21.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}
