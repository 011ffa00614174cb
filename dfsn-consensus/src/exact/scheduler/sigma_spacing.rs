//! Noise levels that are spread by themselves instead of by their timesteps.

use super::super::ieee::Double;
use super::super::math::{exp, ln, select};
use super::trained::Sigmas;
use super::{integer, number};

/// Karras et al. 2022, equation 5, with rho 7: `steps` levels from the highest to the lowest.
pub(super) fn karras<D: Double>(highest: D, lowest: D, steps: u32) -> Vec<D> {
    let root = |level: D| exp(ln(level) / number(7.0));
    let (from, to) = (root(highest), root(lowest));
    let power = |root: D| {
        let square = root * root;
        (square * square) * (square * root)
    };
    ramp(steps).map(|share: D| power(from + share * (to - from))).collect()
}

/// Lu et al. 2022: evenly in the logarithm.
pub(super) fn lu<D: Double>(highest: D, lowest: D, steps: u32) -> Vec<D> {
    let (from, to) = (ln(highest), ln(lowest));
    ramp(steps).map(|share: D| exp(from + share * (to - from))).collect()
}

/// The timestep, between two trained ones, at which the noise has the level `sigma`; evenly in the logarithm.
pub(super) fn timestep_of<D: Double>(sigma: D, trained: &Sigmas<D>) -> D {
    let low = timestep_below(sigma, trained);
    let levels = trained.levels();
    let place = usize::try_from(low).unwrap_or(0);
    let (Some(below), Some(above)) = (levels.get(place), levels.get(place.saturating_add(1))) else {
        return number(0.0);
    };
    let (below, above) = (ln(*below), ln(*above));
    integer::<D>(low) + select((ln(sigma) - below) / (above - below), number(0.0), number(1.0))
}

/// The trained timestep below it: the last one whose level is not above, but not the very last.
pub(super) fn timestep_below<D: Double>(sigma: D, trained: &Sigmas<D>) -> u32 {
    let levels = trained.levels();
    let not_above = levels.partition_point(|level| !sigma.is_less_than(*level));
    let low = not_above.saturating_sub(1).min(levels.len().saturating_sub(2));
    u32::try_from(low).unwrap_or(0)
}

/// `steps` numbers from 0 to 1.
fn ramp<D: Double>(steps: u32) -> impl Iterator<Item = D> {
    let last: D = integer(steps.saturating_sub(1).max(1));
    (0..steps).map(move |i| integer::<D>(i) / last)
}
