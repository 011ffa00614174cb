//! Denoising diffusion probabilistic models (Ho, Jain, Abbeel 2020).

use super::prediction::{Level, clip};
use super::schedule;
use super::settings::Settings;
use super::{Scheduler, SchedulerError};
use crate::config::PredictionType;
use crate::state::StepState;

/// diffusers' `DDPMScheduler` with the smaller of the two fixed variances.
#[derive(Clone, Debug)]
pub(super) struct DdpmScheduler {
    timesteps: Vec<f32>,
    steps: Vec<Step>,
    prediction_type: PredictionType,
    clip: Option<f32>,
}

/// The posterior's mean is a sum of picture and sample.
#[derive(Clone, Copy, Debug)]
struct Step {
    level: Level,
    original: f32,
    sample: f32,
    noise: f32,
}

impl DdpmScheduler {
    pub(super) fn new(settings: &Settings, steps: u32, start: usize) -> Result<Self, SchedulerError> {
        let alphas_cumprod = schedule::alphas_cumprod(settings);
        let timesteps = schedule::whole_timesteps(settings, steps, start)?;
        // Whole numbers from 0 to below the trained timesteps.
        let alphas = timesteps.iter().map(|&timestep| alphas_cumprod[timestep as usize]);
        let after = alphas.clone().skip(1).chain([1.0]);
        let steps = timesteps
            .iter()
            .zip(alphas.zip(after))
            .map(|(&timestep, (alpha, after))| Step::new(timestep, alpha, after))
            .collect();
        Ok(Self { timesteps, steps, prediction_type: settings.prediction_type, clip: settings.clip })
    }
}

impl Step {
    /// Formula 7 of the paper between two shares of the signal.
    fn new(timestep: f32, alpha_cumprod: f32, alpha_cumprod_after: f32) -> Self {
        let (beta, beta_after) = (1.0 - alpha_cumprod, 1.0 - alpha_cumprod_after);
        let alpha = alpha_cumprod / alpha_cumprod_after;
        let variance = (beta_after / beta * (1.0 - alpha)).max(1e-20);
        Self {
            level: Level::from_alpha(alpha_cumprod),
            original: alpha_cumprod_after.sqrt() * (1.0 - alpha) / beta,
            sample: alpha.sqrt() * beta_after / beta,
            noise: if timestep > 0.0 { variance.sqrt() } else { 0.0 },
        }
    }
}

impl Scheduler for DdpmScheduler {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn init_noise_sigma(&self) -> f32 {
        1.0
    }

    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState {
        let step = self.steps[index];
        let step_one = |(&sample, &output): (&f32, &f32)| {
            let original = clip(step.level.original(self.prediction_type, sample, output), self.clip);
            step.original * original + step.sample * sample
        };
        StepState::new(state.latents.iter().zip(model_output).map(step_one).collect())
    }

    fn added_noise(&self, index: usize) -> f32 {
        self.steps[index].noise
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        self.steps[index].level.add_noise(original, noise)
    }
}
