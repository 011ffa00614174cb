//! Ops that see one row at a time: they normalise it, gate it, quantise it.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

use super::super::activation::geglu;
use super::super::ieee::{Double, Single};
use super::super::norm::{Moments, normalise};
use super::super::op::{Affine, LIMIT_ROW, LIMIT_STATISTICS, OpKind};
use super::super::quantise::{Scale, quantise};
use super::embed::activated;
use super::{At, EvaluateError, Source, Value, finite, magnitude, short};

/// Output 0 holds the rows, output 1, if there is one, the largest magnitude of each.
pub(super) fn row_op<F: Single>(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let (row, channel) = match at.output {
        0 => at.split(at.index, at.place.width())?,
        _ => (at.index, 0),
    };
    let x = input_row::<F>(at, row)?;
    let y = computed(at, x)?;
    let value = || y.get(channel).copied().ok_or(at.none);
    if at.op.outputs.len() == 1 {
        return Ok(Value::F32(value()?.to_bits()));
    }
    let max = finite(y.iter().fold(0, |max, y| max.max(magnitude(y.to_bits()))))?;
    Ok(match at.output {
        0 => short(quantise(value()?, &Scale::of(max, LIMIT_ROW.unsigned_abs()))),
        _ => Value::F32(max),
    })
}

fn input_row<F: Single>(at: &At<'_, impl Source>, row: usize) -> Result<Vec<F>, EvaluateError> {
    let width = at.input_spec(0)?.width();
    let start = row.saturating_mul(width);
    let bits = at.floats(0, start..start.saturating_add(width))?;
    Ok(bits.iter().map(|bits| F::from_bits(*bits)).collect())
}

/// The row before it is quantised.
fn computed<F: Single>(at: &At<'_, impl Source>, x: Vec<F>) -> Result<Vec<F>, EvaluateError> {
    Ok(match &at.op.kind {
        OpKind::ActivateQuant(activation) => x.into_iter().map(|x| activated(*activation, x)).collect(),
        OpKind::GegluQuant => {
            let (values, gates) = x.split_at(x.len().div_euclid(2));
            values.iter().zip(gates).map(|(value, gate)| geglu(*value, *gate)).collect()
        }
        OpKind::LayerNorm(affine, eps) | OpKind::LayerNormQuant(affine, eps) => {
            layer_norm(at, &x, *affine, *eps)?
        }
        OpKind::NormQuantRow(affine) => group_normalised(at, &x, *affine)?,
        _ => x,
    })
}

fn layer_norm<F: Single>(
    at: &At<'_, impl Source>,
    x: &[F],
    affine: Affine,
    eps: u64,
) -> Result<Vec<F>, EvaluateError> {
    let max = finite(x.iter().fold(0, |max, x| max.max(magnitude(x.to_bits()))))?;
    let scale = Scale::<F>::of(max, LIMIT_STATISTICS.unsigned_abs());
    let (mut s1, mut s2) = (0_i64, 0_i64);
    for value in x.iter().map(|x| i64::from(quantise(*x, &scale))) {
        s1 = s1.wrapping_add(value);
        s2 = s2.wrapping_add(value.wrapping_mul(value));
    }
    let count = u32::try_from(x.len()).map_err(|_| at.none)?;
    let moments = Moments::new(count, s1, s2).ok_or(at.none)?;
    let (mean, rstd) = moments.statistics(scale.s, F::Double::from_bits(eps));
    let gamma = at.plain(affine.gamma, 0, 0..x.len())?;
    let beta = at.plain(affine.beta, 0, 0..x.len())?;
    let row = x.iter().zip(gamma.iter()).zip(beta.iter());
    Ok(row
        .map(|((x, gamma), beta)| normalise(*x, mean, rstd * F::from_bits(*gamma), F::from_bits(*beta)))
        .collect())
}

/// One pixel of an image, each channel by its group's mean and deviation.
fn group_normalised<F: Single>(
    at: &At<'_, impl Source>,
    x: &[F],
    affine: Affine,
) -> Result<Vec<F>, EvaluateError> {
    let groups = at.input_spec(1)?.rows();
    let stats = at.floats(1, 0..groups.saturating_mul(2))?;
    let size = x.len().checked_div(groups).ok_or(at.none)?;
    let gamma = at.plain(affine.gamma, 0, 0..x.len())?;
    let beta = at.plain(affine.beta, 0, 0..x.len())?;
    let (stats, _) = stats.as_chunks::<2>();
    let groups =
        x.chunks(size.max(1)).zip(gamma.chunks(size.max(1))).zip(beta.chunks(size.max(1))).zip(stats);
    Ok(groups
        .flat_map(|(((x, gamma), beta), [mean, rstd])| {
            let (mean, rstd) = (F::from_bits(*mean), F::from_bits(*rstd));
            x.iter().zip(gamma).zip(beta).map(move |((x, gamma), beta)| {
                normalise(*x, mean, rstd * F::from_bits(*gamma), F::from_bits(*beta))
            })
        })
        .collect())
}
