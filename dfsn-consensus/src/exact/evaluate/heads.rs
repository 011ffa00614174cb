//! Attention: heads quantised each by its own scale, scores as integers, weights as integers.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

use super::super::activation::attention_weight;
use super::super::ieee::{Double, Single};
use super::super::op::{LIMIT_QUERY, LIMIT_VALUE, block_rows};
use super::super::quantise::{Scale, quantise};
use super::product::dot;
use super::{At, EvaluateError, Source, Value, finite, magnitude, short};

/// log2(e), bits of an f64.
const LOG2_E: u64 = 0x3FF7_1547_652B_82FE;

pub(super) fn max_part(at: &At<'_, impl Source>, heads: usize) -> Result<Value, EvaluateError> {
    let spec = at.input_spec(0)?;
    let (rows, width) = (spec.rows(), spec.width());
    let (head, block) = at.split(at.index, at.place.width())?;
    let depth = width.checked_div(heads).ok_or(at.none)?;
    let first = block.saturating_mul(block_rows(width));
    let mut max = 0;
    for row in first..rows.min(first.saturating_add(block_rows(width))) {
        let start = row.saturating_mul(width).saturating_add(head.saturating_mul(depth));
        let values = at.floats(0, start..start.saturating_add(depth))?;
        max = values.iter().fold(max, |max, bits| max.max(magnitude(*bits)));
    }
    Ok(Value::F32(max))
}

pub(super) fn max(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let blocks = at.input_spec(0)?.width();
    let start = at.index.saturating_mul(blocks);
    let parts = at.floats(0, start..start.saturating_add(blocks))?;
    Ok(Value::F32(finite(parts.iter().fold(0, |max, bits| max.max(magnitude(*bits))))?))
}

pub(super) fn quant<F: Single>(
    at: &At<'_, impl Source>,
    heads: usize,
    limit: i32,
    transposed: bool,
) -> Result<Value, EvaluateError> {
    let spec = at.input_spec(0)?;
    let (rows, width) = (spec.rows(), spec.width());
    let depth = width.checked_div(heads).ok_or(at.none)?;
    let (head, rest) = at.split(at.index, rows.saturating_mul(depth))?;
    let (row, channel) = if transposed {
        let (channel, row) = at.split(rest, rows)?;
        (row, channel)
    } else {
        at.split(rest, depth)?
    };
    let place = row.saturating_mul(width).saturating_add(head.saturating_mul(depth)).saturating_add(channel);
    let scale = Scale::<F>::of(at.float(1, head)?, limit.unsigned_abs());
    Ok(short(quantise(F::from_bits(at.float(0, place)?), &scale)))
}

/// Bits that scores of this depth are shifted by, so that they fit i32: the least with
/// `depth * 8191^2 >> shift < 2^31`.
pub fn score_shift(depth: usize) -> u32 {
    let greatest = (depth as u64).saturating_mul(u64::from(LIMIT_QUERY.unsigned_abs()).saturating_pow(2));
    (0..63).find(|shift| greatest.wrapping_shr(*shift) < 1 << 31).unwrap_or(63)
}

/// The factor from differences of scores, halved, to exponents of two: `s_q * s_k * 2^(shift + 1) * log2(e) / sqrt(depth)`.
/// `max_query` and `max_key` are the heads' largest magnitudes.
pub fn score_factor<F: Single>(max_query: u32, max_key: u32, depth: usize) -> F {
    let limit = LIMIT_QUERY.unsigned_abs();
    let (query, key) = (Scale::<F>::of(max_query, limit).s, Scale::<F>::of(max_key, limit).s);
    (query.widen() * key.widen() * score_kappa(depth)).narrow()
}

/// The part of [`score_factor`] that the depth decides.
pub fn score_kappa<D: Double>(depth: usize) -> D {
    let integer = |value: u64| D::from_i64(i64::try_from(value).unwrap_or(i64::MAX));
    let power = integer(1_u64.wrapping_shl(score_shift(depth).saturating_add(1)));
    power * D::from_bits(LOG2_E) / integer(depth as u64).sqrt()
}

pub(super) fn attention<F: Single>(at: &At<'_, impl Source>, causal: bool) -> Result<Value, EvaluateError> {
    let (&[heads, rows, depth], &[_, tokens, _]) =
        (at.input_spec(0)?.dims.as_slice(), at.input_spec(2)?.dims.as_slice())
    else {
        return Err(at.none);
    };
    let (row, place) = at.split(at.index, heads.saturating_mul(depth))?;
    let (head, channel) = at.split(place, depth)?;
    let start = head.saturating_mul(rows).saturating_add(row).saturating_mul(depth);
    let query = at.shorts(0, start..start.saturating_add(depth))?;
    let seen = if causal { tokens.min(row.saturating_add(1)) } else { tokens };
    let start = head.saturating_mul(tokens).saturating_mul(depth);
    let keys = at.shorts(2, start..start.saturating_add(seen.saturating_mul(depth)))?;
    let scores: Vec<i32> =
        keys.chunks_exact(depth.max(1)).map(|key| score(&query, key, score_shift(depth))).collect();
    let factor = factor::<F>(at, [1, 3], head, depth)?;
    let start = head.saturating_mul(depth).saturating_add(channel).saturating_mul(tokens);
    let values = at.shorts(4, start..start.saturating_add(seen))?;
    mean::<F>(&scores, factor, &values, at.float(5, head)?, at.none)
}

pub(super) fn scores(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let (&[_, rows, depth], &[_, tokens, _]) =
        (at.input_spec(0)?.dims.as_slice(), at.input_spec(1)?.dims.as_slice())
    else {
        return Err(at.none);
    };
    let (place, token) = at.split(at.index, tokens)?;
    let (head, _) = at.split(place, rows)?;
    let start = place.saturating_mul(depth);
    let query = at.shorts(0, start..start.saturating_add(depth))?;
    let start = head.saturating_mul(tokens).saturating_add(token).saturating_mul(depth);
    let key = at.shorts(1, start..start.saturating_add(depth))?;
    Ok(Value::I32(score(&query, &key, score_shift(depth))))
}

pub(super) fn attend<F: Single>(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let (&[heads, rows, tokens], &[_, depth, _]) =
        (at.input_spec(0)?.dims.as_slice(), at.input_spec(3)?.dims.as_slice())
    else {
        return Err(at.none);
    };
    let (row, place) = at.split(at.index, heads.saturating_mul(depth))?;
    let (head, channel) = at.split(place, depth)?;
    let start = head.saturating_mul(rows).saturating_add(row).saturating_mul(tokens);
    let scores = at.ints(0, start..start.saturating_add(tokens))?;
    let factor = factor::<F>(at, [1, 2], head, depth)?;
    let start = head.saturating_mul(depth).saturating_add(channel).saturating_mul(tokens);
    let values = at.shorts(3, start..start.saturating_add(tokens))?;
    mean::<F>(&scores, factor, &values, at.float(4, head)?, at.none)
}

/// Below 2^31 by the choice of the shift.
fn score(query: &[i16], key: &[i16], shift: u32) -> i32 {
    i32::try_from(dot(query, key).wrapping_shr(shift)).unwrap_or(i32::MAX)
}

/// A head's factor, from the inputs with the largest magnitudes of queries and keys.
fn factor<F: Single>(
    at: &At<'_, impl Source>,
    [query, key]: [usize; 2],
    head: usize,
    depth: usize,
) -> Result<F, EvaluateError> {
    let factor = score_factor::<F>(at.float(query, head)?, at.float(key, head)?, depth);
    finite(factor.to_bits())?;
    Ok(factor)
}

/// The values' mean, weighed by the scores.
fn mean<F: Single>(
    scores: &[i32],
    factor: F,
    values: &[i16],
    max_value: u32,
    none: EvaluateError,
) -> Result<Value, EvaluateError> {
    let max = scores.iter().copied().max().ok_or(none)?;
    let (mut weights, mut sum) = (0_i64, 0_i64);
    for ((key, score), value) in (0_u32..).zip(scores).zip(values) {
        // The difference of two i32 as u32 is exact, since the greater comes first.
        let weight = i64::from(attention_weight(max.wrapping_sub(*score).cast_unsigned(), factor, key));
        weights = weights.wrapping_add(weight);
        sum = sum.wrapping_add(weight.wrapping_mul(i64::from(*value)));
    }
    let scale = Scale::<F>::of(max_value, LIMIT_VALUE.unsigned_abs()).s;
    let mean = <F::Double as Double>::from_i64(sum) / <F::Double as Double>::from_i64(weights);
    Ok(Value::F32((mean * scale.widen()).narrow().to_bits()))
}
