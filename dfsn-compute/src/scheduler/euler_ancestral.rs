//! Euler's method with ancestral sampling (k-diffusion): each step goes below its next level and adds noise.

use super::euler::{add_noise, euler_step, init_noise_sigma, scale_model_input};
use super::schedule;
use super::settings::Settings;
use super::{Scheduler, SchedulerError};
use crate::config::PredictionType;
use crate::state::StepState;

/// diffusers' `EulerAncestralDiscreteScheduler`.
#[derive(Clone, Debug)]
pub(super) struct EulerAncestralScheduler {
    timesteps: Vec<f32>,
    /// Noise levels before each step and after the last.
    sigmas: Vec<f32>,
    init_noise_sigma: f32,
    prediction_type: PredictionType,
}

impl EulerAncestralScheduler {
    pub(super) fn new(settings: &Settings, steps: u32, start: usize) -> Result<Self, SchedulerError> {
        let trained = schedule::sigmas(settings);
        let mut timesteps: Vec<f32> =
            schedule::timesteps(settings, steps)?.into_iter().map(|timestep| timestep as f32).collect();
        let level = |timestep: &f32| schedule::sigma_at(&trained, f64::from(*timestep)) as f32;
        let mut sigmas: Vec<f32> = timesteps.iter().map(level).chain([0.0]).collect();
        let init_noise_sigma = init_noise_sigma(settings, &sigmas);
        timesteps.drain(..start);
        sigmas.drain(..start);
        Ok(Self { timesteps, sigmas, init_noise_sigma, prediction_type: settings.prediction_type })
    }
}

impl Scheduler for EulerAncestralScheduler {
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
        let (up, to) = (self.added_noise(index), self.sigmas[index + 1]);
        let down = (to * to - up * up).sqrt();
        let between = (self.sigmas[index], down);
        StepState::new(euler_step(self.prediction_type, between, model_output, &state.latents))
    }

    fn added_noise(&self, index: usize) -> f32 {
        let (from, to) = (self.sigmas[index], self.sigmas[index + 1]);
        let (from, to) = (from * from, to * to);
        (to * (from - to) / from).sqrt()
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        add_noise(self.sigmas[index], original, noise)
    }
}
