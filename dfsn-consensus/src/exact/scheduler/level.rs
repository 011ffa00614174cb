//! What a UNet's output says about the picture and the noise.

use super::super::expression::{Term, constant};
use super::super::ieee::Double;
use super::super::math::ln;
use super::PredictionType;
use super::number;
use super::settings::Settings;

/// How far it is from one noise level to another in half the logarithm of the signal-to-noise ratio; infinite to none.
pub(super) fn log_sigma_ratio<D: Double>(from: D, to: D) -> D {
    ln(from) - ln(to)
}

/// A noise level: what is left of the picture and how much noise there is; the squares add up to one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level<D> {
    pub(super) signal: D,
    pub(super) noise: D,
}

impl<D: Double> Level<D> {
    /// From the share of the signal's variance.
    pub(super) fn from_alpha(alpha_cumprod: D) -> Self {
        Self { signal: alpha_cumprod.sqrt(), noise: (number::<D>(1.0) - alpha_cumprod).sqrt() }
    }

    /// From the noise for a signal of unit scale.
    pub(super) fn from_sigma(sigma: D) -> Self {
        let one = number::<D>(1.0);
        let signal = one / (sigma * sigma + one).sqrt();
        Self { signal, noise: sigma * signal }
    }

    /// The clean picture.
    pub(super) fn original(self, prediction: PredictionType, sample: Term, output: Term) -> Term {
        match prediction {
            PredictionType::Epsilon => {
                (sample - constant(self.noise) * output) * constant(number::<D>(1.0) / self.signal)
            }
            PredictionType::Sample => output,
            PredictionType::VPrediction => constant(self.signal) * sample - constant(self.noise) * output,
        }
    }

    /// The clean picture within the settings' limits, if there are any.
    pub(super) fn clean(self, settings: &Settings, sample: Term, output: Term) -> Term {
        let original = self.original(settings.prediction_type, sample, output);
        match settings.clip {
            Some(limit) => original.clamped(limit),
            None => original,
        }
    }

    /// The noise.
    pub(super) fn epsilon(self, prediction: PredictionType, sample: Term, output: Term) -> Term {
        match prediction {
            PredictionType::Epsilon => output,
            PredictionType::Sample => {
                (sample - constant(self.signal) * output) * constant(number::<D>(1.0) / self.noise)
            }
            PredictionType::VPrediction => constant(self.signal) * output + constant(self.noise) * sample,
        }
    }

    /// A picture (input 0) with noise (input 1) at this level.
    pub(super) fn add_noise(self) -> Term {
        constant(self.signal) * Term::Input(0) + constant(self.noise) * Term::Input(1)
    }
}
