//! Noise schedulers: pure functions on f32 slices, with the arithmetic and the rounding of diffusers.
//!
//! A *step* ends at the next noise level and is what a trace has a boundary for. It takes one *evaluation* of the
//! UNet, or several: PNDM corrects its first step, or begins with steps of Runge-Kutta.

mod ddim;
mod ddpm;
mod dpm_solver;
mod error;
mod euler;
mod euler_ancestral;
mod lcm;
mod pndm;
mod prediction;
mod schedule;
mod settings;
mod sigma_spacing;
mod unipc;

use std::fmt::Debug;
use std::ops::Range;

use SchedulerKind::{
    Ddim, Ddpm, Dpmpp2m, Dpmpp2mKarras, Euler, EulerAncestral, EulerKarras, Lcm, Pndm, Unipc, UnipcKarras,
};
use dfsn_types::SchedulerKind;

use crate::config::SchedulerConfig;
use crate::state::StepState;
use settings::Settings;

pub use error::SchedulerError;

/// A scheduler set to a number of inference steps.
///
/// A scheduler keeps nothing between calls: whatever an evaluation reads of its past is in the [`StepState`].
/// `index` counts evaluations from 0 and must be below the number of timesteps; a state must have the history
/// that the evaluation before left.
pub trait Scheduler: Debug + Send + Sync {
    /// The timestep that the UNet is given at each evaluation, falling or, within a step of PNDM, repeated.
    fn timesteps(&self) -> &[f32];

    /// Noise levels before each evaluation and after the last; empty for schedulers that think in timesteps.
    fn sigmas(&self) -> &[f32] {
        &[]
    }

    /// The standard deviation of the initial latents.
    fn init_noise_sigma(&self) -> f32;

    /// Steps there are.
    fn num_steps(&self) -> usize {
        self.timesteps().len()
    }

    /// The evaluations of step `step`, counted from 0.
    fn evaluations(&self, step: usize) -> Range<usize> {
        step..step + 1
    }

    /// History entries of the state after `steps_done` steps: those that the next step reads.
    fn history_length(&self, _steps_done: usize) -> usize {
        0
    }

    /// The UNet's input for the latents before evaluation `index`.
    fn scale_model_input(&self, _index: usize, latents: &[f32]) -> Vec<f32> {
        latents.to_vec()
    }

    /// Executes evaluation `index` but for the noise it adds: from the state before it and the UNet's output to
    /// the state after it.
    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState;

    /// The standard deviation of the noise that is added to the latents after evaluation `index`; 0 for none.
    fn added_noise(&self, _index: usize) -> f32 {
        0.0
    }

    /// Puts `original` at the noise level before evaluation `index`.
    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32>;
}

/// Executes evaluation `index` whole. `noise` gives as many numbers of unit variance as there are latents, and is
/// asked only where the scheduler adds noise.
pub fn advance(
    scheduler: &dyn Scheduler,
    index: usize,
    model_output: &[f32],
    state: &StepState,
    noise: impl FnOnce() -> Vec<f32>,
) -> StepState {
    let mut next = scheduler.step(index, model_output, state);
    let scale = scheduler.added_noise(index);
    if scale > 0.0 {
        for (latent, noise) in next.latents.iter_mut().zip(noise()) {
            *latent += scale * noise;
        }
    }
    next
}

/// Builds the scheduler of a kind from a model's settings.
///
/// # Errors
/// [`SchedulerError`] for a number of steps that the schedule cannot give, and for settings that are not supported.
pub fn build(
    kind: SchedulerKind,
    config: &SchedulerConfig,
    steps: u32,
) -> Result<Box<dyn Scheduler>, SchedulerError> {
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
) -> Result<Box<dyn Scheduler>, SchedulerError> {
    if start >= steps.max(1) {
        return Err(SchedulerError::Start { start, steps });
    }
    let settings = Settings::of(kind, config)?;
    let (settings, start) = (&settings, start as usize);
    Ok(match kind {
        Ddim => Box::new(ddim::DdimScheduler::new(settings, steps, start)?),
        Ddpm => Box::new(ddpm::DdpmScheduler::new(settings, steps, start)?),
        Lcm => Box::new(lcm::LcmScheduler::new(settings, steps, start)?),
        Pndm => Box::new(pndm::PndmScheduler::new(settings, steps, start)?),
        Euler | EulerKarras => Box::new(euler::EulerDiscreteScheduler::new(settings, steps, start)?),
        EulerAncestral => Box::new(euler_ancestral::EulerAncestralScheduler::new(settings, steps, start)?),
        Dpmpp2m | Dpmpp2mKarras => Box::new(dpm_solver::DpmSolverScheduler::new(settings, steps, start)?),
        Unipc | UnipcKarras => Box::new(unipc::UniPcScheduler::new(settings, steps, start)?),
        other => return Err(SchedulerError::Unsupported(other)),
    })
}
