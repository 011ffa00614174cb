//! GroupNorm over an image, in pieces: extremes of channels, sums of groups, statistics, the normalised image.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

use super::super::activation::silu;
use super::super::ieee::{Double, Single};
use super::super::norm::{Moments, channel_bound, normalise};
use super::super::op::{Affine, JOINED_BLOCKS, LIMIT_RAW, LIMIT_ROW, LIMIT_STATISTICS, block_rows};
use super::super::quantise::{Scale, from_sort_key, quantise, sort_key};
use super::{At, EvaluateError, Source, Value, finite, magnitude, short};

pub(super) fn min_max_part(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let spec = at.input_spec(0)?;
    let (pixels, channels) = (spec.rows(), spec.width());
    let (place, which) = at.split(at.index, 2)?;
    let &[_, blocks, _] = at.place.dims.as_slice() else { return Err(at.none) };
    let (channel, block) = at.split(place, blocks)?;
    let first = block.saturating_mul(block_rows(channels));
    let last = pixels.min(first.saturating_add(block_rows(channels)));
    let keys = (first..last)
        .map(|pixel| at.float(0, pixel.saturating_mul(channels).saturating_add(channel)).map(sort_key));
    extreme(keys, which, at.none)
}

/// The place of the element's scope and the first and last of the blocks that it joins.
fn joined(at: &At<'_, impl Source>) -> Result<(usize, usize, usize), EvaluateError> {
    let (&[_, blocks, _], &[_, joined, _]) = (at.input_spec(0)?.dims.as_slice(), at.place.dims.as_slice())
    else {
        return Err(at.none);
    };
    let (place, which) = at.split(at.index, 2)?;
    let (scope, block) = at.split(place, joined)?;
    let first = block.saturating_mul(JOINED_BLOCKS);
    let last = blocks.min(first.saturating_add(JOINED_BLOCKS));
    let place = |block: usize| scope.saturating_mul(blocks).saturating_add(block).saturating_mul(2);
    Ok((which, place(first), place(last)))
}

pub(super) fn min_max_join(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let (which, first, last) = joined(at)?;
    let parts = at.ints(0, first..last)?;
    let (parts, _) = parts.as_chunks::<2>();
    extreme(parts.iter().map(|both| both.get(which).copied().ok_or(at.none)), which, at.none)
}

pub(super) fn sum_join(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let (which, first, last) = joined(at)?;
    let parts = at.longs(0, first..last)?;
    let (parts, _) = parts.as_chunks::<2>();
    let sum =
        parts.iter().filter_map(|both| both.get(which)).fold(0_i64, |sum, part| sum.wrapping_add(*part));
    Ok(Value::I64(sum))
}

pub(super) fn min_max(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let &[_, blocks, _] = at.input_spec(0)?.dims.as_slice() else { return Err(at.none) };
    let (channel, which) = at.split(at.index, 2)?;
    let start = channel.saturating_mul(blocks).saturating_mul(2);
    let parts = at.ints(0, start..start.saturating_add(blocks.saturating_mul(2)))?;
    let (parts, _) = parts.as_chunks::<2>();
    extreme(
        parts.iter().map(|[least, greatest]| Ok(if which == 0 { *least } else { *greatest })),
        which,
        at.none,
    )
}

fn extreme(
    keys: impl Iterator<Item = Result<i32, EvaluateError>>,
    which: usize,
    none: EvaluateError,
) -> Result<Value, EvaluateError> {
    let mut found = None;
    for key in keys {
        let key = key?;
        found = Some(match found {
            None => key,
            Some(before) if which == 0 => key.min(before),
            Some(before) => key.max(before),
        });
    }
    found.map(Value::I32).ok_or(none)
}

/// The largest magnitude of some channels.
fn channels_max(extremes: &[i32]) -> Result<u32, EvaluateError> {
    finite(extremes.iter().fold(0, |max, key| max.max(magnitude(from_sort_key(*key)))))
}

pub(super) fn image_max(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let extremes = at.ints(0, 0..at.input_spec(0)?.len())?;
    Ok(Value::F32(channels_max(&extremes)?))
}

pub(super) fn quant_image<F: Single>(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let scale = Scale::<F>::of(at.float(1, 0)?, LIMIT_RAW.unsigned_abs());
    Ok(short(quantise(F::from_bits(at.float(0, at.index)?), &scale)))
}

pub(super) fn sum_part<F: Single>(at: &At<'_, impl Source>, groups: usize) -> Result<Value, EvaluateError> {
    let spec = at.input_spec(0)?;
    let (pixels, channels) = (spec.rows(), spec.width());
    let (place, which) = at.split(at.index, 2)?;
    let &[_, blocks, _] = at.place.dims.as_slice() else { return Err(at.none) };
    let (group, block) = at.split(place, blocks)?;
    let size = channels.checked_div(groups).ok_or(at.none)?;
    let start = group.saturating_mul(size).saturating_mul(2);
    let max = channels_max(&at.ints(1, start..start.saturating_add(size.saturating_mul(2)))?)?;
    let scale = Scale::<F>::of(max, LIMIT_STATISTICS.unsigned_abs());
    let first = block.saturating_mul(block_rows(channels));
    let mut sum = 0_i64;
    for pixel in first..pixels.min(first.saturating_add(block_rows(channels))) {
        let start = pixel.saturating_mul(channels).saturating_add(group.saturating_mul(size));
        for bits in at.floats(0, start..start.saturating_add(size))?.iter() {
            let value = i64::from(quantise(F::from_bits(*bits), &scale));
            sum = sum.wrapping_add(if which == 0 { value } else { value.wrapping_mul(value) });
        }
    }
    Ok(Value::I64(sum))
}

pub(super) fn group_stats<F: Single>(
    at: &At<'_, impl Source>,
    count: usize,
    eps: u64,
) -> Result<Value, EvaluateError> {
    let &[groups, blocks, _] = at.input_spec(0)?.dims.as_slice() else { return Err(at.none) };
    let (group, which) = at.split(at.index, 2)?;
    let start = group.saturating_mul(blocks).saturating_mul(2);
    let parts = at.longs(0, start..start.saturating_add(blocks.saturating_mul(2)))?;
    let (parts, _) = parts.as_chunks::<2>();
    let sum = |pick: fn(&[i64; 2]) -> i64| parts.iter().map(pick).fold(0_i64, i64::wrapping_add);
    let count = u32::try_from(count).map_err(|_| at.none)?;
    let moments = Moments::new(count, sum(|[s1, _]| *s1), sum(|[_, s2]| *s2)).ok_or(at.none)?;
    let size = at.input_spec(1)?.rows().checked_div(groups).ok_or(at.none)?;
    let start = group.saturating_mul(size).saturating_mul(2);
    let max = channels_max(&at.ints(1, start..start.saturating_add(size.saturating_mul(2)))?)?;
    let scale = Scale::<F>::of(max, LIMIT_STATISTICS.unsigned_abs()).s;
    let (mean, rstd) = moments.statistics(scale, F::Double::from_bits(eps));
    Ok(Value::F32(if which == 0 { mean } else { rstd }.to_bits()))
}

/// A channel's mean, factor and addend.
fn channel_norm<F: Single>(
    at: &At<'_, impl Source>,
    affine: Affine,
    channel: usize,
    channels: usize,
) -> Result<(F, F, F), EvaluateError> {
    let groups = at.input_spec(1)?.rows();
    let size = channels.checked_div(groups).ok_or(at.none)?;
    let (group, _) = at.split(channel, size)?;
    let start = group.saturating_mul(2);
    let stats = at.floats(1, start..start.saturating_add(2))?;
    let &[mean, rstd] = stats.as_ref() else { return Err(at.none) };
    let gamma = F::from_bits(at.vector_at(affine.gamma, channel)?);
    Ok((F::from_bits(mean), F::from_bits(rstd) * gamma, F::from_bits(at.vector_at(affine.beta, channel)?)))
}

pub(super) fn norm_bound<F: Single>(
    at: &At<'_, impl Source>,
    affine: Affine,
) -> Result<Value, EvaluateError> {
    let channels = at.input_spec(0)?.rows();
    let extremes = at.ints(0, 0..channels.saturating_mul(2))?;
    let (extremes, _) = extremes.as_chunks::<2>();
    let mut bound = 0;
    for (channel, [least, greatest]) in extremes.iter().enumerate() {
        let (mean, factor, addend) = channel_norm::<F>(at, affine, channel, channels)?;
        let [least, greatest] = [least, greatest].map(|key| F::from_bits(from_sort_key(*key)));
        bound = bound.max(channel_bound(least, greatest, mean, factor, addend));
    }
    Ok(Value::F32(finite(bound)?))
}

pub(super) fn norm_quant_image<F: Single>(
    at: &At<'_, impl Source>,
    affine: Affine,
) -> Result<Value, EvaluateError> {
    let channels = at.place.width();
    let (_, channel) = at.split(at.index, channels)?;
    let (mean, factor, addend) = channel_norm::<F>(at, affine, channel, channels)?;
    let y = silu(normalise(F::from_bits(at.float(0, at.index)?), mean, factor, addend));
    let value = quantise(y, &Scale::of(at.float(2, 0)?, LIMIT_ROW.unsigned_abs()));
    // The bound holds down to y = -4e37 only.
    Ok(short(value.clamp(LIMIT_ROW.saturating_neg(), LIMIT_ROW)))
}
