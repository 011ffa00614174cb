//! How inference timesteps are spread over the trained ones.

use std::ops::Range;

use super::super::ieee::{Double, Single};
use super::settings::Settings;
use super::sigma_spacing::{karras, lu, timestep_below, timestep_of};
use super::trained::Trained;
use super::{Ask, SchedulerError, TimestepSpacing, integer, number};

/// The timesteps, falling, all of them.
pub(super) fn timesteps<D: Double>(ask: &Ask) -> Result<Vec<D>, SchedulerError> {
    let (settings, steps) = (&ask.settings, ask.steps);
    let trained = settings.num_train_timesteps;
    check_steps(steps, 1, trained)?;
    match settings.timestep_spacing {
        TimestepSpacing::Linspace => Ok(linspace(trained.saturating_sub(1), steps)),
        TimestepSpacing::Leading => leading(settings, steps, trained.checked_div(steps), 0..steps),
        TimestepSpacing::Trailing => Ok(trailing(trained, steps)),
    }
}

/// As [`timesteps`], in whole numbers.
pub(super) fn whole_timesteps<D: Double>(ask: &Ask) -> Result<Vec<u32>, SchedulerError> {
    Ok(timesteps::<D>(ask)?.into_iter().map(whole).collect())
}

/// A timestep as an integer; it is not negative.
pub(super) fn whole<D: Double>(timestep: D) -> u32 {
    u32::try_from(timestep.round_to_i64()).unwrap_or(0)
}

/// Timesteps and noise levels of the multistep solvers, DPM++ and UniPC, without those that are left out: one more level
/// than steps is spread, and the last one left out. Timesteps that follow from noise levels are rounded to whole numbers, or cut.
pub(super) fn multistep<D: Double>(
    ask: &Ask,
    is_cut: bool,
) -> Result<(Vec<D::Single>, Vec<D>), SchedulerError> {
    let (settings, steps) = (&ask.settings, ask.steps);
    check_steps(steps, 1, settings.num_train_timesteps)?;
    let trained = Trained::<D>::new(settings).sigmas(settings);
    let ends = (trained.greatest(), trained.least());
    let spread = match (settings.use_karras_sigmas, settings.use_lu_lambdas) {
        (true, _) => Some(karras(ends.0, ends.1, steps)),
        (false, true) => Some(lu(ends.0, ends.1, steps)),
        (false, false) => None,
    };
    let of_level = |sigma: &D| match is_cut {
        true => integer(timestep_below(*sigma, &trained)),
        false => D::from_i64(timestep_of(*sigma, &trained).round_to_i64()),
    };
    let (timesteps, mut sigmas): (Vec<D>, Vec<D>) = match spread {
        Some(spread) => {
            let sigmas = in_single(spread.into_iter());
            (sigmas.iter().map(of_level).collect(), sigmas)
        }
        None => {
            let timesteps = multistep_timesteps::<D>(settings, steps)?;
            let sigmas = in_single(timesteps.iter().map(|timestep| trained.at(*timestep)));
            (timesteps, sigmas)
        }
    };
    sigmas.push(trained.last(settings));
    let timesteps = timesteps.into_iter().skip(ask.start).map(D::narrow).collect();
    Ok((timesteps, sigmas.into_iter().skip(ask.start).collect()))
}

/// Noise levels as tables hold them: numbers of binary32.
pub(super) fn in_single<D: Double>(levels: impl Iterator<Item = D>) -> Vec<D> {
    levels.map(|level| level.narrow().widen()).collect()
}

fn multistep_timesteps<D: Double>(settings: &Settings, steps: u32) -> Result<Vec<D>, SchedulerError> {
    let trained = settings.num_train_timesteps;
    match settings.timestep_spacing {
        TimestepSpacing::Linspace => {
            let mut timesteps = linspace(trained.saturating_sub(1), steps.saturating_add(1));
            timesteps.pop();
            Ok(timesteps.into_iter().map(|timestep: D| D::from_i64(timestep.round_to_i64())).collect())
        }
        TimestepSpacing::Leading => {
            check_steps(steps, 1, trained.saturating_sub(1))?;
            let more = steps.saturating_add(1);
            leading(settings, steps, trained.checked_div(more), 1..more)
        }
        TimestepSpacing::Trailing => Ok(trailing(trained, steps)),
    }
}

/// Refuses a number of steps out of range.
pub(super) const fn check_steps(steps: u32, min: u32, max: u32) -> Result<(), SchedulerError> {
    if min <= steps && steps <= max { Ok(()) } else { Err(SchedulerError::Steps { steps, min, max }) }
}

/// Whole strides, the multiples in `range`, moved by the offset.
fn leading<D: Double>(
    settings: &Settings,
    steps: u32,
    stride: Option<u32>,
    range: Range<u32>,
) -> Result<Vec<D>, SchedulerError> {
    let (stride, steps_offset) = (stride.unwrap_or(0), settings.steps_offset);
    // Neither factor is above 10,000.
    let timestep = |i: u32| i.saturating_mul(stride).saturating_add(steps_offset);
    let first = timestep(range.end.saturating_sub(1));
    if first >= settings.num_train_timesteps {
        return Err(SchedulerError::TimestepOutOfRange { steps, steps_offset, timestep: first });
    }
    Ok(range.rev().map(|i| integer(timestep(i))).collect())
}

/// Strides down from the end. numpy's `arange` steps by the difference of its first two entries. For a few counts it
/// yields one entry too many, a timestep of -1, which is not taken over.
fn trailing<D: Double>(trained: u32, steps: u32) -> Vec<D> {
    let (trained, count): (D, D) = (integer(trained), integer(steps));
    let delta = (trained - trained / count) - trained;
    let timestep = |i: u32| D::from_i64((trained + integer::<D>(i) * delta).round_to_i64()) - number(1.0);
    (0..steps).map(timestep).collect()
}

/// `count` numbers from `last` down to 0, as numpy makes them.
fn linspace<D: Double>(last: u32, count: u32) -> Vec<D> {
    let most = count.saturating_sub(1);
    let step = integer::<D>(last) / integer(most.max(1));
    let timestep = |i: u32| if i == most && most > 0 { integer(last) } else { integer::<D>(i) * step };
    (0..count).rev().map(timestep).collect()
}
