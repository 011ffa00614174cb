//! Floats to integers with one scale for a scope: Q(x; L) of the profile (spec chapter 14).
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats")]

use super::ieee::{Double, Single};
use super::op::LIMIT_WEIGHT;

const INFINITY: u32 = 0x7f80_0000;
const MAGNITUDE: u32 = 0x7fff_ffff;
/// 2^-100: what the largest magnitude of a scope is at least taken to be, so that a scope of zeros has a scale.
pub const LEAST_MAXIMUM: u32 = 0x0d80_0000;

/// How a scope's numbers become integers and what these are worth: q = rne(x * r), and q * s is about x.
#[derive(Clone, Copy, Debug)]
pub struct Scale<F> {
    /// L / M.
    pub r: F,
    /// M / L.
    pub s: F,
}

impl<F: Single> Scale<F> {
    /// For numbers of which `max_bits` is the largest magnitude, as a bit pattern, and integers up to `limit`.
    ///
    /// `max_bits` comes from [`max_bits`] and is finite (see [`is_finite_bits`]); `limit` is in [1, 2^19).
    pub fn of(max_bits: u32, limit: u32) -> Self {
        let maximum = F::from_bits(max_bits.max(LEAST_MAXIMUM));
        let limit = F::from_i32(limit as i32);
        Self { r: limit / maximum, s: maximum / limit }
    }
}

/// The integer that stands for `x` under a scale: of at most the scale's limit, if `x` is of at most its maximum.
///
/// No clamp is needed for that: r errs by at most 2^-24 of itself, or 2^-150, and the product by as much again, which
/// is less than a half up to a limit of 2^22.
pub fn quantise<F: Single>(x: F, scale: &Scale<F>) -> i32 {
    (x * scale.r).round_to_i32()
}

/// The integer that stands for a weight of a row whose largest magnitude gives `scale`, a scale for [`LIMIT_WEIGHT`]
/// (EXA-05): divided in the wider format, since this is done once.
pub fn quantise_weight<F: Single>(weight: F, scale: &Scale<F>) -> i16 {
    let value = (weight.widen() / scale.s.widen()).round_to_i64();
    let limit = i64::from(LIMIT_WEIGHT);
    i16::try_from(value.clamp(limit.saturating_neg(), limit)).unwrap_or_default()
}

/// The largest magnitude as a bit pattern, for nothing 0. If it is not finite, neither is one of the numbers.
///
/// Patterns of magnitudes have the order of the magnitudes, with infinity and then NaN above all.
pub fn max_bits<F: Single>(numbers: impl IntoIterator<Item = F>) -> u32 {
    numbers.into_iter().map(|number| number.to_bits() & MAGNITUDE).max().unwrap_or(0)
}

/// Whether the pattern of a magnitude is a finite number's.
pub const fn is_finite_bits(magnitude: u32) -> bool {
    magnitude < INFINITY
}

/// A float's pattern as an integer that has the order of the numbers, -0 below +0, infinities outside, NaN beyond them.
pub const fn sort_key(bits: u32) -> i32 {
    let sign = bits.cast_signed() >> 31;
    bits.cast_signed() ^ (sign & i32::MAX)
}

/// The pattern that has a [`sort_key`].
pub const fn from_sort_key(key: i32) -> u32 {
    sort_key(key.cast_unsigned()).cast_unsigned()
}
