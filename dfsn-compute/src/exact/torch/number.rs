//! What operations have in common: scopes, their scales, integers for floats and the order of floats.

use dfsn_consensus::exact::quantise::{LEAST_MAXIMUM, is_finite_bits};

use super::array::{Array, Float};
use super::{Fault, Result};
use crate::torch::TorchError;

const INFINITY: i32 = 0x7f80_0000;
/// What tensors of quantised values hold.
pub(super) const SHORTS: [i32; 2] = [i16::MIN as i32, i16::MAX as i32];

/// Without the sign, as bits, which have the order of the magnitudes.
pub(super) fn magnitudes(x: &Array<f32>) -> Result<Array<i32>> {
    Ok(x.bits()?.and(&x.constant(i32::MAX)?)?)
}

/// Bits as integers that have the order of the numbers; and back.
pub(super) fn sort_keys(bits: &Array<i32>) -> Result<Array<i32>> {
    let below_zero = bits.less(&bits.constant(0_i32)?)?;
    Ok(below_zero.choose(&bits.xor(&bits.constant(i32::MAX)?)?, bits)?)
}

/// Every NaN becomes the one that tensors hold (EXA-02).
pub(super) fn canonical(x: &Array<f32>) -> Result<Array<f32>> {
    let is_nan = x.constant(INFINITY)?.less(&magnitudes(x)?)?;
    Ok(is_nan.choose(&x.constant(0x7fc0_0000_i32)?, &x.bits()?)?.floats()?)
}

/// Refuses magnitudes among which there is a NaN's or an infinity's.
pub(super) fn refuse_infinite(magnitudes: &Array<i32>) -> Result<()> {
    let greatest = magnitudes.reshape(&[magnitudes.len()])?.greatest(0)?.to_vec()?;
    let is_finite = greatest.iter().all(|bits| is_finite_bits(bits.cast_unsigned()));
    if is_finite { Ok(()) } else { Err(Fault::NotFinite) }
}

/// L / M and M / L of scopes.
pub(super) struct Scale {
    pub(super) r: Array<f32>,
    pub(super) s: Array<f32>,
}

impl Scale {
    /// Of scopes whose largest magnitudes are `max`.
    pub(super) fn of(max: &Array<f32>, limit: i32) -> Result<Self> {
        let least = max.constant(f32::from_bits(LEAST_MAXIMUM))?;
        let max = max.less(&least)?.choose(&least, max)?;
        // Limits are below 2^24.
        let limit = max.constant(limit as f32)?;
        Ok(Self { r: limit.div(&max)?, s: max.div(&limit)? })
    }
}

/// The integers that stand for numbers of scopes with these `r`, moved into `[least, most]`; zero for a NaN.
pub(super) fn quantise(x: &Array<f32>, r: &Array<f32>, [least, most]: [i32; 2]) -> Result<Array<i32>> {
    let nearest = x.mul(r)?.round()?;
    // Bounds are below 2^24.
    let inside = select(&nearest, &x.constant(least as f32)?, &x.constant(most as f32)?)?;
    let zero = x.constant(0.0_f32)?;
    let not_below = zero.less(&inside)?.choose(&inside, &zero)?;
    Ok(inside.less(&zero)?.choose(&inside, &not_below)?.to_ints()?)
}

/// Moved to the nearer end of `[least, most]`; NaN stays.
pub(super) fn select<T: Float>(
    x: &Array<T>,
    least: &Array<T>,
    most: &Array<T>,
) -> std::result::Result<Array<T>, TorchError> {
    x.less(least)?.choose(least, &most.less(x)?.choose(most, x)?)
}

/// Horner's scheme over bits of binary32, the highest power first, each operation rounded.
pub(super) fn horner(x: &Array<f32>, coefficients: &[u32]) -> std::result::Result<Array<f32>, TorchError> {
    let (first, rest) = coefficients.split_first().unwrap_or((&0, &[]));
    let constant = |bits: &u32| x.constant(f32::from_bits(*bits));
    rest.iter().try_fold(constant(first)?, |sum, bits| sum.mul(x)?.add(&constant(bits)?))
}
