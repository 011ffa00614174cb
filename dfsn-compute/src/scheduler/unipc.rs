//! The unified predictor-corrector of Zhao et al. 2023, of first and second order, on predicted pictures.

use super::prediction::Level;
use super::schedule;
use super::settings::Settings;
use super::{Scheduler, SchedulerError};
use crate::config::{PredictionType, SolverType};
use crate::state::StepState;

/// diffusers' `UniPCMultistepScheduler` with `predict_x0`.
///
/// The history is the picture predicted two steps ago, if the step before was of second order, the one predicted
/// in the step before, and the sample that was predicted from.
#[derive(Clone, Debug)]
pub(super) struct UniPcScheduler {
    timesteps: Vec<f32>,
    /// Noise levels before each step and after the last.
    sigmas: Vec<f32>,
    /// Of each step, 1 or 2.
    orders: Vec<usize>,
    prediction_type: PredictionType,
    solver_type: SolverType,
}

impl UniPcScheduler {
    pub(super) fn new(settings: &Settings, steps: u32, start: usize) -> Result<Self, SchedulerError> {
        let (mut timesteps, mut sigmas) = schedule::multistep(settings, steps, f64::round_ties_even)?;
        timesteps.drain(..start);
        sigmas.drain(..start);
        let count = timesteps.len();
        let order = |index| {
            let most = if settings.lower_order_final { count - index } else { count };
            settings.solver_order.min(most).min(index + 1)
        };
        let orders = (0..count).map(order).collect();
        Ok(Self {
            timesteps,
            sigmas,
            orders,
            prediction_type: settings.prediction_type,
            solver_type: settings.solver_type,
        })
    }

    fn level(&self, index: usize) -> Level {
        Level::from_sigma(self.sigmas[index])
    }

    /// What predictor and corrector share: the way from noise level `from` to the one after it.
    fn interval(&self, from: usize) -> Interval {
        let (level, next) = (self.level(from), self.level(from + 1));
        let h = next.lambda() - level.lambda();
        let phi_1 = libm::expm1f(-h);
        let b_h = if self.solver_type == SolverType::Bh1 { -h } else { phi_1 };
        Interval {
            h,
            keep: next.noise / level.noise,
            move_by: next.signal * phi_1,
            weight: next.signal * b_h,
            phi_1,
            b_h,
        }
    }

    /// How far the level before `from` lies back, in lengths of the interval; negative.
    fn ratio(&self, from: usize, h: f32) -> f32 {
        (self.level(from - 1).lambda() - self.level(from).lambda()) / h
    }

    /// The latents at level `from + 1` from the sample at `from`, its picture and, for second order, the one before.
    fn predict(&self, from: usize, sample: &[f32], current: &[f32], before: Option<&[f32]>) -> Vec<f32> {
        let interval = self.interval(from);
        let first = interval.first_order(sample, current);
        let Some(before) = before else { return first.collect() };
        let ratio = self.ratio(from, interval.h);
        first
            .zip(current.iter().zip(before))
            .map(|(first, (current, before))| first - interval.weight * (0.5 * ((before - current) / ratio)))
            .collect()
    }

    /// Corrects the latents at level `to`, now that their picture `next` is known, from the history.
    fn correct(&self, to: usize, next: &[f32], history: &[Vec<f32>]) -> Vec<f32> {
        let from = to - 1;
        let interval = self.interval(from);
        let (sample, current) = (&history[history.len() - 1], &history[history.len() - 2]);
        let first = interval.first_order(sample, current).zip(next.iter().zip(current));
        if self.orders[from] == 1 {
            return first
                .map(|(first, (next, current))| first - interval.weight * (0.5 * (next - current)))
                .collect();
        }
        let ratio = self.ratio(from, interval.h);
        let (rho_before, rho_next) = interval.corrector_weights(ratio);
        first
            .zip(&history[0])
            .map(|((first, (next, current)), before)| {
                let slope = (before - current) / ratio;
                first - interval.weight * (rho_before * slope + rho_next * (next - current))
            })
            .collect()
    }
}

/// The scalars of one interval between noise levels.
#[derive(Clone, Copy, Debug)]
struct Interval {
    h: f32,
    keep: f32,
    move_by: f32,
    weight: f32,
    phi_1: f32,
    b_h: f32,
}

impl Interval {
    fn first_order<'a>(self, sample: &'a [f32], current: &'a [f32]) -> impl Iterator<Item = f32> {
        sample.iter().zip(current).map(move |(sample, current)| self.keep * sample - self.move_by * current)
    }

    /// Weights of the slopes to the picture before and to the next one: the solution of a system of two equations.
    fn corrector_weights(self, ratio: f32) -> (f32, f32) {
        let hh = -self.h;
        let phi_2 = self.phi_1 / hh - 1.0;
        let phi_3 = phi_2 / hh - 0.5;
        let (b_1, b_2) = (phi_2 / self.b_h, phi_3 * 2.0 / self.b_h);
        let before = (b_1 - b_2) / (1.0 - ratio);
        (before, b_1 - before)
    }
}

impl Scheduler for UniPcScheduler {
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
        let done = steps_done.checked_sub(1).filter(|_| steps_done < self.timesteps.len());
        done.map_or(0, |index| self.orders[index] + 1)
    }

    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState {
        let level = self.level(index);
        let convert = |(&sample, &output): (&f32, &f32)| level.original(self.prediction_type, sample, output);
        let current: Vec<f32> = state.latents.iter().zip(model_output).map(convert).collect();
        let sample = match index {
            0 => state.latents.clone(),
            _ => self.correct(index, &current, &state.history),
        };
        // Behind the sample, the last entry of the history is the picture predicted before.
        let before = (self.orders[index] == 2).then(|| state.history[state.history.len() - 2].clone());
        let latents = self.predict(index, &sample, &current, before.as_deref());
        let history = match index + 1 == self.timesteps.len() {
            true => Vec::new(),
            false => before.into_iter().chain([current, sample]).collect(),
        };
        StepState { latents, history }
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        self.level(index).add_noise(original, noise)
    }
}
