//! The noise schedule and the spread of timesteps that schedulers share.

use std::f64::consts::PI;

use super::SchedulerError;
use super::settings::Settings;
use super::sigma_spacing::{karras, lu, timestep_of};
use crate::config::{BetaSchedule, FinalSigmas, TimestepSpacing};

/// The share of the signal's variance that is left at each trained timestep.
pub(super) fn alphas_cumprod(settings: &Settings) -> Vec<f32> {
    let alphas = betas(settings).into_iter().map(|beta| 1.0 - beta);
    if settings.rescale_betas_zero_snr {
        let betas = zero_terminal_snr(&cumprod(alphas));
        return cumprod(betas.into_iter().map(|beta| 1.0 - beta));
    }
    cumprod(alphas)
}

/// The standard deviation of the noise at each trained timestep, for a signal of unit scale.
pub(super) fn sigmas(settings: &Settings) -> Vec<f32> {
    let mut alphas = alphas_cumprod(settings);
    if let (true, Some(last)) = (settings.rescale_betas_zero_snr, alphas.last_mut()) {
        // Pure noise has no finite level; diffusers takes the least share that half precision tells from zero.
        *last = 1.0 / 16_777_216.0;
    }
    alphas.iter().map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect()
}

/// The trained noise level at a timestep that may lie between two, as numpy's `interp`.
pub(super) fn sigma_at(trained: &[f32], timestep: f64) -> f64 {
    // Timesteps are between 0 and the last trained one.
    let below = timestep.floor() as usize;
    let low = f64::from(trained[below]);
    match trained.get(below + 1) {
        Some(&high) => (f64::from(high) - low) * (timestep - below as f64) + low,
        None => low,
    }
}

/// The noise level after the last step.
pub(super) fn last_sigma(settings: &Settings, trained: &[f32]) -> f32 {
    match settings.final_sigmas_type {
        FinalSigmas::Zero => 0.0,
        FinalSigmas::SigmaMin => trained[0],
    }
}

/// The timesteps as f64, falling.
pub(super) fn timesteps(settings: &Settings, steps: u32) -> Result<Vec<f64>, SchedulerError> {
    let trained = settings.num_train_timesteps;
    check_steps(steps, 1, trained)?;
    match settings.timestep_spacing {
        TimestepSpacing::Linspace => Ok(linspace(f64::from(trained) - 1.0, steps)),
        TimestepSpacing::Leading => leading(settings, steps, trained / steps, 0..steps),
        TimestepSpacing::Trailing => Ok(trailing(trained, steps)),
    }
}

/// As [`timesteps`], in whole numbers and without the first `start`.
pub(super) fn whole_timesteps(
    settings: &Settings,
    steps: u32,
    start: usize,
) -> Result<Vec<f32>, SchedulerError> {
    let all = timesteps(settings, steps)?.into_iter().skip(start);
    Ok(all.map(|timestep| timestep.round_ties_even() as f32).collect())
}

/// Timesteps and noise levels of the multistep solvers, DPM++ and UniPC: one more level than steps is spread, and
/// the last one left out. `whole` makes whole timesteps of those that follow from noise levels.
pub(super) fn multistep(
    settings: &Settings,
    steps: u32,
    whole: impl Fn(f64) -> f64,
) -> Result<(Vec<f32>, Vec<f32>), SchedulerError> {
    let trained = settings.num_train_timesteps;
    check_steps(steps, 1, trained)?;
    let levels = sigmas(settings);
    let logs: Vec<f32> = levels.iter().map(|&sigma| libm::logf(sigma)).collect();
    let ends = |values: &[f32]| (f64::from(values[values.len() - 1]), f64::from(values[0]));
    let spread = if settings.use_karras_sigmas {
        let (highest, lowest) = ends(&levels);
        Some(karras(highest, lowest, steps))
    } else if settings.use_lu_lambdas {
        let (highest, lowest) = ends(&logs);
        Some(lu(highest, lowest, steps))
    } else {
        None
    };
    let (timesteps, sigmas): (Vec<f64>, Vec<f64>) = match spread {
        Some(spread) => (spread.iter().map(|&sigma| timestep_of(sigma, &logs)).collect(), spread),
        None => {
            let timesteps = multistep_timesteps(settings, steps)?;
            let sigmas = timesteps.iter().map(|&timestep| sigma_at(&levels, timestep)).collect();
            (timesteps, sigmas)
        }
    };
    let timesteps = timesteps.into_iter().map(|timestep| whole(timestep) as f32).collect();
    let mut sigmas: Vec<f32> = sigmas.into_iter().map(|sigma| sigma as f32).collect();
    sigmas.push(last_sigma(settings, &levels));
    Ok((timesteps, sigmas))
}

fn multistep_timesteps(settings: &Settings, steps: u32) -> Result<Vec<f64>, SchedulerError> {
    let trained = settings.num_train_timesteps;
    match settings.timestep_spacing {
        TimestepSpacing::Linspace => {
            let mut timesteps = linspace(f64::from(trained) - 1.0, steps + 1);
            timesteps.pop();
            Ok(timesteps.into_iter().map(f64::round_ties_even).collect())
        }
        TimestepSpacing::Leading => {
            check_steps(steps, 1, trained - 1)?;
            leading(settings, steps, trained / (steps + 1), 1..steps + 1)
        }
        TimestepSpacing::Trailing => Ok(trailing(trained, steps)),
    }
}

/// Refuses a number of steps out of range.
pub(super) fn check_steps(steps: u32, min: u32, max: u32) -> Result<(), SchedulerError> {
    if (min..=max).contains(&steps) { Ok(()) } else { Err(SchedulerError::Steps { steps, min, max }) }
}

/// Whole strides, the multiples in `range`, moved by the offset.
fn leading(
    settings: &Settings,
    steps: u32,
    stride: u32,
    range: std::ops::Range<u32>,
) -> Result<Vec<f64>, SchedulerError> {
    let steps_offset = settings.steps_offset;
    let timestep = (range.end - 1) * stride + steps_offset;
    if timestep >= settings.num_train_timesteps {
        return Err(SchedulerError::TimestepOutOfRange { steps, steps_offset, timestep });
    }
    Ok(range.rev().map(|i| f64::from(i * stride + steps_offset)).collect())
}

/// Strides down from the end. numpy's `arange` steps by the difference of its first two entries. For a few counts it
/// yields one entry too many, a timestep of -1, which is not taken over.
fn trailing(trained: u32, steps: u32) -> Vec<f64> {
    let (trained, count) = (f64::from(trained), f64::from(steps));
    let delta = (trained - trained / count) - trained;
    (0..steps).map(|i| (trained + f64::from(i) * delta).round_ties_even() - 1.0).collect()
}

/// `count` numbers from `last` down to 0, as numpy makes them.
fn linspace(last: f64, count: u32) -> Vec<f64> {
    if count == 1 {
        return vec![0.0];
    }
    let step = last / f64::from(count - 1);
    (0..count).rev().map(|i| if i == count - 1 { last } else { f64::from(i) * step }).collect()
}

/// torch's `cumprod` keeps its running product in f64 and rounds each entry.
fn cumprod(factors: impl Iterator<Item = f32>) -> Vec<f32> {
    factors
        .scan(1.0_f64, |product, factor| {
            *product *= f64::from(factor);
            Some(*product as f32)
        })
        .collect()
}

/// Lin et al. 2023, algorithm 1: betas whose last timestep is pure noise, from the shares of the signal.
fn zero_terminal_snr(alphas_cumprod: &[f32]) -> Vec<f32> {
    let roots: Vec<f32> = alphas_cumprod.iter().map(|alpha| alpha.sqrt()).collect();
    let (first, last) = (roots[0], roots[roots.len() - 1]);
    let scale = first / (first - last);
    let shares: Vec<f32> = roots
        .into_iter()
        .map(|root| {
            let root = (root - last) * scale;
            root * root
        })
        .collect();
    std::iter::once(1.0 - shares[0]).chain(shares.windows(2).map(|pair| 1.0 - pair[1] / pair[0])).collect()
}

fn betas(settings: &Settings) -> Vec<f32> {
    let count = settings.num_train_timesteps;
    match settings.beta_schedule {
        BetaSchedule::Linear => torch_linspace(settings.beta_start as f32, settings.beta_end as f32, count),
        BetaSchedule::ScaledLinear => {
            let (start, end) = (libm::sqrt(settings.beta_start) as f32, libm::sqrt(settings.beta_end) as f32);
            torch_linspace(start, end, count).into_iter().map(|root| root * root).collect()
        }
        BetaSchedule::SquaredcosCapV2 => {
            let alpha_bar = |t: f64| {
                let cosine = libm::cos((t + 0.008) / 1.008 * PI / 2.0);
                cosine * cosine
            };
            let total = f64::from(count);
            (0..count)
                .map(|i| {
                    let (now, next) = (f64::from(i) / total, f64::from(i + 1) / total);
                    (1.0 - alpha_bar(next) / alpha_bar(now)).min(0.999) as f32
                })
                .collect()
        }
    }
}

/// torch's f32 `linspace`: from the nearer end.
fn torch_linspace(start: f32, end: f32, count: u32) -> Vec<f32> {
    if count == 1 {
        return vec![start];
    }
    let step = (end - start) / (count - 1) as f32;
    (0..count)
        .map(|i| if i < count / 2 { start + step * i as f32 } else { end - step * (count - 1 - i) as f32 })
        .collect()
}
