//! Euler's method on the probability flow equation (Karras et al. 2022, algorithm 2 without churn).

use super::schedule;
use super::{Scheduler, SchedulerError};
use crate::config::{FinalSigmas, PredictionType, SchedulerConfig, TimestepSpacing};
use crate::state::StepState;

/// diffusers' `EulerDiscreteScheduler` without churn.
#[derive(Clone, Debug)]
pub struct EulerDiscreteScheduler {
    timesteps: Vec<f32>,
    /// Noise levels before each step and after the last.
    sigmas: Vec<f32>,
    init_noise_sigma: f32,
    prediction_type: PredictionType,
}

impl EulerDiscreteScheduler {
    /// Spreads `steps` timesteps over the trained ones.
    ///
    /// # Errors
    /// [`SchedulerError`] for a number of steps that the schedule cannot give.
    pub fn new(config: &SchedulerConfig, steps: u32) -> Result<Self, SchedulerError> {
        let default = TimestepSpacing::Linspace;
        let timesteps: Vec<f32> = schedule::timesteps(config, default, steps)?
            .into_iter()
            .map(|timestep| timestep as f32)
            .collect();
        let trained = schedule::sigmas(&schedule::alphas_cumprod(config));
        let mut sigmas: Vec<f32> =
            timesteps.iter().map(|&timestep| interpolate(&trained, timestep)).collect();
        sigmas.push(match config.final_sigmas_type {
            FinalSigmas::Zero => 0.0,
            FinalSigmas::SigmaMin => trained[0],
        });
        let largest = sigmas.iter().copied().fold(0.0, f32::max);
        let init_noise_sigma = match config.timestep_spacing.unwrap_or(default) {
            TimestepSpacing::Linspace | TimestepSpacing::Trailing => largest,
            TimestepSpacing::Leading => (largest * largest + 1.0).sqrt(),
        };
        Ok(Self { timesteps, sigmas, init_noise_sigma, prediction_type: config.prediction_type })
    }

    /// Noise levels before each step and after the last.
    pub fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }
}

impl Scheduler for EulerDiscreteScheduler {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn init_noise_sigma(&self) -> f32 {
        self.init_noise_sigma
    }

    fn history_length(&self, _steps_done: usize) -> usize {
        0
    }

    fn scale_model_input(&self, index: usize, latents: &[f32]) -> Vec<f32> {
        let sigma = self.sigmas[index];
        let scale = (sigma * sigma + 1.0).sqrt();
        latents.iter().map(|latent| latent / scale).collect()
    }

    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState {
        let sigma = self.sigmas[index];
        let dt = self.sigmas[index + 1] - sigma;
        let variance = sigma * sigma + 1.0;
        let v_scale = -sigma / variance.sqrt();
        let step_one = |(&sample, &output): (&f32, &f32)| {
            let original = match self.prediction_type {
                PredictionType::Epsilon => sample - sigma * output,
                PredictionType::Sample => output,
                PredictionType::VPrediction => output * v_scale + sample / variance,
            };
            let derivative = (sample - original) / sigma;
            sample + derivative * dt
        };
        StepState::new(state.latents.iter().zip(model_output).map(step_one).collect())
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        let sigma = self.sigmas[index];
        original.iter().zip(noise).map(|(original, noise)| original + noise * sigma).collect()
    }
}

/// The trained noise level at a timestep that may lie between two, as numpy's `interp` in f64.
fn interpolate(trained: &[f32], timestep: f32) -> f32 {
    let timestep = f64::from(timestep);
    // Timesteps are between 0 and the last trained one.
    let below = timestep.floor() as usize;
    let low = f64::from(trained[below]);
    match trained.get(below + 1) {
        Some(&high) => ((f64::from(high) - low) * (timestep - below as f64) + low) as f32,
        None => low as f32,
    }
}
