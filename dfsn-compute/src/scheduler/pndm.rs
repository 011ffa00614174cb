//! Pseudo numerical methods for diffusion models on manifolds (Liu et al. 2022): linear multistep, begun with one
//! step that corrects itself or with three of Runge-Kutta.

use std::ops::Range;

use super::prediction::Level;
use super::schedule::{self, check_steps};
use super::settings::Settings;
use super::{Scheduler, SchedulerError};
use crate::config::PredictionType;
use crate::state::StepState;

/// diffusers' `PNDMScheduler`.
///
/// The history at the end of a step is the predictions that the next one reads, at most three. Between evaluations
/// of one step the sample that the step began with stands behind them, and before it the weighted sum of
/// Runge-Kutta.
#[derive(Clone, Debug)]
pub(super) struct PndmScheduler {
    timesteps: Vec<f32>,
    evaluations: Vec<Evaluation>,
    /// Evaluations before the first step that takes only one.
    opening: Opening,
    v_prediction: bool,
}

/// How the first steps are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// There is only one step.
    Single,
    /// One step of two evaluations.
    Corrected,
    /// Three steps of four evaluations.
    RungeKutta,
}

/// One call of the UNet and the way that follows it.
#[derive(Clone, Copy, Debug)]
struct Evaluation {
    part: Part,
    /// The noise level of the timestep that the UNet is given.
    level: Level,
    /// Shares of the signal before and after.
    alpha: f32,
    alpha_after: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Predict,
    Correct,
    Multistep,
    RungeKutta(u8),
}

/// Steps of Runge-Kutta.
const PRK_STEPS: usize = 3;
/// Predictions that a multistep remembers.
const REMEMBERED: usize = 3;

impl PndmScheduler {
    pub(super) fn new(settings: &Settings, steps: u32, start: usize) -> Result<Self, SchedulerError> {
        let falling: Vec<u32> = schedule::timesteps(settings, steps)?
            .into_iter()
            // Whole numbers from 0 to below the trained timesteps.
            .map(|timestep| timestep.round_ties_even() as u32)
            .collect();
        let stride = settings.num_train_timesteps / steps;
        let (calls, opening) = if settings.skip_prk_steps {
            // The second timestep twice. An image is begun with in the middle of this list, as in diffusers.
            let repeated = falling.iter().take(2).chain(falling.iter().skip(1)).copied();
            let calls: Vec<u32> = repeated.skip(start).collect();
            let opening = if calls.len() == 1 { Opening::Single } else { Opening::Corrected };
            (calls, opening)
        } else {
            if start > 0 {
                return Err(SchedulerError::StartWithPrk);
            }
            check_steps(steps, 4, settings.num_train_timesteps)?;
            (runge_kutta_calls(&falling, stride), Opening::RungeKutta)
        };
        let alphas_cumprod = schedule::alphas_cumprod(settings);
        let final_alpha = if settings.set_alpha_to_one { 1.0 } else { alphas_cumprod[0] };
        let evaluation = |index| {
            let part = opening.part(index);
            let (from, to) = way(part, &calls, index, stride);
            let alpha = alphas_cumprod.get(from as usize).copied();
            Ok(Evaluation {
                part,
                level: Level::from_alpha(alphas_cumprod[calls[index] as usize]),
                alpha: alpha.ok_or(SchedulerError::TimestepOutOfRange {
                    steps,
                    steps_offset: settings.steps_offset,
                    timestep: from,
                })?,
                alpha_after: to.map_or(final_alpha, |to| alphas_cumprod[to as usize]),
            })
        };
        Ok(Self {
            evaluations: (0..calls.len()).map(evaluation).collect::<Result<_, _>>()?,
            timesteps: calls.iter().map(|&timestep| timestep as f32).collect(),
            opening,
            v_prediction: settings.prediction_type == PredictionType::VPrediction,
        })
    }

    /// Formula 9 of the paper.
    fn previous_sample(&self, evaluation: Evaluation, sample: f32, output: f32) -> f32 {
        let (alpha, after) = (evaluation.alpha, evaluation.alpha_after);
        let (beta, beta_after) = (1.0 - alpha, 1.0 - after);
        let prediction =
            if self.v_prediction { PredictionType::VPrediction } else { PredictionType::Epsilon };
        let output = Level::from_alpha(alpha).epsilon(prediction, sample, output);
        let denominator = alpha * beta_after.sqrt() + (alpha * beta * after).sqrt();
        (after / alpha).sqrt() * sample - (after - alpha) * output / denominator
    }
}

/// The timesteps of three steps of Runge-Kutta, and one for each other step.
fn runge_kutta_calls(falling: &[u32], stride: u32) -> Vec<u32> {
    let (opening, rest) = falling.split_at(PRK_STEPS);
    let ends = falling.iter().skip(1);
    let steps = opening.iter().zip(ends).flat_map(|(&from, &to)| {
        let middle = to + stride / 2;
        [from, middle, middle, to]
    });
    steps.chain(rest.iter().copied()).collect()
}

/// From which timestep an evaluation goes to which; to none past the last one.
fn way(part: Part, calls: &[u32], index: usize, stride: u32) -> (u32, Option<u32>) {
    let timestep = calls[index];
    match part {
        Part::Predict | Part::Multistep => (timestep, timestep.checked_sub(stride)),
        Part::Correct => (timestep + stride, Some(timestep)),
        Part::RungeKutta(part) => {
            let first = calls[index - usize::from(part)];
            let back = if part % 2 == 0 { stride / 2 } else { 0 };
            (first, timestep.checked_sub(back))
        }
    }
}

impl Opening {
    fn part(self, index: usize) -> Part {
        match (self, index) {
            (Self::RungeKutta, index) if index < 4 * PRK_STEPS => Part::RungeKutta((index % 4) as u8),
            (Self::Single | Self::Corrected, 0) => Part::Predict,
            (Self::Corrected, 1) => Part::Correct,
            _ => Part::Multistep,
        }
    }
}

/// The weighted sum of predictions, newest last, that a step goes along.
fn combine(predictions: &[Vec<f32>]) -> Vec<f32> {
    let newest = |back: usize, at: usize| predictions[predictions.len() - 1 - back][at];
    let one = |at: usize| match predictions.len() {
        1 => newest(0, at),
        2 => (3.0 * newest(0, at) - newest(1, at)) / 2.0,
        3 => (23.0 * newest(0, at) - 16.0 * newest(1, at) + 5.0 * newest(2, at)) / 12.0,
        _ => {
            let sum =
                55.0 * newest(0, at) - 59.0 * newest(1, at) + 37.0 * newest(2, at) - 9.0 * newest(3, at);
            (1.0 / 24.0) * sum
        }
    };
    (0..predictions.last().map_or(0, Vec::len)).map(one).collect()
}

impl Scheduler for PndmScheduler {
    fn timesteps(&self) -> &[f32] {
        &self.timesteps
    }

    fn init_noise_sigma(&self) -> f32 {
        1.0
    }

    fn num_steps(&self) -> usize {
        let more = match self.opening {
            Opening::Single => 0,
            Opening::Corrected => 1,
            Opening::RungeKutta => 3 * PRK_STEPS,
        };
        self.timesteps.len() - more
    }

    fn evaluations(&self, step: usize) -> Range<usize> {
        match self.opening {
            Opening::Single => step..step + 1,
            Opening::Corrected if step == 0 => 0..2,
            Opening::Corrected => step + 1..step + 2,
            Opening::RungeKutta if step < PRK_STEPS => 4 * step..4 * step + 4,
            Opening::RungeKutta => step + 3 * PRK_STEPS..step + 3 * PRK_STEPS + 1,
        }
    }

    fn history_length(&self, steps_done: usize) -> usize {
        if steps_done < self.num_steps() { steps_done.min(REMEMBERED) } else { 0 }
    }

    fn step(&self, index: usize, model_output: &[f32], state: &StepState) -> StepState {
        let evaluation = self.evaluations[index];
        let mut history = state.history.clone();
        let output = model_output.to_vec();
        let weighted = |weight: f32| model_output.iter().map(move |output| weight * output);
        let mut began_with = None;
        let direction = match evaluation.part {
            Part::Predict | Part::RungeKutta(0) => {
                history.push(output.clone());
                if evaluation.part == Part::RungeKutta(0) {
                    history.push(weighted(1.0 / 6.0).collect());
                }
                history.push(state.latents.clone());
                output
            }
            Part::Correct => {
                began_with = history.pop();
                history[0].iter().zip(&output).map(|(first, second)| (second + first) / 2.0).collect()
            }
            Part::RungeKutta(part) => {
                // Behind the predictions stand their weighted sum and the sample that the step began with.
                began_with = history.pop();
                let mut sum = history.pop().unwrap_or_default();
                let weight = if part == 3 { 1.0 / 6.0 } else { 1.0 / 3.0 };
                sum.iter_mut().zip(weighted(weight)).for_each(|(sum, output)| *sum += output);
                if part == 3 {
                    sum
                } else {
                    history.push(sum);
                    history.extend(began_with.clone());
                    output
                }
            }
            Part::Multistep => {
                history.push(output);
                let direction = combine(&history);
                history.drain(..history.len().saturating_sub(REMEMBERED));
                direction
            }
        };
        let sample = began_with.as_ref().unwrap_or(&state.latents);
        let previous = |(&sample, &output): (&f32, &f32)| self.previous_sample(evaluation, sample, output);
        let latents = sample.iter().zip(&direction).map(previous).collect();
        if index + 1 == self.timesteps.len() {
            history.clear();
        }
        StepState { latents, history }
    }

    fn add_noise(&self, index: usize, original: &[f32], noise: &[f32]) -> Vec<f32> {
        self.evaluations[index].level.add_noise(original, noise)
    }
}
