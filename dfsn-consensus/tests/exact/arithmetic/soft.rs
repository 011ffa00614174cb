//! Soft floats give the bits of the machine's, for every operation; of NaN only that it is one.

use dfsn_consensus::exact::ieee::{Double, Ieee, Single};
use dfsn_consensus::exact::soft::{SoftDouble, SoftSingle};
use proptest::prelude::*;

use super::Random;

const ROUNDS: u32 = 3_000_000;

fn same_single(what: &str, operands: &[u64], soft: SoftSingle, hard: f32) {
    let soft = f32::from_bits(soft.to_bits());
    let same = soft.to_bits() == hard.to_bits() || (soft.is_nan() && hard.is_nan());
    assert!(same, "{what} of {operands:x?}: {:08x}, not {:08x}", soft.to_bits(), hard.to_bits());
}

fn same_double(what: &str, operands: &[u64], soft: SoftDouble, hard: f64) {
    let soft = f64::from_bits(soft.to_bits());
    let same = soft.to_bits() == hard.to_bits() || (soft.is_nan() && hard.is_nan());
    assert!(same, "{what} of {operands:x?}: {:016x}, not {:016x}", soft.to_bits(), hard.to_bits());
}

/// Every operation of binary32 on two patterns.
fn check_single(a: u32, b: u32) {
    let both = [a.into(), b.into()];
    let (x, y) = (SoftSingle::from_bits(a), SoftSingle::from_bits(b));
    let (p, q) = (f32::from_bits(a), f32::from_bits(b));
    same_single("sum", &both, x + y, p + q);
    same_single("difference", &both, x - y, p - q);
    same_single("product", &both, x * y, p * q);
    same_single("quotient", &both, x / y, p / q);
    assert_eq!(x.is_less_than(y), p < q, "{a:08x} < {b:08x}");
    assert_eq!((-x).to_bits(), (-p).to_bits());
    same_single("square root", &both[..1], Ieee::sqrt(x), p.sqrt());
    same_double("widening", &both[..1], x.widen(), f64::from(p));
    assert_eq!(x.round_to_i32(), p.round_to_i32(), "rounding of {a:08x}");
    assert_eq!(x.trunc_to_i32(), p as i32, "whole part of {a:08x}");
    same_single("conversion", &both[..1], SoftSingle::from_i32(a as i32), a as i32 as f32);
}

/// Every operation of binary64 on two patterns.
fn check_double(a: u64, b: u64) {
    let both = [a, b];
    let (x, y) = (SoftDouble::from_bits(a), SoftDouble::from_bits(b));
    let (p, q) = (f64::from_bits(a), f64::from_bits(b));
    same_double("sum", &both, x + y, p + q);
    same_double("difference", &both, x - y, p - q);
    same_double("product", &both, x * y, p * q);
    same_double("quotient", &both, x / y, p / q);
    assert_eq!(x.is_less_than(y), p < q, "{a:016x} < {b:016x}");
    assert_eq!((-x).to_bits(), (-p).to_bits());
    same_double("square root", &both[..1], Ieee::sqrt(x), p.sqrt());
    same_single("narrowing", &both[..1], x.narrow(), p as f32);
    assert_eq!(x.round_to_i64(), p.round_to_i64(), "rounding of {a:016x}");
    same_double("conversion", &both[..1], SoftDouble::from_i64(a as i64), a as i64 as f64);
}

/// Zeros, the ends of every range, ones and their neighbours, halves that tie, bounds of integers.
const SINGLES: [u32; 30] = [
    0x0000_0000, // 0
    0x0000_0001, // the least
    0x0000_0002,
    0x007f_ffff, // the largest denormal
    0x0080_0000, // the least normal
    0x0080_0001,
    0x00ff_ffff,
    0x0100_0000,
    0x1a80_0000, // 2^-74: squares to a tie below the least
    0x1fb5_04f4, // squares to about the least normal
    0x3380_0000, // 2^-24: half a unit of 1
    0x3380_0001,
    0x3f00_0000, // 0.5
    0x3f00_0001,
    0x3f7f_ffff,
    0x3f80_0000, // 1
    0x3f80_0001,
    0x3fc0_0000, // 1.5
    0x4020_0000, // 2.5
    0x4040_0000, // 3
    0x4b7f_ffff, // 2^24 - 1
    0x4b80_0000, // 2^24
    0x4b80_0001,
    0x4eff_ffff, // below 2^31
    0x4f00_0000, // 2^31
    0x7e80_0000,
    0x7f7f_ffff, // the largest
    0x7f80_0000, // infinity
    0x7f80_0001, // a signalling NaN
    0x7fc0_0000, // a quiet NaN
];

const DOUBLES: [u64; 34] = [
    0x0000_0000_0000_0000, // 0
    0x0000_0000_0000_0001, // the least
    0x0000_0000_0000_0002,
    0x000f_ffff_ffff_ffff, // the largest denormal
    0x0010_0000_0000_0000, // the least normal
    0x0010_0000_0000_0001,
    0x001f_ffff_ffff_ffff,
    0x1e60_0000_0000_0000, // 2^-537: squares to the least
    0x36a0_0000_0000_0000, // 2^-149: the least of binary32
    0x3690_0000_0000_0000, // half of it
    0x3690_0000_0000_0001,
    0x380f_ffff_f000_0000, // between binary32's denormals and normals
    0x3810_0000_0000_0000, // 2^-126
    0x3ca0_0000_0000_0000, // 2^-53: half a unit of 1
    0x3ca0_0000_0000_0001,
    0x3fe0_0000_0000_0000, // 0.5
    0x3fe0_0000_0000_0001,
    0x3fef_ffff_ffff_ffff,
    0x3ff0_0000_0000_0000, // 1
    0x3ff0_0000_1000_0000, // a tie in binary32, down
    0x3ff0_0000_3000_0000, // a tie in binary32, up
    0x3ff0_0000_0000_0001,
    0x3ff8_0000_0000_0000, // 1.5
    0x4004_0000_0000_0000, // 2.5
    0x4008_0000_0000_0000, // 3
    0x4340_0000_0000_0000, // 2^53
    0x43df_ffff_ffff_ffff, // below 2^63
    0x43e0_0000_0000_0000, // 2^63
    0x47ef_ffff_e000_0000, // the largest of binary32
    0x47ef_ffff_f000_0000, // where binary32 rounds to infinity
    0x7fef_ffff_ffff_ffff, // the largest
    0x7ff0_0000_0000_0000, // infinity
    0x7ff0_0000_0000_0001, // a signalling NaN
    0x7ff8_0000_0000_0000, // a quiet NaN
];

#[test]
fn soft_single_is_the_machines_on_every_pair_of_edges() {
    for a in SINGLES.iter().flat_map(|bits| [*bits, bits | 1 << 31]) {
        for b in SINGLES.iter().flat_map(|bits| [*bits, bits | 1 << 31]) {
            check_single(a, b);
        }
    }
}

#[test]
fn soft_double_is_the_machines_on_every_pair_of_edges() {
    for a in DOUBLES.iter().flat_map(|bits| [*bits, bits | 1 << 63]) {
        for b in DOUBLES.iter().flat_map(|bits| [*bits, bits | 1 << 63]) {
            check_double(a, b);
        }
    }
}

#[test]
fn soft_single_takes_every_denormal_and_every_exponent_apart() {
    for bits in (0..0x0100_0000).step_by(7).chain((0..=u32::MAX - 0x1_0001).step_by(0x1_0001)) {
        let (soft, hard) = (SoftSingle::from_bits(bits), f32::from_bits(bits));
        same_double("widening", &[bits.into()], soft.widen(), f64::from(hard));
        if !hard.is_nan() {
            assert_eq!(soft.widen().narrow().to_bits(), bits);
        }
    }
}

/// A pattern of `width` bits whose fraction has `fraction` of them, of a kind that rounding finds hard.
fn pattern(random: &mut Random, width: u32, fraction: u32) -> u64 {
    let any = random.next() >> (64 - width);
    let (sign, ones) = (any & 1 << (width - 1), (1 << fraction) - 1);
    let exponents = (1 << (width - 1 - fraction)) - 1;
    let bias = exponents / 2;
    match random.below(8) {
        // Any.
        0..3 => any,
        // Near a power of two.
        3 => {
            let power = sign | random.below(exponents) << fraction;
            power.wrapping_add(random.below(9)).wrapping_sub(4)
        }
        // Few bits: products and quotients that are exact or tie.
        4 => {
            let mask = ones << random.below(fraction.into()) & ones;
            sign | (bias - 20 + random.below(40)) << fraction | any & mask
        }
        // Denormal.
        5 => sign | (any & ones) >> random.below(fraction.into()),
        // Near 1: sums that cancel, and integers with halves.
        6 => sign | (bias - 3 + random.below(u64::from(fraction) + 12)) << fraction | any & ones,
        // The ends.
        _ => {
            let infinity = exponents << fraction;
            sign | [0, ones + 1, infinity - 1, infinity][random.below(4) as usize]
        }
    }
}

/// A second operand, often close to the first in size.
fn partner(random: &mut Random, first: u64, width: u32, fraction: u32) -> u64 {
    let all = u64::MAX >> (64 - width);
    match random.below(4) {
        // Shifted by up to a fraction and a bit: ties of sums.
        0 => first.wrapping_sub(random.below(u64::from(fraction) + 3) << fraction) & all,
        // Almost its negation.
        1 => (first ^ 1 << (width - 1)).wrapping_add(random.below(5)).wrapping_sub(2) & all,
        _ => pattern(random, width, fraction),
    }
}

#[test]
fn soft_single_is_the_machines_on_millions_of_patterns() {
    let mut random = Random(1);
    for _ in 0..ROUNDS {
        let a = pattern(&mut random, 32, 23);
        let b = partner(&mut random, a, 32, 23);
        check_single(a as u32, b as u32);
    }
}

#[test]
fn soft_double_is_the_machines_on_millions_of_patterns() {
    let mut random = Random(2);
    for _ in 0..ROUNDS {
        let a = pattern(&mut random, 64, 52);
        let b = partner(&mut random, a, 64, 52);
        check_double(a, b);
        // Also patterns that sit between two of binary32.
        let near = f64::from(f32::from_bits(b as u32)).to_bits();
        check_double(near.wrapping_add((a & 7) << 28).wrapping_sub(a >> 3 & 1), a);
    }
}

#[test]
fn soft_nan_is_one_pattern() {
    let (infinity, nan) = (SoftSingle::from_bits(0x7f80_0000), SoftSingle::from_bits(0xffff_ffff));
    let root = Ieee::sqrt(-infinity);
    for result in [infinity - infinity, nan + infinity, -nan * nan, infinity / infinity, root] {
        assert_eq!(result.to_bits(), 0x7fc0_0000);
        assert_eq!(result.widen().to_bits(), 0x7ff8_0000_0000_0000);
        assert_eq!(result.widen().narrow().to_bits(), 0x7fc0_0000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn soft_single_is_the_machines(a: u32, b: u32) {
        check_single(a, b);
    }

    #[test]
    fn soft_double_is_the_machines(a: u64, b: u64) {
        check_double(a, b);
    }
}
