//! Denoising diffusion implicit models (Song, Meng, Ermon 2020), with eta 0: diffusers' `DDIMScheduler` without added
//! noise.

use super::super::expression::constant;
use super::super::ieee::Double;
use super::timesteps::whole_timesteps;
use super::trained::Trained;
use super::{Ask, LATENTS, Level, Line, OUTPUT, Schedule, SchedulerError, integer, number, single_steps};

pub(super) fn schedule<D: Double>(ask: &Ask) -> Result<Schedule, SchedulerError> {
    let settings = &ask.settings;
    let trained = Trained::<D>::new(settings);
    let final_alpha = trained.final_alpha(ask)?;
    let timesteps = whole_timesteps::<D>(ask)?;
    let stride = settings.num_train_timesteps.checked_div(ask.steps).unwrap_or(0);
    let line = |timestep: u32| -> Result<Line<D>, SchedulerError> {
        let level = Level::from_alpha(trained.alpha(ask, timestep)?);
        let after = match timestep.checked_sub(stride) {
            Some(previous) => trained.alpha(ask, previous)?,
            None => final_alpha,
        };
        let after = Level::from_alpha(after);
        let original = level.clean(settings, LATENTS, OUTPUT);
        let epsilon = level.epsilon(settings.prediction_type, LATENTS, OUTPUT);
        let latents = constant(after.signal) * original + constant(after.noise) * epsilon;
        Ok(Line::new(integer::<D>(timestep).narrow(), level, latents))
    };
    let lines: Vec<Line<D>> = timesteps.into_iter().skip(ask.start).map(line).collect::<Result<_, _>>()?;
    let ends = single_steps(lines.len());
    Schedule::assemble(lines, ends, number(1.0), &[])
}
