//! Euler's method on the probability flow equation (Karras et al. 2022, algorithm 2 without churn): diffusers'
//! `EulerDiscreteScheduler`.

use super::super::expression::{Term, constant};
use super::super::ieee::{Double, Ieee, Single};
use super::sigma_spacing::{karras, timestep_of};
use super::timesteps::{in_single, timesteps};
use super::trained::Trained;
use super::{
    Ask, LATENTS, Line, OUTPUT, PredictionType, Schedule, SchedulerError, TimestepSpacing, number,
    single_steps,
};

pub(super) fn schedule<D: Double>(ask: &Ask) -> Result<Schedule, SchedulerError> {
    let settings = &ask.settings;
    let trained = Trained::<D>::new(settings).sigmas(settings);
    let mut timesteps: Vec<D> = in_single(timesteps::<D>(ask)?.into_iter());
    let mut sigmas: Vec<D> = timesteps.iter().map(|timestep| trained.at(*timestep)).collect();
    if let (true, Some(highest), Some(lowest)) =
        (settings.use_karras_sigmas, sigmas.first().copied(), sigmas.last().copied())
    {
        sigmas = karras(highest, lowest, ask.steps);
        sigmas = in_single(sigmas.into_iter());
        timesteps = sigmas.iter().map(|sigma| timestep_of(*sigma, &trained)).collect();
    }
    sigmas.push(trained.last(settings));
    along(ask, &timesteps, &in_single(sigmas.into_iter()), |_, to| Way { to, noise: number(0.0) })
}

/// Where a step goes from a noise level: to another one, with noise added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<D> {
    pub(super) to: D,
    pub(super) noise: D,
}

/// Steps of Euler's method between noise levels, one more of them than timesteps.
pub(super) fn along<D: Double>(
    ask: &Ask,
    timesteps: &[D],
    sigmas: &[D],
    way: impl Fn(D, D) -> Way<D>,
) -> Result<Schedule, SchedulerError> {
    let init_noise_sigma = init_noise_sigma(ask, sigmas).widen();
    let (timesteps, sigmas) =
        (timesteps.get(ask.start..).unwrap_or_default(), sigmas.get(ask.start..).unwrap_or_default());
    let pairs = sigmas.iter().zip(sigmas.iter().skip(1));
    let lines = timesteps.iter().zip(pairs).map(|(timestep, (from, to))| {
        let way = way(*from, *to);
        Line {
            timestep: timestep.narrow(),
            model_input: LATENTS / constant(deviation(*from).widen()),
            latents: step(ask.settings.prediction_type, *from, way.to),
            history: Vec::new(),
            noise: way.noise,
            add_noise: Term::Input(0) + Term::Input(1) * constant(*from),
        }
    });
    Schedule::assemble(lines, single_steps(timesteps.len()), init_noise_sigma, sigmas)
}

/// The standard deviation of latents at a noise level, in binary32 throughout, as it stands in diffusers' tables.
fn deviation<D: Double>(sigma: D) -> D::Single {
    let sigma = sigma.narrow();
    (sigma * sigma + D::Single::from_i32(1)).sqrt()
}

/// The standard deviation of the initial latents.
fn init_noise_sigma<D: Double>(ask: &Ask, sigmas: &[D]) -> D::Single {
    let larger = |most: D, sigma: &D| if most.is_less_than(*sigma) { *sigma } else { most };
    let greatest = sigmas.iter().fold(number(0.0), larger);
    match ask.settings.timestep_spacing {
        TimestepSpacing::Linspace | TimestepSpacing::Trailing => greatest.narrow(),
        TimestepSpacing::Leading => deviation(greatest),
    }
}

/// Latents moved along the predicted direction from one noise level to another.
fn step<D: Double>(prediction: PredictionType, from: D, to: D) -> Term {
    let original = match prediction {
        PredictionType::Epsilon => LATENTS - constant(from) * OUTPUT,
        PredictionType::Sample => OUTPUT,
        PredictionType::VPrediction => {
            let variance = from * from + number(1.0);
            OUTPUT * constant(-from / variance.sqrt()) + LATENTS / constant(variance)
        }
    };
    let derivative = (LATENTS - original) / constant(from);
    LATENTS + derivative * constant(to - from)
}
