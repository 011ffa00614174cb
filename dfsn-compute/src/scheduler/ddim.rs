//! Denoising diffusion implicit models (Song, Meng, Ermon 2020), with eta 0.

use super::prediction::{Level, clip};
use super::schedule;
use super::settings::Settings;
use super::{Scheduler, SchedulerError};
use crate::config::PredictionType;
use crate::state::StepState;

/// diffusers' `DDIMScheduler` without added noise.
#[derive(Clone, Debug)]
pub(super) struct DdimScheduler {
    timesteps: Vec<f32>,
    /// For each step, before and after it.
    levels: Vec<(Level, Level)>,
    prediction_type: PredictionType,
    clip: Option<f32>,
}

impl DdimScheduler {
    pub(super) fn new(settings: &Settings, steps: u32, start: usize) -> Result<Self, SchedulerError> {
        let alphas_cumprod = schedule::alphas_cumprod(settings);
        let timesteps = schedule::whole_timesteps(settings, steps, start)?;
        let stride = (settings.num_train_timesteps / steps) as usize;
        let final_alpha = if settings.set_alpha_to_one { 1.0 } else { alphas_cumprod[0] };
        let levels = timesteps
            .iter()
            .map(|&timestep| {
                // Whole numbers from 0 to below the trained timesteps.
                let timestep = timestep as usize;
                let after =
                    timestep.checked_sub(stride).map_or(final_alpha, |previous| alphas_cumprod[previous]);
                (Level::from_alpha(alphas_cumprod[timestep]), Level::from_alpha(after))
            })
            .collect();
        Ok(Self { timesteps, levels, prediction_type: settings.prediction_type, clip: settings.clip })
    }
}

impl Scheduler for DdimScheduler {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn init_noise_sigma(&self) -> f32 {
        1.0
    }

    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState {
        let (level, after) = self.levels[index];
        let step_one = |(&sample, &output): (&f32, &f32)| {
            let original = clip(level.original(self.prediction_type, sample, output), self.clip);
            let epsilon = level.epsilon(self.prediction_type, sample, output);
            after.signal * original + after.noise * epsilon
        };
        StepState::new(state.latents.iter().zip(model_output).map(step_one).collect())
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        self.levels[index].0.add_noise(original, noise)
    }
}
