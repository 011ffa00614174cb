//! Noise schedulers on f32 slices: the schedules and expressions of [`dfsn_consensus::exact::scheduler`], run on the
//! machine's floats.
//!
//! A *step* ends at the next noise level and is what a trace has a boundary for. It takes one *evaluation* of the
//! UNet, or several: PNDM corrects its first step, or begins with steps of Runge-Kutta.

use std::ops::Range;

use dfsn_consensus::exact::expression::Expression;
use dfsn_consensus::exact::scheduler::{Evaluation, Schedule};
use dfsn_types::SchedulerKind;

use crate::config::SchedulerConfig;
use crate::state::StepState;

pub use dfsn_consensus::exact::scheduler::SchedulerError;

/// A scheduler set to a number of inference steps.
///
/// A scheduler keeps nothing between calls: whatever an evaluation reads of its past is in the [`StepState`].
/// `index` counts evaluations from 0 and must be below the number of timesteps; a state must have the history
/// that the evaluation before left, and all tensors its size: functions panic otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduler {
    schedule: Schedule,
}

/// Builds the scheduler of a kind from a model's settings.
///
/// # Errors
/// [`SchedulerError`] for a number of steps that the schedule cannot give, and for settings that are not supported.
pub fn build(kind: SchedulerKind, config: &SchedulerConfig, steps: u32) -> Result<Scheduler, SchedulerError> {
    build_from(kind, config, steps, 0)
}

/// As [`build`], but leaves the first `start` evaluations out, as img2img of diffusers does. Indices count from
/// the first one that is left.
///
/// # Errors
/// As [`build`]; [`SchedulerError::Start`] if none is left.
pub fn build_from(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    steps: u32,
    start: u32,
) -> Result<Scheduler, SchedulerError> {
    config.check(kind)?;
    Ok(Scheduler { schedule: Schedule::new::<f64>(kind, &config.shape, steps, start)? })
}

impl Scheduler {
    /// The schedule as data.
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The timestep that the UNet is given at each evaluation, falling or, within a step of PNDM, repeated.
    pub fn timesteps(&self) -> Vec<f32> {
        let evaluations = self.schedule.evaluations().iter();
        evaluations.map(|evaluation| f32::from_bits(evaluation.timestep)).collect()
    }

    /// The timestep of one evaluation.
    pub fn timestep(&self, index: usize) -> f32 {
        f32::from_bits(self.evaluation(index).timestep)
    }

    /// Noise levels before each evaluation and after the last; empty for schedulers that think in timesteps.
    pub fn sigmas(&self) -> Vec<f32> {
        self.schedule.sigmas().iter().map(|bits| f32::from_bits(*bits)).collect()
    }

    /// The standard deviation of the initial latents.
    pub const fn init_noise_sigma(&self) -> f32 {
        f32::from_bits(self.schedule.init_noise_sigma())
    }

    /// The initial latents, from noise of unit variance.
    pub fn begin(&self, noise: &[f32]) -> Vec<f32> {
        over(self.schedule.begin(), &[noise])
    }

    /// Steps there are.
    pub const fn num_steps(&self) -> usize {
        self.schedule.num_steps()
    }

    /// The evaluations of step `step`, counted from 0.
    pub fn evaluations(&self, step: usize) -> Range<usize> {
        self.schedule.step(step)
    }

    /// History entries of the state after `steps_done` steps: those that the next step reads.
    pub fn history_length(&self, steps_done: usize) -> usize {
        self.schedule.history_length(steps_done)
    }

    /// The UNet's input for the latents before evaluation `index`.
    pub fn scale_model_input(&self, index: usize, latents: &[f32]) -> Vec<f32> {
        over(&self.evaluation(index).model_input, &[latents])
    }

    /// The standard deviation of the noise that is added to the latents after evaluation `index`; 0 for none.
    pub fn added_noise(&self, index: usize) -> f32 {
        self.evaluation(index).noise.map_or(0.0, f32::from_bits)
    }

    /// Puts `original` at the noise level before evaluation `index`.
    pub fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        over(&self.evaluation(index).add_noise, &[original, noise])
    }

    /// Executes evaluation `index`: from the state before it and the UNet's output to the state after it. `noise` gives
    /// as many numbers of unit variance as there are latents, and is asked only where the scheduler adds noise.
    pub fn advance(
        &self,
        index: usize,
        model_output: &[f32],
        state: &StepState,
        noise: impl FnOnce() -> Vec<f32>,
    ) -> StepState {
        let evaluation = self.evaluation(index);
        let noise = evaluation.noise.map(|_| noise());
        let history = state.history.iter().chain(&noise).map(Vec::as_slice);
        let inputs: Vec<&[f32]> = [&*state.latents, model_output].into_iter().chain(history).collect();
        StepState {
            latents: over(&evaluation.latents, &inputs),
            history: evaluation.history.iter().map(|entry| over(entry, &inputs)).collect(),
        }
    }

    fn evaluation(&self, index: usize) -> &Evaluation {
        &self.schedule.evaluations()[index]
    }
}

/// The values of an expression of tensors whose number and size the caller has checked.
pub(crate) fn over(expression: &Expression, inputs: &[&[f32]]) -> Vec<f32> {
    expression.over(inputs).unwrap_or_else(|error| panic!("{error}"))
}
