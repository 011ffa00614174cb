//! Noise schedulers: pure functions on f32 slices, with the arithmetic and the rounding of diffusers.

mod ddim;
mod euler;
mod schedule;

use std::fmt::Debug;

use dfsn_types::SchedulerKind;
use thiserror::Error;

use crate::config::SchedulerConfig;
use crate::state::StepState;

pub use ddim::DdimScheduler;
pub use euler::EulerDiscreteScheduler;

/// A scheduler set to a number of inference steps.
///
/// A scheduler keeps nothing between calls: whatever a step reads of its past is in the [`StepState`].
/// `index` counts steps from 0 and must be below the number of timesteps.
pub trait Scheduler: Debug + Send + Sync {
    /// The timestep that the UNet is given at each step, falling.
    fn timesteps(&self) -> &[f32];

    /// The standard deviation of the initial latents.
    fn init_noise_sigma(&self) -> f32;

    /// History entries of the state after `steps_done` steps.
    fn history_length(&self, steps_done: usize) -> usize;

    /// The UNet's input for the latents before step `index`.
    fn scale_model_input(&self, index: usize, latents: &[f32]) -> Vec<f32>;

    /// Executes step `index`: from the state before it and the UNet's output to the state after it.
    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState;

    /// Puts `original` at the noise level before step `index`.
    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32>;
}

/// A number of steps that a schedule cannot give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// A kind that this crate does not have.
    #[error("scheduler {0} is not supported, only ddim and euler")]
    Unsupported(SchedulerKind),
    /// No steps, or more than trained timesteps.
    #[error(
        "num_inference_steps {steps} is not between 1 and the model's {num_train_timesteps} trained timesteps"
    )]
    Steps {
        /// Steps asked for.
        steps: u32,
        /// Timesteps trained.
        num_train_timesteps: u32,
    },
    /// The offset pushes a timestep past the trained ones.
    #[error(
        "{steps} steps with steps_offset {steps_offset} reach timestep {timestep}, past the trained ones"
    )]
    TimestepOutOfRange {
        /// Steps asked for.
        steps: u32,
        /// Offset in the scheduler's config.
        steps_offset: u32,
        /// The first timestep.
        timestep: u32,
    },
}

/// Builds the scheduler of a kind from a model's settings.
///
/// # Errors
/// [`SchedulerError`] for a number of steps that the schedule cannot give.
pub fn build(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    steps: u32,
) -> Result<Box<dyn Scheduler>, SchedulerError> {
    match kind {
        SchedulerKind::Ddim => Ok(Box::new(DdimScheduler::new(config, steps)?)),
        SchedulerKind::Euler => Ok(Box::new(EulerDiscreteScheduler::new(config, steps)?)),
        other => Err(SchedulerError::Unsupported(other)),
    }
}
