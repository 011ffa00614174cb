//! What a UNet's output says about the picture and the noise.

use crate::config::PredictionType;

/// A noise level: what is left of the picture and how much noise there is; the squares add up to one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) signal: f32,
    pub(super) noise: f32,
}

impl Level {
    /// From the share of the signal's variance.
    pub(super) fn from_alpha(alpha_cumprod: f32) -> Self {
        Self { signal: alpha_cumprod.sqrt(), noise: (1.0 - alpha_cumprod).sqrt() }
    }

    /// From the noise for a signal of unit scale.
    pub(super) fn from_sigma(sigma: f32) -> Self {
        let signal = 1.0 / (sigma * sigma + 1.0).sqrt();
        Self { signal, noise: sigma * signal }
    }

    /// Half the logarithm of the signal-to-noise ratio; infinite without noise.
    pub(super) fn lambda(self) -> f32 {
        libm::logf(self.signal) - libm::logf(self.noise)
    }

    /// The clean picture.
    pub(super) fn original(self, prediction: PredictionType, sample: f32, output: f32) -> f32 {
        match prediction {
            PredictionType::Epsilon => (sample - self.noise * output) / self.signal,
            PredictionType::Sample => output,
            PredictionType::VPrediction => self.signal * sample - self.noise * output,
        }
    }

    /// The noise.
    pub(super) fn epsilon(self, prediction: PredictionType, sample: f32, output: f32) -> f32 {
        match prediction {
            PredictionType::Epsilon => output,
            PredictionType::Sample => (sample - self.signal * output) / self.noise,
            PredictionType::VPrediction => self.signal * output + self.noise * sample,
        }
    }

    /// A picture at this level.
    pub(super) fn add_noise(self, original: &[f32], noise: &[f32]) -> Vec<f32> {
        original
            .iter()
            .zip(noise)
            .map(|(original, noise)| self.signal * original + self.noise * noise)
            .collect()
    }
}

/// Limits a predicted picture, if there is a limit.
pub(super) fn clip(original: f32, range: Option<f32>) -> f32 {
    range.map_or(original, |range| original.clamp(-range, range))
}
