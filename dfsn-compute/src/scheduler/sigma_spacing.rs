//! Noise levels that are spread by themselves instead of by their timesteps, in f64 as numpy computes them.

/// Karras et al. 2022, equation 5, with rho 7: `steps` levels from the highest to the lowest.
pub(super) fn karras(highest: f64, lowest: f64, steps: u32) -> Vec<f64> {
    const RHO: f64 = 7.0;
    let (from, to) = (libm::pow(highest, 1.0 / RHO), libm::pow(lowest, 1.0 / RHO));
    ramp(steps).map(|share| libm::pow(from + share * (to - from), RHO)).collect()
}

/// Lu et al. 2022: evenly in the logarithm, whose ends are given.
pub(super) fn lu(log_highest: f64, log_lowest: f64, steps: u32) -> Vec<f64> {
    ramp(steps).map(|share| libm::exp(log_highest + share * (log_lowest - log_highest))).collect()
}

/// The timestep, between two trained ones, at which the noise has the level `sigma`; `log_sigmas` are the
/// logarithms of the trained levels, rising.
pub(super) fn timestep_of(sigma: f64, log_sigmas: &[f32]) -> f64 {
    let log_sigma = libm::log(sigma.max(1e-10));
    let not_above = log_sigmas.iter().take_while(|&&trained| log_sigma >= f64::from(trained)).count();
    let low = not_above.saturating_sub(1).min(log_sigmas.len().saturating_sub(2));
    let (Some(&below), Some(&above)) = (log_sigmas.get(low), log_sigmas.get(low + 1)) else { return 0.0 };
    let share = ((f64::from(below) - log_sigma) / f64::from(below - above)).clamp(0.0, 1.0);
    (1.0 - share) * low as f64 + share * (low + 1) as f64
}

/// `steps` numbers from 0 to 1.
fn ramp(steps: u32) -> impl Iterator<Item = f64> {
    let last = steps.saturating_sub(1);
    let step = 1.0 / f64::from(last.max(1));
    (0..steps).map(move |i| if i == last && last > 0 { 1.0 } else { f64::from(i) * step })
}
