//! GroupNorm and LayerNorm from exact sums (spec chapter 14, statistics, normalise, channel bound).
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

use super::ieee::{Double, Ieee, Single};
use super::quantise::is_finite_bits;

/// The limit that numbers are quantised with for their statistics.
pub const STATISTICS_LIMIT: u32 = (1 << 19) - 1;
/// How many numbers one mean may be of.
pub const MOST_NUMBERS: u32 = 1 << 23;

const INFINITY: u32 = 0x7f80_0000;
const SIGN: u32 = 1 << 31;
const ONE: u64 = 0x3ff0_0000_0000_0000;
/// The float above the largest |SiLU(y)| of y < 0, which is 0.278465; as bits.
pub const SILU_BELOW_ZERO: u32 = 0x3e8e_978d; // 0.2785

/// Count, sum and sum of squares of integers up to [`STATISTICS_LIMIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moments {
    n: u32,
    s1: i64,
    s2: i64,
}

impl Moments {
    /// `None` if there are no `n` in [1, 2^23] integers up to the limit that might have such sums: if
    /// `s2 <= n * limit^2` or `s1^2 <= n * s2` does not hold.
    pub fn new(n: u32, s1: i64, s2: i64) -> Option<Self> {
        let limit = i64::from(STATISTICS_LIMIT);
        let most = i64::from(n).checked_mul(limit.wrapping_mul(limit))?;
        let squared = i128::from(s1).checked_mul(s1.into())?;
        let bound = i128::from(n).checked_mul(s2.into())?;
        let holds = (1..=MOST_NUMBERS).contains(&n) && s2 <= most && squared <= bound;
        holds.then_some(Self { n, s1, s2 })
    }

    /// Mean and reciprocal standard deviation of the numbers that the integers stand for at a scale `s`.
    ///
    /// `epsilon`, at least 2^-200, is added to the variance. Both results are finite, but for a mean at the very end of
    /// binary32, which becomes infinite.
    pub fn statistics<F: Single>(&self, s: F, epsilon: F::Double) -> (F, F) {
        let count = i64::from(self.n);
        // Deviations from the floor of the mean: |s1| < 2^42, s2 < 2^61 and |whole| < 2^19, and a sum of squares of
        // deviations is not above the sum of squares from 0 plus n, so that nothing wraps.
        let whole = self.s1.div_euclid(count.max(1));
        let rest = self.s1.wrapping_sub(count.wrapping_mul(whole));
        let twice = whole.wrapping_mul(self.s1).wrapping_mul(2);
        let squares = self.s2.wrapping_sub(twice).wrapping_add(count.wrapping_mul(whole).wrapping_mul(whole));

        let (s, n) = (s.widen(), F::Double::from_i64(count));
        let mean = F::Double::from_i64(self.s1) / n;
        let rest = F::Double::from_i64(rest);
        let variance = (F::Double::from_i64(squares) - (rest * rest) / n) / n;
        let deviation = ((variance * s) * s + epsilon).sqrt();
        ((mean * s).narrow(), (F::Double::from_bits(ONE) / deviation).narrow())
    }
}

/// What normalisation makes of `x`: (x - mean) * a + beta, with `a` the product of rstd and gamma.
pub fn normalise<F: Single>(x: F, mean: F, a: F, beta: F) -> F {
    ((x - mean) * a) + beta
}

/// A bound on |SiLU(normalise(x))| for all x in [`min`, `max`], as a bit pattern: the larger of the ends' values and
/// 0.2785.
///
/// Every rounding keeps order, so what lies between the ends stays between their values. SiLU is at most its argument
/// above 0, and at most 0.2785 in magnitude below it, down to -4e37; for values beyond, quantising clamps. The M of a
/// scope is the largest bound of its channels. If an end's value is not finite, the pattern is infinity's.
pub fn channel_bound<F: Single>(min: F, max: F, mean: F, a: F, beta: F) -> u32 {
    [min, max].into_iter().fold(SILU_BELOW_ZERO, |bound, end| {
        let bits = normalise(end, mean, a, beta).to_bits();
        match bits & !SIGN {
            magnitude if !is_finite_bits(magnitude) => INFINITY,
            magnitude if magnitude == bits => bound.max(magnitude),
            _ => bound,
        }
    })
}
