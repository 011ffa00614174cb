//! Latent consistency models (Luo et al. 2023): a clean picture in every step, noised again for the next one.

use super::prediction::{Level, clip};
use super::schedule::{self, check_steps};
use super::settings::Settings;
use super::{Scheduler, SchedulerError};
use crate::config::PredictionType;
use crate::state::StepState;
use dfsn_types::SchedulerKind;

/// diffusers' `LCMScheduler`.
#[derive(Clone, Debug)]
pub(super) struct LcmScheduler {
    timesteps: Vec<f32>,
    steps: Vec<Step>,
    prediction_type: PredictionType,
    clip: Option<f32>,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    level: Level,
    /// The noise level after it; none after the last.
    after: Option<Level>,
    /// Shares of sample and predicted picture in the denoised one, which keep the boundary condition.
    skip: f32,
    out: f32,
}

impl LcmScheduler {
    pub(super) fn new(settings: &Settings, steps: u32, start: usize) -> Result<Self, SchedulerError> {
        let alphas_cumprod = schedule::alphas_cumprod(settings);
        let timesteps: Vec<usize> = timesteps(settings, steps)?.into_iter().skip(start).collect();
        let levels: Vec<Level> =
            timesteps.iter().map(|&timestep| Level::from_alpha(alphas_cumprod[timestep])).collect();
        let steps = timesteps
            .iter()
            .enumerate()
            .map(|(index, &timestep)| {
                let scaled = timestep as f32 * settings.timestep_scaling as f32;
                let sum = scaled * scaled + 0.25;
                Step {
                    level: levels[index],
                    after: levels.get(index + 1).copied(),
                    skip: 0.25 / sum,
                    out: scaled / sum.sqrt(),
                }
            })
            .collect();
        Ok(Self {
            timesteps: timesteps.into_iter().map(|timestep| timestep as f32).collect(),
            steps,
            prediction_type: settings.prediction_type,
            clip: settings.clip,
        })
    }
}

/// Every so-and-so-manieth of the timesteps that the model was distilled on, from the highest.
fn timesteps(settings: &Settings, steps: u32) -> Result<Vec<usize>, SchedulerError> {
    let (trained, original) = (settings.num_train_timesteps, settings.original_inference_steps);
    if original > trained {
        return Err(SchedulerError::Setting {
            kind: SchedulerKind::Lcm,
            key: "original_inference_steps",
            value: original.to_string(),
            supported: format!("up to the {trained} trained timesteps"),
        });
    }
    check_steps(steps, 1, original)?;
    let stride = trained / original;
    let spread = f64::from(original) / f64::from(steps);
    let distilled = (0..steps).map(|i| (f64::from(i) * spread).floor() as u32);
    Ok(distilled.map(|index| ((original - index) * stride - 1) as usize).collect())
}

impl Scheduler for LcmScheduler {
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
            let denoised = step.out * original + step.skip * sample;
            step.after.map_or(denoised, |after| after.signal * denoised)
        };
        StepState::new(state.latents.iter().zip(model_output).map(step_one).collect())
    }

    fn added_noise(&self, index: usize) -> f32 {
        self.steps[index].after.map_or(0.0, |after| after.noise)
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        self.steps[index].level.add_noise(original, noise)
    }
}
