//! Where an operation fails: the least element that has no value (EXA-31).

use super::super::ieee::Single;
use super::super::op::{Op, OpKind};
use super::super::program::Program;
use super::super::tensor::TensorSpec;
use super::{EvaluateError, Source, evaluate_element};

/// The least element of an operation's first output that has no value, if there is one.
///
/// # Errors
/// [`EvaluateError`] where the operation does not exist, or the source lacks what it reads.
pub fn first_failure<F: Single>(
    program: &Program,
    op: usize,
    source: &impl Source,
) -> Result<Option<usize>, EvaluateError> {
    let none = EvaluateError::NoSuchElement { op, output: 0, index: 0 };
    let operation = program.ops().get(op).ok_or(none)?;
    let place = operation.outputs.first().and_then(|id| program.tensor(*id)).ok_or(none)?;
    let (end, step) = candidates(program, operation, place);
    for index in (0..end).step_by(step.max(1)) {
        match evaluate_element::<F>(program, op, 0, index, source) {
            Ok(_) => {}
            Err(EvaluateError::NotFinite { .. }) => return Ok(Some(index)),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Elements that can be the first one: those of one scope fail together, so that its first one tells. An end and a step.
fn candidates(program: &Program, op: &Op, place: &TensorSpec) -> (usize, usize) {
    let (length, width) = (place.len(), place.width());
    match &op.kind {
        OpKind::QuantRow
        | OpKind::ActivateQuant(_)
        | OpKind::GegluQuant
        | OpKind::LayerNorm(..)
        | OpKind::LayerNormQuant(..)
        | OpKind::NormQuantRow(_) => (length, width),
        OpKind::SumPart { groups } => (length, length.checked_div(*groups).unwrap_or(1)),
        // A head fails in every row.
        OpKind::Attention { .. } | OpKind::Attend => {
            let query = op.inputs.first().and_then(|id| program.tensor(*id));
            let heads = query.and_then(|spec| spec.dims.first()).copied().unwrap_or(1);
            (width, width.checked_div(heads).unwrap_or(1))
        }
        _ => (length, 1),
    }
}
