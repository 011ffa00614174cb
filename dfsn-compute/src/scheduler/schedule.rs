//! The noise schedule and the spread of timesteps that schedulers share.

use std::f64::consts::PI;

use super::SchedulerError;
use crate::config::{BetaSchedule, SchedulerConfig, TimestepSpacing};

/// The share of the signal's variance that is left at each trained timestep.
pub(super) fn alphas_cumprod(config: &SchedulerConfig) -> Vec<f32> {
    // torch's cumprod keeps its running product in f64 and rounds each entry.
    betas(config)
        .into_iter()
        .scan(1.0_f64, |product, beta| {
            *product *= f64::from(1.0 - beta);
            Some(*product as f32)
        })
        .collect()
}

/// The standard deviation of the noise at each trained timestep, for a signal of unit scale.
pub(super) fn sigmas(alphas_cumprod: &[f32]) -> Vec<f32> {
    alphas_cumprod.iter().map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect()
}

/// The timesteps as f64, falling; `default` where the config names no spacing.
pub(super) fn timesteps(
    config: &SchedulerConfig,
    default: TimestepSpacing,
    steps: u32,
) -> Result<Vec<f64>, SchedulerError> {
    let num_train_timesteps = config.num_train_timesteps;
    if steps == 0 || steps > num_train_timesteps {
        return Err(SchedulerError::Steps { steps, num_train_timesteps });
    }
    let (trained, count) = (f64::from(num_train_timesteps), f64::from(steps));
    let timesteps: Vec<f64> = match config.timestep_spacing.unwrap_or(default) {
        TimestepSpacing::Linspace => linspace(trained - 1.0, steps),
        TimestepSpacing::Leading => {
            let stride = num_train_timesteps / steps;
            let first = (steps - 1) * stride + config.steps_offset;
            if first >= num_train_timesteps {
                return Err(SchedulerError::TimestepOutOfRange {
                    steps,
                    steps_offset: config.steps_offset,
                    timestep: first,
                });
            }
            (0..steps).rev().map(|i| f64::from(i * stride + config.steps_offset)).collect()
        }
        TimestepSpacing::Trailing => {
            // numpy's arange steps by the difference of its first two entries. For a few counts it yields
            // one entry too many, a timestep of -1, which is not taken over.
            let delta = (trained - trained / count) - trained;
            (0..steps).map(|i| (trained + f64::from(i) * delta).round_ties_even() - 1.0).collect()
        }
    };
    Ok(timesteps)
}

/// `count` numbers from `last` down to 0, as numpy makes them.
fn linspace(last: f64, count: u32) -> Vec<f64> {
    if count == 1 {
        return vec![0.0];
    }
    let step = last / f64::from(count - 1);
    (0..count).rev().map(|i| if i == count - 1 { last } else { f64::from(i) * step }).collect()
}

fn betas(config: &SchedulerConfig) -> Vec<f32> {
    let count = config.num_train_timesteps;
    match config.beta_schedule {
        BetaSchedule::Linear => torch_linspace(config.beta_start as f32, config.beta_end as f32, count),
        BetaSchedule::ScaledLinear => {
            let (start, end) = (libm::sqrt(config.beta_start) as f32, libm::sqrt(config.beta_end) as f32);
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
