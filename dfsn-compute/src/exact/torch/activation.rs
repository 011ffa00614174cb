//! The nonlinear functions, operation by operation as [`dfsn_consensus::exact::activation`] writes them.

use dfsn_consensus::exact::Activation;
use dfsn_consensus::exact::activation::{
    ERF, ERF_SLOPE, EXP, EXP2_NEG, LEAST_EXPONENT, LN_2_HIGH, LN_2_LOW, LOG2_E, MOST_EXPONENT, MOST_SHIFT,
    MOST_WEIGHT, QUICK_GELU_SLOPE, ROOT_OF_HALF, TWO_TO_29,
};

use super::Result;
use super::array::Array;
use super::number::{horner, magnitudes, select};

pub(super) fn activated(activation: Activation, x: &Array<f32>) -> Result<Array<f32>> {
    match activation {
        Activation::Silu => silu(x),
        Activation::QuickGelu => {
            let slope = x.constant(f32::from_bits(QUICK_GELU_SLOPE))?;
            Ok(x.div(&one_and_exp_of_minus(&slope.mul(x)?)?)?)
        }
        Activation::Gelu => gelu_erf(x),
    }
}

pub(super) fn silu(x: &Array<f32>) -> Result<Array<f32>> {
    Ok(x.div(&one_and_exp_of_minus(x)?)?)
}

fn one_and_exp_of_minus(x: &Array<f32>) -> Result<Array<f32>> {
    Ok(x.constant(1.0_f32)?.add(&exp32(&x.negate()?)?)?)
}

fn exp32(x: &Array<f32>) -> Result<Array<f32>> {
    let constant = |bits| x.constant(f32::from_bits(bits));
    let x = select(x, &constant(LEAST_EXPONENT)?, &constant(MOST_EXPONENT)?)?;
    // What a NaN becomes does not matter: every result below is a NaN, too.
    let power = x.mul(&constant(LOG2_E)?)?.round()?.to_ints()?;
    let n = power.to_doubles()?.to_singles()?;
    let r = x.sub(&n.mul(&constant(LN_2_HIGH)?)?)?.sub(&n.mul(&constant(LN_2_LOW)?)?)?;
    let value = horner(&r, &EXP)?.mul(&r.mul(&r)?)?.add(&r)?.add(&x.constant(1.0_f32)?)?;
    // The bits of a power of two from 2^-126 to 2^127.
    let power = power.add(&x.constant(127_i32)?)?.mul(&x.constant(1_i32 << 23)?)?;
    Ok(value.mul(&power.floats()?)?)
}

pub(super) fn gelu_erf(x: &Array<f32>) -> Result<Array<f32>> {
    let constant = |bits| x.constant(f32::from_bits(bits));
    let one = x.constant(1.0_f32)?;
    let z = magnitudes(x)?.floats()?.mul(&constant(ROOT_OF_HALF)?)?;
    let t = one.div(&one.add(&constant(ERF_SLOPE)?.mul(&z)?)?)?;
    let series = t.mul(&horner(&t, &ERF)?)?;
    let beyond = series.mul(&exp32(&z.mul(&z)?.negate()?)?)?.mul(&x.constant(0.5_f32)?)?;
    let below_zero = x.less(&x.constant(0.0_f32)?)?;
    Ok(below_zero.choose(&x.mul(&beyond)?, &x.mul(&one.sub(&beyond)?)?)?)
}

/// The weights of keys: `distance` is the row's largest score less the key's, `factor` the head's, `offsets` the keys'
/// in units of 2^-29.
pub(super) fn attention_weights(
    distance: &Array<i64>,
    factor: &Array<f32>,
    offsets: &Array<i32>,
) -> Result<Array<i32>> {
    let half = distance.shift_right(&distance.constant(1_i64)?)?;
    let t = half.to_doubles()?.to_singles()?.mul(factor)?;
    let most = t.constant(f32::from_bits(MOST_SHIFT))?;
    let t = most.less(&t)?.choose(&most, &t)?;
    let whole = t.trunc()?;
    let power = horner(&t.sub(&whole)?, &EXP2_NEG)?;
    let power = power.mul(&t.constant(f32::from_bits(TWO_TO_29))?)?.trunc()?.to_ints()?;
    let weight = power.shift_right(&whole.to_ints()?)?.add(offsets)?.shift_right(&t.constant(15_i32)?)?;
    let most = t.constant(MOST_WEIGHT)?;
    Ok(most.less(&weight)?.choose(&most, &weight)?)
}
