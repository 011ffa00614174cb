//! exp32, sigmoid, SiLU and GELU, in the order of operations that the specification fixes.
#![allow(clippy::excessive_precision, reason = "the decimals are the specification's")]

use super::SimdError;
use super::dispatch::for_each_isa;
use super::error::expect_len;
use super::{Kernels, check_environment};

/// Adding it rounds to an integer, halves to even, which its low bits then hold: for magnitudes below 2^22.
const ROUNDER: f32 = 12_582_912.0;

/// rne(x) for |x| < 2^22.
#[inline(always)]
pub(crate) fn round_to_i32(x: f32) -> i32 {
    (x + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i32
}

/// e^x within 0.97 ulp; x is taken into [-87, 88] first.
#[inline(always)]
#[must_use]
pub fn exp32(x: f32) -> f32 {
    const P: [f32; 6] = [
        1.987_569_15e-4,
        1.398_199_950_7e-3,
        8.333_451_907_3e-3,
        4.166_579_589_4e-2,
        1.666_666_545_9e-1,
        5.000_000_120_1e-1,
    ];
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let whole = x * std::f32::consts::LOG2_E + ROUNDER;
    let exponent = whole.to_bits().wrapping_sub(ROUNDER.to_bits());
    let whole = whole - ROUNDER;
    let r = x - whole * 0.693_359_375 - whole * -2.121_944_4e-4;
    let mut p = P[0];
    for c in &P[1..] {
        p = p * r + c;
    }
    let p = p * (r * r) + r + 1.0;
    // The exponent is within -126 and 127.
    p * f32::from_bits(exponent.wrapping_add(127) << 23)
}

/// x * sigmoid(x).
#[inline(always)]
#[must_use]
pub fn silu(x: f32) -> f32 {
    x / (1.0 + exp32(-x))
}

/// CLIP's approximation: x * sigmoid(1.702 * x).
#[inline(always)]
#[must_use]
pub fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp32(-(1.702 * x)))
}

/// x times the normal distribution up to x, within 4.2e-7 (Abramowitz and Stegun 7.1.26).
#[inline(always)]
#[must_use]
pub fn gelu(x: f32) -> f32 {
    let a = f32::from_bits(x.to_bits() & 0x7fff_ffff);
    let z = a * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let mut p = t * 1.061_405_429 + -1.453_152_027;
    p = t * p + 1.421_413_741;
    p = t * p + -0.284_496_736;
    p = t * p + 0.254_829_592;
    p *= t;
    let w = (p * exp32(-(z * z))) * 0.5;
    if x >= 0.0 { x * (1.0 - w) } else { x * w }
}

for_each_isa! {
    fn silu_slice(x: &[f32], out: &mut [f32]) {
        for (y, &x) in out.iter_mut().zip(x) { *y = silu(x); }
    }
}
for_each_isa! {
    fn quick_gelu_slice(x: &[f32], out: &mut [f32]) {
        for (y, &x) in out.iter_mut().zip(x) { *y = quick_gelu(x); }
    }
}
for_each_isa! {
    fn gelu_slice(x: &[f32], out: &mut [f32]) {
        for (y, &x) in out.iter_mut().zip(x) { *y = gelu(x); }
    }
}
for_each_isa! {
    pub(crate) fn geglu_row(value: &[f32], gate: &[f32], out: &mut [f32]) {
        for ((y, &value), &gate) in out.iter_mut().zip(value).zip(gate) { *y = value * gelu(gate); }
    }
}

/// An activation of whole slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// [`silu`]
    Silu,
    /// [`quick_gelu`]
    QuickGelu,
    /// [`gelu`]
    Gelu,
}

/// `out[i] = activation(x[i])`, on the calling thread.
///
/// # Errors
/// If the lengths differ, or the thread's floating-point environment is not the default.
pub fn activate(
    kernels: Kernels,
    activation: Activation,
    x: &[f32],
    out: &mut [f32],
) -> Result<(), SimdError> {
    check_environment()?;
    expect_len("the output", out.len(), x.len())?;
    match activation {
        Activation::Silu => silu_slice(kernels, x, out),
        Activation::QuickGelu => quick_gelu_slice(kernels, x, out),
        Activation::Gelu => gelu_slice(kernels, x, out),
    }
    Ok(())
}
