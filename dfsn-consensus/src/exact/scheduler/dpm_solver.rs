//! DPM-Solver++ of first and second order, multistep (Lu et al. 2022, algorithm 2): diffusers'
//! `DPMSolverMultistepScheduler` with `dpmsolver++`. The history is the picture predicted before.

use super::super::expression::constant;
use super::super::ieee::Double;
use super::level::log_sigma_ratio;
use super::timesteps::multistep;
use super::{
    Ask, BetaSchedule, FinalSigmas, LATENTS, Level, Line, OUTPUT, Schedule, SchedulerError, SolverType, Term,
    history, number, single_steps,
};

pub(super) fn schedule<D: Double>(ask: &Ask) -> Result<Schedule, SchedulerError> {
    let settings = &ask.settings;
    let is_cut = settings.beta_schedule == BetaSchedule::SquaredcosCapV2;
    let (timesteps, sigmas) = multistep::<D>(ask, is_cut)?;
    let is_first_order_last = settings.euler_at_final
        || (settings.lower_order_final && ask.steps < 15)
        || settings.final_sigmas_type == FinalSigmas::Zero;
    let count = timesteps.len();
    let is_second_order = |index: usize| {
        let is_last = index.saturating_add(1) >= count;
        settings.solver_order == 2 && index > 0 && index < count && !(is_last && is_first_order_last)
    };
    let mut before = None;
    let levels = sigmas.iter().zip(sigmas.iter().skip(1));
    let lines = timesteps.into_iter().zip(levels).enumerate().map(|(index, (timestep, (from, to)))| {
        let level = Level::from_sigma(*from);
        let current = level.original(settings.prediction_type, LATENTS, OUTPUT);
        let interval = Interval::between(*from, *to);
        let mut latents = interval.first_order(&current);
        if let (Some(before), true) = (before, is_second_order(index)) {
            latents = latents + interval.correction(settings.solver_type, before, &current);
        }
        before = Some(*from);
        let kept = is_second_order(index.saturating_add(1)).then_some(current);
        Line { history: kept.into_iter().collect(), ..Line::new(timestep, level, latents) }
    });
    Schedule::assemble(lines, single_steps(count), number(1.0), &sigmas)
}

/// The way from one noise level to the next.
#[derive(Clone, Copy, Debug)]
struct Interval<D> {
    from: D,
    to: D,
    /// e^-h - 1 for a way of length h in half the logarithm of the signal-to-noise ratio.
    decay: D,
    target: Level<D>,
}

impl<D: Double> Interval<D> {
    fn between(from: D, to: D) -> Self {
        Self { from, to, decay: (to - from) / from, target: Level::from_sigma(to) }
    }

    fn first_order(&self, current: &Term) -> Term {
        let keep = self.target.noise / Level::from_sigma(self.from).noise;
        constant(keep) * LATENTS - constant(self.target.signal * self.decay) * current.clone()
    }

    /// What second order adds, from the noise level and the picture before.
    fn correction(&self, solver: SolverType, before: D, current: &Term) -> Term {
        let (h, h_before) = (log_sigma_ratio(self.from, self.to), log_sigma_ratio(before, self.from));
        let half = number::<D>(0.5);
        let weight = match solver {
            SolverType::Heun => self.target.signal * (self.decay / h + number(1.0)),
            _ => -(half * (self.target.signal * self.decay)),
        };
        constant(weight * (h / h_before)) * (current.clone() - history(0))
    }
}
