//! Euler's method with ancestral sampling (k-diffusion): each step goes below its next level and adds noise. diffusers'
//! `EulerAncestralDiscreteScheduler`.

use super::super::ieee::Double;
use super::euler::{Way, along};
use super::timesteps::{in_single, timesteps};
use super::trained::Trained;
use super::{Ask, Schedule, SchedulerError, number};

pub(super) fn schedule<D: Double>(ask: &Ask) -> Result<Schedule, SchedulerError> {
    let settings = &ask.settings;
    let trained = Trained::<D>::new(settings).sigmas(settings);
    let timesteps: Vec<D> = in_single(timesteps::<D>(ask)?.into_iter());
    let levels = timesteps.iter().map(|timestep| trained.at(*timestep)).chain([number(0.0)]);
    along(ask, &timesteps, &in_single(levels), ancestral)
}

/// To the level `to` in variance: down to less, and up again by noise.
fn ancestral<D: Double>(from: D, to: D) -> Way<D> {
    let (from, to) = (from * from, to * to);
    let up = to * (from - to) / from;
    Way { to: (to - up).sqrt(), noise: up.sqrt() }
}
