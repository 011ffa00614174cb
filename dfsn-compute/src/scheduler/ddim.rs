//! Denoising diffusion implicit models (Song, Meng, Ermon 2020), with eta 0.

use super::schedule;
use super::{Scheduler, SchedulerError};
use crate::config::{PredictionType, SchedulerConfig, TimestepSpacing};
use crate::state::StepState;

/// diffusers' `DDIMScheduler` without added noise.
#[derive(Clone, Debug)]
pub struct DdimScheduler {
    timesteps: Vec<f32>,
    /// For each step, the signal's share before and after it.
    alphas: Vec<(f32, f32)>,
    prediction_type: PredictionType,
    clip: Option<f32>,
}

impl DdimScheduler {
    /// Spreads `steps` timesteps over the trained ones.
    ///
    /// # Errors
    /// [`SchedulerError`] for a number of steps that the schedule cannot give.
    pub fn new(config: &SchedulerConfig, steps: u32) -> Result<Self, SchedulerError> {
        let alphas_cumprod = schedule::alphas_cumprod(config);
        let timesteps: Vec<f32> = schedule::timesteps(config, TimestepSpacing::Leading, steps)?
            .into_iter()
            .map(|timestep| timestep.round_ties_even() as f32)
            .collect();
        let stride = (config.num_train_timesteps / steps) as usize;
        let final_alpha = if config.set_alpha_to_one { 1.0 } else { alphas_cumprod[0] };
        let alphas = timesteps
            .iter()
            .map(|&timestep| {
                // Whole numbers from 0 to below the trained timesteps.
                let timestep = timestep as usize;
                let after =
                    timestep.checked_sub(stride).map_or(final_alpha, |previous| alphas_cumprod[previous]);
                (alphas_cumprod[timestep], after)
            })
            .collect();
        Ok(Self {
            timesteps,
            alphas,
            prediction_type: config.prediction_type,
            clip: config.clip_sample.then_some(config.clip_sample_range as f32),
        })
    }
}

impl Scheduler for DdimScheduler {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn init_noise_sigma(&self) -> f32 {
        1.0
    }

    fn history_length(&self, _steps_done: usize) -> usize {
        0
    }

    fn scale_model_input(&self, _index: usize, latents: &[f32]) -> Vec<f32> {
        latents.to_vec()
    }

    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState {
        let (alpha, alpha_after) = self.alphas[index];
        let (signal, noise) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        let (signal_after, noise_after) = (alpha_after.sqrt(), (1.0 - alpha_after).sqrt());
        let step_one = |(&sample, &output): (&f32, &f32)| {
            let (original, epsilon) = match self.prediction_type {
                PredictionType::Epsilon => ((sample - noise * output) / signal, output),
                PredictionType::Sample => (output, (sample - signal * output) / noise),
                PredictionType::VPrediction => {
                    (signal * sample - noise * output, signal * output + noise * sample)
                }
            };
            let original = self.clip.map_or(original, |range| original.clamp(-range, range));
            signal_after * original + noise_after * epsilon
        };
        StepState::new(state.latents.iter().zip(model_output).map(step_one).collect())
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        let (alpha, _) = self.alphas[index];
        let (signal, spread) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        original.iter().zip(noise).map(|(original, noise)| signal * original + spread * noise).collect()
    }
}
