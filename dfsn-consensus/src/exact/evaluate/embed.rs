//! Tables, waves and what works element by element.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

use super::super::activation::{gelu_erf, quick_gelu, silu};
use super::super::ieee::{Double, Single};
use super::super::math::{cos, exp, ln, sin};
use super::super::op::Activation;
use super::super::tensor::WeightId;
use super::{At, EvaluateError, Source, Value, first};

pub(super) fn embed<F: Single>(
    at: &At<'_, impl Source>,
    tokens: WeightId,
    positions: WeightId,
) -> Result<Value, EvaluateError> {
    let (place, channel) = at.split(at.index, at.place.width())?;
    let id = first(&at.ints(0, place..place.saturating_add(1))?, at.none)?;
    let token = usize::try_from(id).map_err(|_| at.none)?;
    let of = |weight, row| -> Result<F, EvaluateError> {
        let found = at.plain(weight, row, channel..channel.saturating_add(1))?;
        Ok(F::from_bits(first(&found, at.none)?))
    };
    Ok(Value::F32((of(tokens, token)? + of(positions, place)?).to_bits()))
}

/// Number `t`, wave `i` of `h`: the sine or cosine of `RN32(t * f_i)`, `f_i = RN32(exp(-ln(10000) * i / (h - shift)))`.
pub(super) fn waves<F: Single>(
    at: &At<'_, impl Source>,
    width: usize,
    cosines_first: bool,
    shift: u64,
) -> Result<Value, EvaluateError> {
    let (number, place) = at.split(at.index, width)?;
    let t = F::from_bits(at.float(0, number)?);
    Ok(Value::F32(wave(t, place, width, cosines_first, shift).to_bits()))
}

/// Wave `place` of the `width` waves of a number; the shift in the frequencies as bits of an f64.
pub fn wave<F: Single>(t: F, place: usize, width: usize, cosines_first: bool, shift: u64) -> F {
    let half = width.div_euclid(2);
    let wave = place.checked_rem(half).unwrap_or(0);
    let angle = angle(t, wave, half, shift);
    let is_cosine = (place < half) == cosines_first;
    let value = if is_cosine { cos(angle) } else { sin(angle) };
    value.narrow()
}

fn angle<F: Single>(t: F, wave: usize, half: usize, shift: u64) -> F::Double {
    let integer = |value: usize| <F::Double as Double>::from_i64(i64::try_from(value).unwrap_or(i64::MAX));
    let ten_thousand = <F::Double as Double>::from_i64(10_000);
    let exponent = -ln(ten_thousand) * integer(wave) / (integer(half) - F::Double::from_bits(shift));
    let frequency: F = exp(exponent).narrow();
    (t * frequency).widen()
}

pub(super) fn concat(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let (row, channel) = at.split(at.index, at.place.width())?;
    let left = at.input_spec(0)?.width();
    let (position, channel, width) = match channel.checked_sub(left) {
        None => (0, channel, left),
        Some(channel) => (1, channel, at.input_spec(1)?.width()),
    };
    Ok(Value::F32(at.float(position, row.saturating_mul(width).saturating_add(channel))?))
}

pub(super) fn activate<F: Single>(
    at: &At<'_, impl Source>,
    activation: Activation,
) -> Result<Value, EvaluateError> {
    Ok(Value::F32(activated(activation, F::from_bits(at.float(0, at.index)?)).to_bits()))
}

pub(super) fn activated<F: Single>(activation: Activation, x: F) -> F {
    match activation {
        Activation::Silu => silu(x),
        Activation::QuickGelu => quick_gelu(x),
        Activation::Gelu => gelu_erf(x),
    }
}

pub(super) fn divide<F: Single>(at: &At<'_, impl Source>, divisor: u32) -> Result<Value, EvaluateError> {
    Ok(Value::F32((F::from_bits(at.float(0, at.index)?) / F::from_bits(divisor)).to_bits()))
}
