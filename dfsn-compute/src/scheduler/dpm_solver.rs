//! DPM-Solver++ of first and second order, multistep (Lu et al. 2022, algorithm 2).

use super::prediction::Level;
use super::schedule;
use super::settings::Settings;
use super::{Scheduler, SchedulerError};
use crate::config::{BetaSchedule, FinalSigmas, PredictionType, SolverType};
use crate::state::StepState;

/// diffusers' `DPMSolverMultistepScheduler` with `dpmsolver++`. The history is the picture predicted before.
#[derive(Clone, Debug)]
pub(super) struct DpmSolverScheduler {
    timesteps: Vec<f32>,
    /// Noise levels before each step and after the last.
    sigmas: Vec<f32>,
    /// For each step, whether it reads the picture predicted before.
    second_order: Vec<bool>,
    prediction_type: PredictionType,
    solver_type: SolverType,
}

impl DpmSolverScheduler {
    pub(super) fn new(settings: &Settings, steps: u32, start: usize) -> Result<Self, SchedulerError> {
        let whole = match settings.beta_schedule {
            BetaSchedule::SquaredcosCapV2 => f64::trunc,
            BetaSchedule::Linear | BetaSchedule::ScaledLinear => f64::round_ties_even,
        };
        let (mut timesteps, mut sigmas) = schedule::multistep(settings, steps, whole)?;
        timesteps.drain(..start);
        sigmas.drain(..start);
        let first_order_last = settings.euler_at_final
            || (settings.lower_order_final && steps < 15)
            || settings.final_sigmas_type == FinalSigmas::Zero;
        let count = timesteps.len();
        let is_second =
            |index| settings.solver_order == 2 && index > 0 && !(index + 1 == count && first_order_last);
        let second_order = (0..count).map(is_second).collect();
        Ok(Self {
            timesteps,
            sigmas,
            second_order,
            prediction_type: settings.prediction_type,
            solver_type: settings.solver_type,
        })
    }

    /// Whether step `index`, if there is one, reads a history.
    fn reads_history(&self, index: usize) -> bool {
        self.second_order.get(index).copied().unwrap_or(false)
    }

    fn level(&self, index: usize) -> Level {
        Level::from_sigma(self.sigmas[index])
    }

    /// The next latents from this step's picture and, for second order, the one before.
    fn update(&self, index: usize, latents: &[f32], current: &[f32], before: Option<&[f32]>) -> Vec<f32> {
        let (from, to) = (self.level(index), self.level(index + 1));
        let h = to.lambda() - from.lambda();
        let keep = to.noise / from.noise;
        let decay = libm::expf(-h) - 1.0;
        let move_by = to.signal * decay;
        let first = latents.iter().zip(current).map(|(sample, current)| keep * sample - move_by * current);
        let Some(before) = before else { return first.collect() };
        let h_before = from.lambda() - self.level(index - 1).lambda();
        let slope_scale = 1.0 / (h_before / h);
        let correction = match self.solver_type {
            SolverType::Heun => to.signal * (decay / h + 1.0),
            _ => -(0.5 * move_by),
        };
        first
            .zip(current.iter().zip(before))
            .map(|(first, (current, before))| first + correction * (slope_scale * (current - before)))
            .collect()
    }
}

impl Scheduler for DpmSolverScheduler {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn sigmas(&self) -> &[f32] {
        &self.sigmas
    }

    fn init_noise_sigma(&self) -> f32 {
        1.0
    }

    fn history_length(&self, steps_done: usize) -> usize {
        usize::from(self.reads_history(steps_done))
    }

    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState {
        let level = self.level(index);
        let predict = |(&sample, &output): (&f32, &f32)| level.original(self.prediction_type, sample, output);
        let current: Vec<f32> = state.latents.iter().zip(model_output).map(predict).collect();
        let before = self.second_order[index].then(|| state.history[0].as_slice());
        let latents = self.update(index, &state.latents, &current, before);
        let history = if self.reads_history(index + 1) { vec![current] } else { Vec::new() };
        StepState { latents, history }
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        self.level(index).add_noise(original, noise)
    }
}
