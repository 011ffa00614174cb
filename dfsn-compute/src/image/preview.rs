//! Cheap looks at latents: a straight line from their channels to red, green and blue, one pixel for each place.
//!
//! The factors of Stable Diffusion are those that ComfyUI shows its previews with (`comfy/latent_formats.py`); those
//! of emoji-64 were fitted to pictures it drew (`tests/golden/fit_preview.py`).

use super::RgbImage;
use crate::backend::LatentShape;
use crate::config::{Family, ModelConfig};
use crate::state::StepState;

/// How the latents of one family look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preview {
    /// For each channel of the latents, its part in red, green and blue of -1 to 1.
    factors: [[f32; 3]; 4],
    bias: [f32; 3],
}

/// Stable Diffusion 1 and 2.
const SD: Preview = Preview {
    factors: [
        [0.3512, 0.2297, 0.3227],
        [0.3250, 0.4974, 0.2350],
        [-0.2829, 0.1762, 0.2721],
        [-0.2120, -0.2616, -0.7177],
    ],
    bias: [0.0; 3],
};

/// Stable Diffusion XL.
const SDXL: Preview = Preview {
    factors: [
        [0.3651, 0.4232, 0.4341],
        [-0.2533, -0.0042, 0.1068],
        [0.1076, 0.1111, -0.0362],
        [-0.3165, -0.2492, -0.2188],
    ],
    bias: [0.1084, -0.0175, -0.0011],
};

/// The embedded model.
#[allow(clippy::approx_constant)] // One factor happens to be near pi / 8.
const EMOJI: Preview = Preview {
    factors: [
        [0.3759, 0.3019, -0.1301],
        [-0.1455, -0.1010, -0.3927],
        [-0.0326, 0.1231, -0.1905],
        [-0.1486, 0.3403, 0.2653],
    ],
    bias: [0.2588, 0.0957, -0.1112],
};
/// By which the embedded model's autoencoder is known.
const EMOJI_SCALING: f64 = 0.45608;

impl Preview {
    /// The factors for a model; none for one whose latents have other than 4 channels.
    pub fn for_model(config: &ModelConfig) -> Option<Self> {
        if config.vae.latent_channels != 4 {
            return None;
        }
        Some(match config.family {
            Family::StableDiffusionXl { .. } => SDXL,
            Family::StableDiffusion if config.vae.scaling_factor == EMOJI_SCALING => EMOJI,
            Family::StableDiffusion => SD,
        })
    }

    /// The latents of a state as a small picture. The noisier the state, the less there is to see.
    ///
    /// None if the state is not of this shape.
    pub fn draw(&self, state: &StepState, shape: LatentShape) -> Option<RgbImage> {
        if shape.channels != 4 || state.latents.len() != shape.count() {
            return None;
        }
        let plane = shape.count() / 4;
        let mut pixels = Vec::with_capacity(3 * plane);
        for place in 0..plane {
            for color in 0..3 {
                let channels = self.factors.iter().enumerate();
                let sum: f32 =
                    channels.map(|(at, factor)| factor[color] * state.latents[at * plane + place]).sum();
                pixels.push(super::to_u8(sum + self.bias[color]));
            }
        }
        RgbImage::new(shape.height, shape.width, pixels).ok()
    }
}
