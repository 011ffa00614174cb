//! The nonlinear functions of binary32 that networks use, in the profile's order of operations (spec chapter 14).
//!
//! Each written operation rounds once. Constants are the floats nearest to the decimals beside them. Errors were
//! measured on every float of the domain from 1e-9 in magnitude on, against functions of binary64.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

use super::ieee::Single;
use super::math::{horner, select};

const ONE: u32 = 0x3f80_0000;
const HALF: u32 = 0x3f00_0000;
/// log2(e), 1.44269504. Constants of binary32 are given by their bits, polynomials with the highest power first.
pub const LOG2_E: u32 = 0x3fb8_aa3b;
/// The high part of ln(2), 0.693359375.
pub const LN_2_HIGH: u32 = 0x3f31_8000;
/// Its low part, -2.12194440e-4.
pub const LN_2_LOW: u32 = 0xb95e_8083;
/// The least exponent of [`exp32`], -87.
pub const LEAST_EXPONENT: u32 = 0xc2ae_0000;
/// Its greatest exponent, 88.
pub const MOST_EXPONENT: u32 = 0x42b0_0000;
/// The polynomial of [`exp32`].
pub const EXP: [u32; 6] = [
    0x3950_6967, // 1.9875691500e-4
    0x3ab7_43ce, // 1.3981999507e-3
    0x3c08_8908, // 8.3334519073e-3
    0x3d2a_a9c1, // 4.1665795894e-2
    0x3e2a_aaaa, // 1.6666665459e-1
    0x3f00_0000, // 5.0000001201e-1
];
/// The slope in [`quick_gelu`], 1.702.
pub const QUICK_GELU_SLOPE: u32 = 0x3fd9_db23;
/// 0.70710678.
pub const ROOT_OF_HALF: u32 = 0x3f35_04f3;
/// The slope in [`gelu_erf`], 0.3275911.
pub const ERF_SLOPE: u32 = 0x3ea7_ba05;
/// The polynomial of [`gelu_erf`].
pub const ERF: [u32; 5] = [
    0x3f87_dc22, // 1.061405429
    0xbfba_00e3, // -1.453152027
    0x3fb5_f0e3, // 1.421413741
    0xbe91_a98e, // -0.284496736
    0x3e82_7906, // 0.254829592
];
/// The most halvings of [`attention_weight`], 31.
pub const MOST_SHIFT: u32 = 0x41f8_0000;
/// 536870912.
pub const TWO_TO_29: u32 = 0x4e00_0000;
/// The polynomial of [`exp2_neg`].
pub const EXP2_NEG: [u32; 6] = [0xba77_b359, 0x3c16_d3e8, 0xbd62_7f7b, 0x3e75_f1c8, 0xbf31_71de, 0x3f80_0000];
/// What the offsets of rounding advance by from key to key: 2^32 divided by the golden ratio.
const WEYL: u32 = 0x9e37_79b1;
/// The largest weight of attention, which the nearest key gets.
pub const MOST_WEIGHT: i32 = 16_383;

/// e^x, within 0.991 units of the last place for x in [-87, 88]; outside as at the nearer end. NaN stays NaN.
pub fn exp32<F: Single>(x: F) -> F {
    let x = select(x, F::from_bits(LEAST_EXPONENT), F::from_bits(MOST_EXPONENT));
    let power = (x * F::from_bits(LOG2_E)).round_to_i32();
    let n = F::from_i32(power);
    let r = (x - n * F::from_bits(LN_2_HIGH)) - n * F::from_bits(LN_2_LOW);
    let [first, rest @ ..] = EXP.map(F::from_bits);
    let value = ((horner(r, first, rest) * (r * r)) + r) + F::from_bits(ONE);
    // From 2^-126 to 2^127: normal numbers.
    value * F::from_bits((power.wrapping_add(127) as u32) << 23)
}

/// 1 / (1 + e^-x), within 2.5 units of the last place for x >= -87.
pub fn sigmoid<F: Single>(x: F) -> F {
    F::from_bits(ONE) / one_and_exp_of_minus(x)
}

/// x / (1 + e^-x), within 2.41 units of the last place for x >= -87.
///
/// For any x >= 0 at most x; for x < 0 at most 0.2785 in magnitude (`3e8e978d`), down to -4e37, where the divisor is no
/// longer large enough.
pub fn silu<F: Single>(x: F) -> F {
    x / one_and_exp_of_minus(x)
}

/// x / (1 + e^-1.702x), within 7.5e-7 for |x| <= 16.
pub fn quick_gelu<F: Single>(x: F) -> F {
    x / one_and_exp_of_minus(F::from_bits(QUICK_GELU_SLOPE) * x)
}

/// x times the chance that a normal deviate is below x, within 4.3e-7 for |x| <= 16.
pub fn gelu_erf<F: Single>(x: F) -> F {
    let one = F::from_bits(ONE);
    let z = F::from_bits(x.to_bits() & 0x7fff_ffff) * F::from_bits(ROOT_OF_HALF);
    let t = one / (one + F::from_bits(ERF_SLOPE) * z);
    let [first, rest @ ..] = ERF.map(F::from_bits);
    let series = t * horner(t, first, rest);
    let beyond = (series * exp32(-(z * z))) * F::from_bits(HALF);
    if x.is_less_than(F::from_i32(0)) { x * beyond } else { x * (one - beyond) }
}

/// The gated unit of transformers: `value` times the GELU of `gate`.
pub fn geglu<F: Single>(value: F, gate: F) -> F {
    value * gelu_erf(gate)
}

/// The weight of one key in attention, 2^(-c*u) in units of 2^-14 with u = floor(`m_minus_s`/2): in [0, 16383].
///
/// `m_minus_s` is the row's largest score less this key's, `c` what one unit of u counts in powers of two, finite and
/// not negative. Rounding is down after an offset that depends on `key_index` alone and is spread evenly over keys, so
/// that thousands of small weights neither vanish nor swell. The power is [`exp2_neg`]'s.
pub fn attention_weight<F: Single>(m_minus_s: u32, c: F, key_index: u32) -> i32 {
    let distance = F::from_i32((m_minus_s >> 1) as i32);
    let (t, most) = (distance * c, F::from_bits(MOST_SHIFT));
    let t = if most.is_less_than(t) { most } else { t };
    let whole = t.trunc_to_i32();
    let power = exp2_neg(t - F::from_i32(whole));
    let power = (power * F::from_bits(TWO_TO_29)).trunc_to_i32();
    // Below 2^29 + 2^15.
    (power.wrapping_shr(whole as u32).wrapping_add(weight_offset(key_index)) >> 15).min(MOST_WEIGHT)
}

/// What is added to a key's weight, in units of 2^-29, before it is rounded down: below 2^15.
pub const fn weight_offset(key_index: u32) -> i32 {
    (key_index.wrapping_mul(WEYL) >> 17) as i32
}

/// 2^-f for f in [0, 1): within 2.81e-7 of its true value, relatively, and at most 1.
pub fn exp2_neg<F: Single>(f: F) -> F {
    let [first, rest @ ..] = EXP2_NEG.map(F::from_bits);
    horner(f, first, rest)
}

fn one_and_exp_of_minus<F: Single>(x: F) -> F {
    F::from_bits(ONE) + exp32(-x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_the_floats_nearest_to_their_decimals() {
        let singles = [
            (ONE, "1"),
            (HALF, "0.5"),
            (LOG2_E, "1.44269504"),
            (LN_2_HIGH, "0.693359375"),
            (LN_2_LOW, "-2.12194440e-4"),
            (LEAST_EXPONENT, "-87"),
            (MOST_EXPONENT, "88"),
            (QUICK_GELU_SLOPE, "1.702"),
            (ROOT_OF_HALF, "0.70710678"),
            (ERF_SLOPE, "0.3275911"),
            (MOST_SHIFT, "31"),
            (TWO_TO_29, "536870912"),
        ];
        let exp = [
            "1.9875691500e-4",
            "1.3981999507e-3",
            "8.3334519073e-3",
            "4.1665795894e-2",
            "1.6666665459e-1",
            "5.0000001201e-1",
        ];
        let erf = ["1.061405429", "-1.453152027", "1.421413741", "-0.284496736", "0.254829592"];
        let tables = EXP.into_iter().zip(exp).chain(ERF.into_iter().zip(erf));
        for (bits, decimal) in singles.into_iter().chain(tables) {
            assert_eq!(decimal.parse::<f32>().map(f32::to_bits), Ok(bits), "{decimal}");
        }
    }
}
