//! The unified predictor-corrector of Zhao et al. 2023, of first and second order, on predicted pictures: diffusers'
//! `UniPCMultistepScheduler` with `predict_x0`.
//!
//! The history is the picture predicted two steps ago, if the step before was of second order, the one predicted in the
//! step before, and the sample that was predicted from.

use super::super::expression::constant;
use super::super::ieee::Double;
use super::level::log_sigma_ratio;
use super::settings::Settings;
use super::timesteps::multistep;
use super::{
    Ask, LATENTS, Level, Line, OUTPUT, Schedule, SchedulerError, SolverType, Term, history, number,
    single_steps,
};

pub(super) fn schedule<D: Double>(ask: &Ask) -> Result<Schedule, SchedulerError> {
    let settings = &ask.settings;
    let (timesteps, sigmas) = multistep::<D>(ask, false)?;
    let count = timesteps.len();
    let solver = Solver { settings, sigmas: &sigmas, count };
    let mut held = 0;
    let mut lines = Vec::with_capacity(count);
    for (index, timestep) in timesteps.into_iter().enumerate() {
        let level = Level::from_sigma(solver.sigma(index));
        let current = level.original(settings.prediction_type, LATENTS, OUTPUT);
        let sample = match index.checked_sub(1) {
            None => LATENTS,
            Some(from) => solver.correct(from, &current, held),
        };
        // Behind it in the history stands the sample.
        let before = (solver.order(index) == 2).then(|| history(held.saturating_sub(2)));
        let latents = solver.predict(index, &sample, &current, before.clone());
        let history: Vec<Term> = match index.saturating_add(1) == count {
            true => Vec::new(),
            false => before.into_iter().chain([current, sample]).collect(),
        };
        held = history.len();
        lines.push(Line { history, ..Line::new(timestep, level, latents) });
    }
    Schedule::assemble(lines, single_steps(count), number(1.0), &sigmas)
}

struct Solver<'a, D> {
    settings: &'a Settings,
    /// Noise levels before each step and after the last.
    sigmas: &'a [D],
    count: usize,
}

impl<D: Double> Solver<'_, D> {
    fn sigma(&self, index: usize) -> D {
        self.sigmas.get(index).copied().unwrap_or(number(0.0))
    }

    /// 1 or 2.
    fn order(&self, index: usize) -> usize {
        let left = self.count.saturating_sub(index);
        let most = if self.settings.lower_order_final { left } else { self.count };
        self.settings.solver_order.min(most).min(index.saturating_add(1))
    }

    fn interval(&self, from: usize) -> Interval<D> {
        let (level, next) = (self.sigma(from), self.sigma(from.saturating_add(1)));
        let h = log_sigma_ratio(level, next);
        let phi_1 = (next - level) / level;
        let b_h = if self.settings.solver_type == SolverType::Bh1 { -h } else { phi_1 };
        let target = Level::from_sigma(next);
        Interval {
            h,
            ratio: from
                .checked_sub(1)
                .map_or(number(-1.0), |before| -log_sigma_ratio(self.sigma(before), level) / h),
            keep: target.noise / Level::from_sigma(level).noise,
            move_by: target.signal * phi_1,
            weight: target.signal * b_h,
            phi_1,
            b_h,
        }
    }

    /// The latents at the level after `from`, of the sample at `from`, its picture and, for second order, the one before.
    fn predict(&self, from: usize, sample: &Term, current: &Term, before: Option<Term>) -> Term {
        let interval = self.interval(from);
        let first = interval.first_order(sample, current);
        let Some(before) = before else { return first };
        let weight = interval.weight * number(0.5) / interval.ratio;
        first - constant(weight) * (before - current.clone())
    }

    /// The latents at the level after `from` corrected, now that their picture `next` is known, by the history.
    fn correct(&self, from: usize, next: &Term, held: usize) -> Term {
        let interval = self.interval(from);
        let (sample, current) = (history(held.saturating_sub(1)), history(held.saturating_sub(2)));
        let first = interval.first_order(&sample, &current);
        let slope = next.clone() - current.clone();
        if self.order(from) == 1 {
            return first - constant(interval.weight * number(0.5)) * slope;
        }
        let (of_before, of_next) = interval.corrector_weights();
        let of_before = constant(interval.weight * of_before / interval.ratio);
        first - (of_before * (history(0) - current) + constant(interval.weight * of_next) * slope)
    }
}

/// What predictor and corrector share: the scalars of the way from one noise level to the next.
#[derive(Clone, Copy, Debug)]
struct Interval<D> {
    /// Its length in half the logarithm of the signal-to-noise ratio.
    h: D,
    /// How far the level before lies back, in lengths of the interval; negative.
    ratio: D,
    keep: D,
    move_by: D,
    weight: D,
    /// e^-h - 1.
    phi_1: D,
    b_h: D,
}

impl<D: Double> Interval<D> {
    fn first_order(&self, sample: &Term, current: &Term) -> Term {
        constant(self.keep) * sample.clone() - constant(self.move_by) * current.clone()
    }

    /// Weights of the slopes to the picture before and to the next one: the solution of a system of two equations.
    fn corrector_weights(&self) -> (D, D) {
        let hh = -self.h;
        let phi_2 = self.phi_1 / hh - number(1.0);
        let phi_3 = phi_2 / hh - number(0.5);
        let (b_1, b_2) = (phi_2 / self.b_h, phi_3 * number(2.0) / self.b_h);
        let before = (b_1 - b_2) / (number::<D>(1.0) - self.ratio);
        (before, b_1 - before)
    }
}
