//! Ops without sums: expressions, noise, the same numbers elsewhere.

use super::super::expression::Expression;
use super::super::ieee::Single;
use super::super::noise::normal;
use super::{At, EvaluateError, Source, Value, finite, magnitude};

pub(super) fn elementwise<F: Single>(
    at: &At<'_, impl Source>,
    expression: &Expression,
) -> Result<Value, EvaluateError> {
    let input = |position| -> Result<F, EvaluateError> { Ok(F::from_bits(at.float(position, at.index)?)) };
    let inputs = (0..expression.inputs()).map(input).collect::<Result<Vec<F>, _>>()?;
    let bits = expression.evaluate(&inputs).map_err(|_| at.none)?.to_bits();
    finite(magnitude(bits))?;
    Ok(Value::F32(bits))
}

pub(super) fn noise<F: Single>(
    at: &At<'_, impl Source>,
    seed: u32,
    offset: usize,
) -> Result<Value, EvaluateError> {
    let number: F = normal(seed, offset, at.place.len(), at.index).ok_or(at.none)?;
    Ok(Value::F32(number.to_bits()))
}

pub(super) fn transpose(at: &At<'_, impl Source>, rows: usize) -> Result<Value, EvaluateError> {
    let (column, row) = at.split(at.index, rows)?;
    let columns = at.place.len().checked_div(rows).ok_or(at.none)?;
    Ok(Value::F32(at.float(0, row.saturating_mul(columns).saturating_add(column))?))
}

pub(super) fn part(at: &At<'_, impl Source>, start: usize) -> Result<Value, EvaluateError> {
    Ok(Value::F32(at.float(0, start.saturating_add(at.index))?))
}

pub(super) fn join(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
    let mut index = at.index;
    for position in 0..at.op.inputs.len() {
        let length = at.input_spec(position)?.len();
        match index.checked_sub(length) {
            Some(rest) => index = rest,
            None => return Ok(Value::F32(at.float(position, index)?)),
        }
    }
    Err(at.none)
}
