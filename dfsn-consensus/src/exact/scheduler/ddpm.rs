//! Denoising diffusion probabilistic models (Ho, Jain, Abbeel 2020): diffusers' `DDPMScheduler` with the smaller of the
//! two fixed variances.

use super::super::expression::constant;
use super::super::ieee::Double;
use super::timesteps::whole_timesteps;
use super::trained::Trained;
use super::{Ask, LATENTS, Level, Line, OUTPUT, Schedule, SchedulerError, integer, number, single_steps};

pub(super) fn schedule<D: Double>(ask: &Ask) -> Result<Schedule, SchedulerError> {
    let trained = Trained::<D>::new(&ask.settings);
    let timesteps = whole_timesteps::<D>(ask)?;
    let left = timesteps.get(ask.start..).unwrap_or_default();
    let mut lines = Vec::with_capacity(left.len());
    for (index, timestep) in left.iter().enumerate() {
        let after = match left.get(index.saturating_add(1)) {
            Some(next) => trained.alpha(ask, *next)?,
            None => number(1.0),
        };
        lines.push(line(ask, *timestep, trained.alpha(ask, *timestep)?, after));
    }
    let ends = single_steps(lines.len());
    Schedule::assemble(lines, ends, number(1.0), &[])
}

/// Formula 7 of the paper between two shares of the signal: the posterior's mean is a sum of picture and sample.
fn line<D: Double>(ask: &Ask, timestep: u32, alpha_cumprod: D, alpha_cumprod_after: D) -> Line<D> {
    let one = number::<D>(1.0);
    let (beta, beta_after) = (one - alpha_cumprod, one - alpha_cumprod_after);
    let alpha = alpha_cumprod / alpha_cumprod_after;
    let of_original = alpha_cumprod_after.sqrt() * (one - alpha) / beta;
    let of_sample = alpha.sqrt() * beta_after / beta;
    let variance = beta_after / beta * (one - alpha);
    let least = number::<D>(1e-20);
    let variance = if variance.is_less_than(least) { least } else { variance };

    let level = Level::from_alpha(alpha_cumprod);
    let original = level.clean(&ask.settings, LATENTS, OUTPUT);
    let mean = constant(of_original) * original + constant(of_sample) * LATENTS;
    let noise = if timestep > 0 { variance.sqrt() } else { number(0.0) };
    Line { noise, ..Line::new(integer::<D>(timestep).narrow(), level, mean) }
}
