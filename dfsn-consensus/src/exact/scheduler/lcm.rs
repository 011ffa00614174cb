//! Latent consistency models (Luo et al. 2023): a clean picture in every step, noised again for the next one. diffusers'
//! `LCMScheduler`.

use dfsn_types::SchedulerKind;

use super::super::expression::constant;
use super::super::ieee::Double;
use super::timesteps::check_steps;
use super::trained::Trained;
use super::{Ask, LATENTS, Level, Line, OUTPUT, Schedule, SchedulerError, integer, number, single_steps};

pub(super) fn schedule<D: Double>(ask: &Ask) -> Result<Schedule, SchedulerError> {
    let trained = Trained::<D>::new(&ask.settings);
    let timesteps: Vec<u32> = timesteps::<D>(ask)?.into_iter().skip(ask.start).collect();
    let mut lines = Vec::with_capacity(timesteps.len());
    for (index, timestep) in timesteps.iter().enumerate() {
        let level = Level::from_alpha(trained.alpha(ask, *timestep)?);
        let after = match timesteps.get(index.saturating_add(1)) {
            Some(next) => Some(Level::from_alpha(trained.alpha(ask, *next)?)),
            None => None,
        };
        lines.push(line(ask, *timestep, level, after));
    }
    let ends = single_steps(lines.len());
    Schedule::assemble(lines, ends, number(1.0), &[])
}

/// Shares of sample and predicted picture keep the boundary condition; after the last step there is no noise.
fn line<D: Double>(ask: &Ask, timestep: u32, level: Level<D>, after: Option<Level<D>>) -> Line<D> {
    let scaled = integer::<D>(timestep) * D::from_bits(ask.settings.timestep_scaling);
    let quarter = number::<D>(0.25);
    let sum = scaled * scaled + quarter;
    let original = level.clean(&ask.settings, LATENTS, OUTPUT);
    let denoised = constant(scaled / sum.sqrt()) * original + constant(quarter / sum) * LATENTS;
    let timestep = integer::<D>(timestep).narrow();
    match after {
        None => Line::new(timestep, level, denoised),
        Some(after) => {
            let latents = constant(after.signal) * denoised;
            Line { noise: after.noise, ..Line::new(timestep, level, latents) }
        }
    }
}

/// Every so-and-so-manieth of the timesteps that the model was distilled on, from the highest.
fn timesteps<D: Double>(ask: &Ask) -> Result<Vec<u32>, SchedulerError> {
    let (trained, original) = (ask.settings.num_train_timesteps, ask.settings.original_inference_steps);
    if original > trained {
        return Err(SchedulerError::Setting {
            kind: SchedulerKind::Lcm,
            key: "original_inference_steps",
            value: original.to_string(),
            supported: format!("up to the {trained} trained timesteps"),
        });
    }
    check_steps(ask.steps, 1, original)?;
    let stride = trained.checked_div(original).unwrap_or(0);
    let spread = integer::<D>(original) / integer(ask.steps);
    let distilled = |i: u32| {
        let place = integer::<D>(i) * spread;
        let nearest = place.round_to_i64();
        let is_above = place.is_less_than(D::from_i64(nearest));
        u32::try_from(if is_above { nearest.saturating_sub(1) } else { nearest }).unwrap_or(0)
    };
    let timestep = |index: u32| original.saturating_sub(index).saturating_mul(stride).saturating_sub(1);
    Ok((0..ask.steps).map(distilled).map(timestep).collect())
}
