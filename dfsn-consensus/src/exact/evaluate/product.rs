//! Linear layers and convolutions: an exact sum of products of integers, then a few roundings in order.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

use super::super::ieee::{Double, Single};
use super::super::op::{LIMIT_ROW, Window};
use super::super::quantise::Scale;
use super::super::tensor::WeightId;
use super::{At, EvaluateError, Source, Value};

/// What a convolution adds after its bias.
#[derive(Clone, Copy)]
pub(super) struct Added {
    pub(super) embedding: bool,
    pub(super) residual: bool,
}

pub(super) fn linear<F: Single>(
    at: &At<'_, impl Source>,
    weight: WeightId,
    bias: Option<WeightId>,
) -> Result<Value, EvaluateError> {
    let width = at.input_spec(0)?.width();
    let (row, channel) = at.split(at.index, at.place.width())?;
    let start = row.saturating_mul(width);
    let values = at.shorts(0, start..start.saturating_add(width))?;
    let (weights, scale) = at.row(weight, channel, width)?;
    let max = at.float(1, row)?;
    let mut y = scaled::<F>(dot(&values, &weights), scale, max, LIMIT_ROW);
    if let Some(bias) = bias {
        y = y + F::from_bits(at.vector_at(bias, channel)?);
    }
    if at.op.inputs.len() > 2 {
        y = y + F::from_bits(at.float(2, at.index)?);
    }
    Ok(Value::F32(y.to_bits()))
}

pub(super) fn conv<F: Single>(
    at: &At<'_, impl Source>,
    (weight, bias): (WeightId, WeightId),
    window: Window,
    limit: i32,
    added: Added,
) -> Result<Value, EvaluateError> {
    let (&[height, width, channels], &[_, out_width, outputs]) =
        (at.input_spec(0)?.dims.as_slice(), at.place.dims.as_slice())
    else {
        return Err(at.none);
    };
    let (pixel, channel) = at.split(at.index, outputs)?;
    let (row, column) = at.split(pixel, out_width)?;
    let taps = window.kernel.saturating_mul(window.kernel);
    let (weights, scale) = at.row(weight, channel, taps.saturating_mul(channels))?;
    let mut taken = weights.chunks_exact(channels.max(1));
    let mut sum = 0_i64;
    for (y, x) in (0..window.kernel).flat_map(|y| (0..window.kernel).map(move |x| (y, x))) {
        let weights = taken.next().ok_or(at.none)?;
        let (Some(y), Some(x)) = (
            source_index(row, y, window, height, window.upsample.map(|(height, _)| height)),
            source_index(column, x, window, width, window.upsample.map(|(_, width)| width)),
        ) else {
            continue;
        };
        let start = y.saturating_mul(width).saturating_add(x).saturating_mul(channels);
        let values = at.shorts(0, start..start.saturating_add(channels))?;
        sum = sum.wrapping_add(dot(&values, weights));
    }
    let mut y = scaled::<F>(sum, scale, at.float(1, 0)?, limit) + F::from_bits(at.vector_at(bias, channel)?);
    if added.embedding {
        y = y + F::from_bits(at.float(2, channel)?);
    }
    if added.residual {
        let position = if added.embedding { 3 } else { 2 };
        y = y + F::from_bits(at.float(position, at.index)?);
    }
    Ok(Value::F32(y.to_bits()))
}

/// Where a window's row or column lies in the input; `None` in the padding. `doubled` is the size that the input is
/// enlarged to first: index `i` of it is index `floor(i * size / doubled)` of the input.
pub fn source_index(
    out: usize,
    tap: usize,
    window: Window,
    size: usize,
    doubled: Option<usize>,
) -> Option<usize> {
    let place = out.checked_mul(window.stride)?.checked_add(tap)?.checked_sub(window.padding)?;
    match doubled {
        None => (place < size).then_some(place),
        Some(doubled) if place < doubled => place.checked_mul(size)?.checked_div(doubled),
        Some(_) => None,
    }
}

/// The exact sum; the program's builder has checked that it stays below 2^47.
pub(super) fn dot(left: &[i16], right: &[i16]) -> i64 {
    left.iter()
        .zip(right)
        .fold(0, |sum: i64, (left, right)| sum.wrapping_add(i64::from(*left).wrapping_mul(i64::from(*right))))
}

/// `RN32(RN64(sum * s_w) * s_a)`.
fn scaled<F: Single>(sum: i64, weight_scale: u32, max: u32, limit: i32) -> F {
    let weight_scale = F::from_bits(weight_scale).widen();
    let scale = Scale::<F>::of(max, limit.unsigned_abs()).s.widen();
    (<F::Double as Double>::from_i64(sum) * weight_scale * scale).narrow()
}
