//! Pseudo numerical methods for diffusion models on manifolds (Liu et al. 2022): linear multistep, begun with one
//! step that corrects itself or with three of Runge-Kutta. diffusers' `PNDMScheduler`.
//!
//! The history at the end of a step is the predictions that the next one reads, at most three. Between evaluations
//! of one step the sample that the step began with stands behind them, and before it the weighted sum of
//! Runge-Kutta.

use super::super::expression::{Term, constant};
use super::super::ieee::Double;
use super::timesteps::{check_steps, whole_timesteps};
use super::trained::Trained;
use super::{
    Ask, LATENTS, Level, Line, OUTPUT, PredictionType, Schedule, SchedulerError, history, integer, number,
};

/// Steps of Runge-Kutta.
const PRK_STEPS: usize = 3;
/// Evaluations of one.
const PRK_PARTS: usize = 4;
/// Predictions that a multistep remembers.
const REMEMBERED: usize = 3;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Predict,
    Correct,
    Multistep,
    RungeKutta(usize),
}

pub(super) fn schedule<D: Double>(ask: &Ask) -> Result<Schedule, SchedulerError> {
    let trained = Trained::<D>::new(&ask.settings);
    let falling = whole_timesteps::<D>(ask)?;
    let stride = ask.settings.num_train_timesteps.checked_div(ask.steps).unwrap_or(0);
    let (calls, opening) = calls(ask, &falling, stride)?;
    let final_alpha = trained.final_alpha(ask)?;
    let mut held = 0;
    let mut lines = Vec::with_capacity(calls.len());
    for (index, timestep) in calls.iter().enumerate() {
        let part = opening.part(index);
        let (from, to) = way(part, &calls, index, *timestep, stride);
        let alpha = trained.alpha(ask, from)?;
        let after = match to {
            Some(to) => trained.alpha(ask, to)?,
            None => final_alpha,
        };
        let (sample, direction, mut history) = combined::<D>(part, held);
        if index.saturating_add(1) == calls.len() {
            history.clear();
        }
        held = history.len();
        let latents = previous_sample(ask, (alpha, after), sample, direction);
        let level = Level::from_alpha(trained.alpha(ask, *timestep)?);
        lines.push(Line { history, ..Line::new(integer::<D>(*timestep).narrow(), level, latents) });
    }
    Schedule::assemble(lines, opening.ends(calls.len()), number(1.0), &[])
}

/// The timesteps that the UNet is called with.
fn calls(ask: &Ask, falling: &[u32], stride: u32) -> Result<(Vec<u32>, Opening), SchedulerError> {
    if ask.settings.skip_prk_steps {
        // The second timestep twice. An image is begun with in the middle of this list, as in diffusers.
        let repeated = falling.iter().take(2).chain(falling.iter().skip(1)).copied();
        let calls: Vec<u32> = repeated.skip(ask.start).collect();
        let opening = if calls.len() == 1 { Opening::Single } else { Opening::Corrected };
        return Ok((calls, opening));
    }
    if ask.start > 0 {
        return Err(SchedulerError::StartWithPrk);
    }
    check_steps(ask.steps, 4, ask.settings.num_train_timesteps)?;
    let (first, rest) = falling.split_at_checked(PRK_STEPS).unwrap_or_default();
    let steps = first.iter().zip(falling.iter().skip(1)).flat_map(|(from, to)| {
        let middle = to.saturating_add(stride.div_euclid(2));
        [*from, middle, middle, *to]
    });
    Ok((steps.chain(rest.iter().copied()).collect(), Opening::RungeKutta))
}

/// From which timestep an evaluation goes to which; to none past the last one.
fn way(part: Part, calls: &[u32], index: usize, timestep: u32, stride: u32) -> (u32, Option<u32>) {
    match part {
        Part::Predict | Part::Multistep => (timestep, timestep.checked_sub(stride)),
        Part::Correct => (timestep.saturating_add(stride), Some(timestep)),
        Part::RungeKutta(part) => {
            let first = calls.get(index.saturating_sub(part)).copied().unwrap_or(timestep);
            let back = if matches!(part, 0 | 2) { stride.div_euclid(2) } else { 0 };
            (first, timestep.checked_sub(back))
        }
    }
}

impl Opening {
    fn part(self, index: usize) -> Part {
        let is_opening = index < PRK_STEPS.saturating_mul(PRK_PARTS);
        match (self, index) {
            (Self::RungeKutta, index) if is_opening => Part::RungeKutta(index.rem_euclid(PRK_PARTS)),
            (Self::Single | Self::Corrected, 0) => Part::Predict,
            (Self::Corrected, 1) => Part::Correct,
            _ => Part::Multistep,
        }
    }

    /// For each step, the evaluation behind its last one.
    fn ends(self, evaluations: usize) -> Vec<usize> {
        let last_of_step = |end: &usize| match self {
            Self::Single => true,
            Self::Corrected => *end != 1,
            Self::RungeKutta => *end > PRK_STEPS.saturating_mul(PRK_PARTS) || end.is_multiple_of(PRK_PARTS),
        };
        (1..=evaluations).filter(last_of_step).collect()
    }
}

/// The sample that an evaluation steps from, the prediction that it goes along, and the next history.
fn combined<D: Double>(part: Part, held: usize) -> (Term, Term, Vec<Term>) {
    let over = |count: f64| constant(number::<D>(1.0) / number(count));
    let mut kept: Vec<Term> = (0..held).map(history).collect();
    match part {
        Part::Predict => {
            kept.extend([OUTPUT, LATENTS]);
            (LATENTS, OUTPUT, kept)
        }
        Part::RungeKutta(0) => {
            kept.extend([OUTPUT, over(6.0) * OUTPUT, LATENTS]);
            (LATENTS, OUTPUT, kept)
        }
        Part::Correct => {
            let began_with = kept.pop().unwrap_or(LATENTS);
            let first = kept.first().cloned().unwrap_or(OUTPUT);
            (began_with, (OUTPUT + first) * over(2.0), kept)
        }
        Part::RungeKutta(part) => {
            let began_with = kept.pop().unwrap_or(LATENTS);
            let sum = kept.pop().unwrap_or(OUTPUT);
            if part == 3 {
                return (began_with, sum + over(6.0) * OUTPUT, kept);
            }
            kept.extend([sum + over(3.0) * OUTPUT, began_with.clone()]);
            (began_with, OUTPUT, kept)
        }
        Part::Multistep => {
            kept.push(OUTPUT);
            let direction = weighted::<D>(&kept);
            kept.drain(..kept.len().saturating_sub(REMEMBERED));
            (LATENTS, direction, kept)
        }
    }
}

/// The weighted sum of predictions, newest last, that a step goes along.
fn weighted<D: Double>(predictions: &[Term]) -> Term {
    let whole = |weight: f64| constant(number::<D>(weight));
    let over = |count: f64| constant(number::<D>(1.0) / number(count));
    match predictions {
        [.., d, c, b, a] => {
            let sum = whole(55.0) * a.clone() - whole(59.0) * b.clone() + whole(37.0) * c.clone();
            (sum - whole(9.0) * d.clone()) * over(24.0)
        }
        [c, b, a] => {
            (whole(23.0) * a.clone() - whole(16.0) * b.clone() + whole(5.0) * c.clone()) * over(12.0)
        }
        [b, a] => (whole(3.0) * a.clone() - b.clone()) * over(2.0),
        [a] => a.clone(),
        [] => OUTPUT,
    }
}

/// Formula 9 of the paper, between two shares of the signal.
fn previous_sample<D: Double>(ask: &Ask, (alpha, after): (D, D), sample: Term, output: Term) -> Term {
    let one = number::<D>(1.0);
    let (beta, beta_after) = (one - alpha, one - after);
    // What is not a velocity counts as noise.
    let prediction = match ask.settings.prediction_type {
        PredictionType::VPrediction => PredictionType::VPrediction,
        _ => PredictionType::Epsilon,
    };
    let output = Level::from_alpha(alpha).epsilon(prediction, sample.clone(), output);
    let denominator = alpha * beta_after.sqrt() + (alpha * beta * after).sqrt();
    constant((after / alpha).sqrt()) * sample - constant((after - alpha) / denominator) * output
}
