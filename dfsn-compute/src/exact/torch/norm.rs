//! Means and deviations from exact sums, and what normalisation makes of numbers.

use dfsn_consensus::exact::LIMIT_STATISTICS;
use dfsn_consensus::exact::norm::Moments;
use dfsn_consensus::exact::quantise::Scale;

use super::array::Array;
use super::{Fault, Result};

/// Mean and reciprocal standard deviation of `count` numbers each, whose largest magnitudes are `max`; `s1` are the
/// sums of the integers that stand for them, `s2` those of their squares. All are `[n][1]`.
///
/// These are few, one for a row or a group, and computed here by the definition itself: libtorch's square root of
/// binary64 is not IEEE's on every device (docs/adr/0053).
pub(super) fn statistics(
    count: usize,
    s1: &Array<i64>,
    s2: &Array<i64>,
    max: &Array<f32>,
    eps: u64,
) -> Result<[Array<f32>; 2]> {
    let count = u32::try_from(count).map_err(|_| Fault::Missing("mean of so many numbers"))?;
    let (mut means, mut deviations) = (Vec::with_capacity(s1.len()), Vec::with_capacity(s1.len()));
    for ((s1, s2), max) in s1.to_vec()?.into_iter().zip(s2.to_vec()?).zip(max.to_vec()?) {
        let moments = Moments::new(count, s1, s2).ok_or(Fault::Missing("mean of so many numbers"))?;
        let scale = Scale::<f32>::of(max.to_bits(), LIMIT_STATISTICS.unsigned_abs()).s;
        let (mean, rstd) = moments.statistics(scale, f64::from_bits(eps));
        means.push(mean);
        deviations.push(rstd);
    }
    let dims = [means.len(), 1];
    Ok([s1.beside(&means, &dims)?, s1.beside(&deviations, &dims)?])
}

/// `(x - mean) * factor + addend`.
pub(super) fn normalise(
    x: &Array<f32>,
    mean: &Array<f32>,
    factor: &Array<f32>,
    addend: &Array<f32>,
) -> Result<Array<f32>> {
    Ok(x.sub(mean)?.mul(factor)?.add(addend)?)
}
