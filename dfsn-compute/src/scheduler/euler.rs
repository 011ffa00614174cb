//! Euler's method on the probability flow equation (Karras et al. 2022, algorithm 2 without churn).

use super::schedule;
use super::settings::Settings;
use super::sigma_spacing::{karras, timestep_of};
use super::{Scheduler, SchedulerError};
use crate::config::{PredictionType, TimestepSpacing};
use crate::state::StepState;

/// diffusers' `EulerDiscreteScheduler` without churn.
#[derive(Clone, Debug)]
pub(super) struct EulerDiscreteScheduler {
    timesteps: Vec<f32>,
    /// Noise levels before each step and after the last.
    sigmas: Vec<f32>,
    init_noise_sigma: f32,
    prediction_type: PredictionType,
}

impl EulerDiscreteScheduler {
    pub(super) fn new(settings: &Settings, steps: u32, start: usize) -> Result<Self, SchedulerError> {
        let trained = schedule::sigmas(settings);
        let mut timesteps: Vec<f32> =
            schedule::timesteps(settings, steps)?.into_iter().map(|timestep| timestep as f32).collect();
        let mut levels: Vec<f64> =
            timesteps.iter().map(|&timestep| schedule::sigma_at(&trained, f64::from(timestep))).collect();
        if settings.use_karras_sigmas {
            levels = karras(levels[0], levels[levels.len() - 1], steps);
            let logs: Vec<f32> = trained.iter().map(|&sigma| libm::logf(sigma)).collect();
            timesteps = levels.iter().map(|&sigma| timestep_of(sigma, &logs) as f32).collect();
        }
        let mut sigmas: Vec<f32> = levels.into_iter().map(|sigma| sigma as f32).collect();
        sigmas.push(schedule::last_sigma(settings, &trained));
        let init_noise_sigma = init_noise_sigma(settings, &sigmas);
        timesteps.drain(..start);
        sigmas.drain(..start);
        Ok(Self { timesteps, sigmas, init_noise_sigma, prediction_type: settings.prediction_type })
    }
}

/// The standard deviation of the initial latents of schedulers that think in noise levels.
pub(super) fn init_noise_sigma(settings: &Settings, sigmas: &[f32]) -> f32 {
    let largest = sigmas.iter().copied().fold(0.0, f32::max);
    match settings.timestep_spacing {
        TimestepSpacing::Linspace | TimestepSpacing::Trailing => largest,
        TimestepSpacing::Leading => (largest * largest + 1.0).sqrt(),
    }
}

/// The UNet's input: latents of unit variance.
pub(super) fn scale_model_input(sigma: f32, latents: &[f32]) -> Vec<f32> {
    let scale = (sigma * sigma + 1.0).sqrt();
    latents.iter().map(|latent| latent / scale).collect()
}

/// Moves latents along the predicted direction from noise level `sigma` to `next`.
pub(super) fn euler_step(
    prediction: PredictionType,
    (sigma, next): (f32, f32),
    model_output: &[f32],
    latents: &[f32],
) -> Vec<f32> {
    let dt = next - sigma;
    let variance = sigma * sigma + 1.0;
    let v_scale = -sigma / variance.sqrt();
    let step_one = |(&sample, &output): (&f32, &f32)| {
        let original = match prediction {
            PredictionType::Epsilon => sample - sigma * output,
            PredictionType::Sample => output,
            PredictionType::VPrediction => output * v_scale + sample / variance,
        };
        let derivative = (sample - original) / sigma;
        sample + derivative * dt
    };
    latents.iter().zip(model_output).map(step_one).collect()
}

/// `original` with noise of level `sigma`.
pub(super) fn add_noise(sigma: f32, original: &[f32], noise: &[f32]) -> Vec<f32> {
    original.iter().zip(noise).map(|(original, noise)| original + noise * sigma).collect()
}

impl Scheduler for EulerDiscreteScheduler {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn init_noise_sigma(&self) -> f32 {
        self.init_noise_sigma
    }

    fn scale_model_input(&self, index: usize, latents: &[f32]) -> Vec<f32> {
        scale_model_input(self.sigmas[index], latents)
    }

    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState {
        let between = (self.sigmas[index], self.sigmas[index + 1]);
        StepState::new(euler_step(self.prediction_type, between, model_output, &state.latents))
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        add_noise(self.sigmas[index], original, noise)
    }
}
