//! The nonlinear functions of binary32: the same bits on soft floats and on the machine's, near the true values.

use std::f64::consts::SQRT_2;

use dfsn_consensus::exact::activation::{
    attention_weight, exp2_neg, exp32, geglu, gelu_erf, quick_gelu, sigmoid, silu,
};
use dfsn_consensus::exact::ieee::Single;
use dfsn_consensus::exact::soft::SoftSingle;

use super::Random;

/// A name, the function on the machine's floats, and on soft ones.
type Both = (&'static str, fn(f32) -> f32, fn(SoftSingle) -> SoftSingle);

const FUNCTIONS: [Both; 6] = [
    ("exp32", exp32, exp32),
    ("sigmoid", sigmoid, sigmoid),
    ("silu", silu, silu),
    ("quick_gelu", quick_gelu, quick_gelu),
    ("gelu_erf", gelu_erf, gelu_erf),
    ("exp2_neg", exp2_neg, exp2_neg),
];

const EDGES: [u32; 22] = [
    0x0000_0000,
    0x0000_0001,
    0x007f_ffff,
    0x0080_0000,
    0x3300_0000, // 2^-25
    0x3eb1_7218, // ln(2)/2
    0x3f31_7218, // ln(2)
    0x3f80_0000, // 1
    0x42ad_ffff,
    0x42ae_0000, // 87
    0x42ae_0001,
    0x42af_ffff,
    0x42b0_0000, // 88
    0x42b0_0001,
    0x42b1_7218,
    0x5f00_0000, // 2^63
    0x7e0a_d78f, // 4.6e37
    0x7e80_0000,
    0x7f7f_ffff, // the largest
    0x7f80_0000, // infinity
    0x7f80_0001, // a signalling NaN
    0x7fc0_0000, // a quiet NaN
];

fn same(name: &str, operands: &[u32], hard: f32, soft: SoftSingle) {
    let soft = f32::from_bits(soft.to_bits());
    let same = soft.to_bits() == hard.to_bits() || (soft.is_nan() && hard.is_nan());
    assert!(same, "{name} of {operands:08x?}: {:08x}, not {:08x}", soft.to_bits(), hard.to_bits());
}

fn check(bits: u32) {
    for (name, hard, soft) in FUNCTIONS {
        same(name, &[bits], hard(f32::from_bits(bits)), soft(SoftSingle::from_bits(bits)));
    }
}

#[test]
fn activations_give_the_same_bits_on_soft_floats() {
    for bits in EDGES {
        check(bits);
        check(bits | 1 << 31);
    }
    let mut random = Random(5);
    for _ in 0..200_000 {
        let bits = random.next() as u32;
        check(bits);
        // Exponents from -20 to 7.
        check(bits & 0x807f_ffff | (107 + random.below(27) as u32) << 23);
        let (value, gate) = (random.next() as u32, bits);
        let hard = geglu(f32::from_bits(value), f32::from_bits(gate));
        same("geglu", &[value, gate], hard, geglu(SoftSingle::from_bits(value), SoftSingle::from_bits(gate)));
    }
}

#[test]
fn attention_weights_are_the_same_on_soft_floats() {
    let mut random = Random(6);
    for round in 0..400_000 {
        let below = (random.next() >> 32) as u32 >> random.below(32);
        let c = match round % 4 {
            0 => random.next() as u32,
            // From 2^-40 to 2^5.
            _ => random.next() as u32 & 0x007f_ffff | (87 + random.below(45) as u32) << 23,
        };
        let key = (random.next() >> 40) as u32;
        let hard = attention_weight(below, f32::from_bits(c), key);
        assert_eq!(hard, attention_weight(below, SoftSingle::from_bits(c), key), "{below} {c:08x} {key}");
        if c <= 0x7f80_0000 {
            assert!((0..=16_383).contains(&hard), "{below} {c:08x} {key}: {hard}");
        }
    }
}

/// Every `step`th float from one to another of the same sign.
fn floats(from: f32, to: f32, step: usize) -> impl Iterator<Item = f32> {
    (from.to_bits()..=to.to_bits()).step_by(step).map(f32::from_bits)
}

/// What one unit in the last place of a float near `value` is.
fn unit(value: f64) -> f64 {
    let exponent = ((value.abs().to_bits() >> 52) as i32 - 1023).max(-126);
    2f64.powi(exponent - 23)
}

/// The largest error of a function in units of the last place.
fn error(of: fn(f32) -> f32, truth: fn(f64) -> f64, arguments: impl Iterator<Item = f32>) -> f64 {
    arguments.fold(0.0, |worst, x| {
        let y = truth(x.into());
        worst.max((f64::from(of(x)) - y).abs() / unit(y))
    })
}

#[test]
fn exp32_is_within_a_unit() {
    let all = floats(1e-9, 88.0, 307).chain(floats(-1e-9, -87.0, 307));
    let worst = error(exp32, f64::exp, all);
    assert!(worst < 1.0, "{worst}");
    assert_eq!(exp32(1e30).to_bits(), exp32(88f32).to_bits());
    assert_eq!(exp32(f32::NEG_INFINITY).to_bits(), exp32(-87f32).to_bits());
}

#[test]
fn sigmoid_and_silu_are_within_three_units() {
    let all = || floats(1e-9, 88.0, 307).chain(floats(-1e-9, -87.0, 307));
    let worst = error(silu, |x| x / (1.0 + (-x).exp()), all());
    assert!(worst < 2.45, "{worst}");
    let worst = error(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), all());
    assert!(worst < 2.5, "{worst}");
}

#[test]
fn silu_is_at_most_its_argument_and_small_below_zero() {
    let least = f32::from_bits(0x3e8e_978d);
    for x in floats(0.0, f32::MAX, 601) {
        let y = silu(x);
        assert!((0.0..=x).contains(&y), "{x}: {y}");
    }
    for x in floats(-0.0, -4e37, 601) {
        let y = silu(x);
        assert!((-least..=0.0).contains(&y), "{x}: {y}");
    }
}

#[test]
fn exp2_neg_is_close_and_at_most_one() {
    for f in floats(0.0, 1.0, 307).filter(|f| *f < 1.0) {
        let power = exp2_neg(f);
        let relative = (f64::from(power) / (-f64::from(f)).exp2() - 1.0).abs();
        assert!(power <= 1.0 && relative < 2.81e-7, "{f}: {power}, off by {relative:e}");
    }
}

/// The chance that a normal deviate is below `x`, by Simpson's rule from 0.
fn normal(x: f64) -> f64 {
    const STEPS: u32 = 400;
    let h = x / f64::from(STEPS);
    let density = |k: u32| (-0.5 * (f64::from(k) * h).powi(2)).exp();
    let inner: f64 = (1..STEPS).map(|k| density(k) * if k % 2 == 1 { 4.0 } else { 2.0 }).sum();
    0.5 + (density(0) + inner + density(STEPS)) * h / 3.0 / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn gelu_is_close_to_its_integral() {
    assert!((normal(SQRT_2) - 0.921_350_396_474_857_3).abs() < 1e-12);
    for k in -6_000i32..=6_000 {
        let x = k as f32 / 1000.0 + 0.000_123;
        let truth = f64::from(x) * normal(x.into());
        let off = (f64::from(gelu_erf(x)) - truth).abs();
        assert!(off < 4.3e-7, "{x}: off by {off:e}");
        let logistic = f64::from(x) / (1.0 + (-1.702 * f64::from(x)).exp());
        let off = (f64::from(quick_gelu(x)) - logistic).abs();
        assert!(off < 7e-7, "{x}: off by {off:e}");
        assert_eq!(geglu(-3.0, x).to_bits(), (-3.0 * gelu_erf(x)).to_bits());
    }
    assert_eq!(gelu_erf(1e30), 1e30);
    assert!(gelu_erf(-1e30).abs() < 1e-6);
}

#[test]
fn attention_weights_sum_to_what_the_softmax_does() {
    // Scores whose weights are all below a half: without offsets they would vanish.
    let mut random = Random(7);
    let c = 1.5e-4f32;
    let truth = |below: u32| 16_384.0 * (-f64::from(c) * f64::from(below / 2)).exp2();
    let (mut sum, mut exact) = (0.0, 0.0);
    for key in (0..4096).cycle().take(100 * 4096) {
        let below = 200_000 + random.below(60_000) as u32;
        let weight = f64::from(attention_weight(below, c, key));
        assert!(weight <= 1.0 && truth(below) < 0.5);
        sum += weight;
        exact += truth(below);
    }
    assert!((sum / exact - 1.0f64).abs() < 0.01, "{sum} of {exact}");
    // The nearest key's weight is the most, whatever its index; one far away has none.
    for key in 0..10_000 {
        assert_eq!(attention_weight(0, c, key), 16_383);
        assert_eq!(attention_weight(u32::MAX, c, key), 0);
        assert_eq!(attention_weight(1, f32::MAX, key), 16_383);
        assert_eq!(attention_weight(2, f32::MAX, key), 0);
    }
}
