//! Runs a program literally, element by element: slow, and the measure of every backend.

use std::borrow::Cow;
use std::ops::Range;

use thiserror::Error;

use super::data::TensorData;
use super::evaluate::{EvaluateError, Source, Value, Weights, WholeTensors, evaluate_element};
use super::ieee::Single;
use super::program::Program;
use super::tensor::{Element, TensorId, WeightId};

macro_rules! picked {
    ($value:expr, $kind:ident) => {
        match $value {
            Value::$kind(value) => value,
            _ => Default::default(),
        }
    };
}
/// Why a program did not run to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InterpretError {
    /// An input of another type or size.
    #[error("input {position} has another type or size than the program's")]
    Input {
        /// Which.
        position: usize,
    },
    /// An element has no value. If it is not finite, this is the result of the job.
    #[error("operation {op}, output {output}, element {index}: {source}")]
    Element {
        /// The operation.
        op: usize,
        /// Which of its outputs.
        output: usize,
        /// The element.
        index: usize,
        /// Why.
        source: EvaluateError,
    },
}

/// Computes all tensors of a program. `visit` is told each tensor once it is whole.
///
/// # Errors
/// [`InterpretError`].
pub fn interpret<F: Single>(
    program: &Program,
    weights: &impl Weights,
    inputs: Vec<TensorData>,
    mut visit: impl FnMut(TensorId, &TensorData),
) -> Result<Vec<TensorData>, InterpretError> {
    let mut tensors: Vec<Option<TensorData>> = program.tensors().iter().map(|_| None).collect();
    if inputs.len() != program.inputs().len() {
        return Err(InterpretError::Input { position: inputs.len().min(program.inputs().len()) });
    }
    for (position, (id, data)) in program.inputs().iter().zip(inputs).enumerate() {
        let fits = program
            .tensor(*id)
            .is_some_and(|spec| spec.element == data.element() && spec.len() == data.len());
        match tensors.get_mut(id.index()) {
            Some(place) if fits => *place = Some(data),
            _ => return Err(InterpretError::Input { position }),
        }
    }
    for (op, operation) in program.ops().iter().enumerate() {
        for (output, id) in operation.outputs.iter().enumerate() {
            let source = Held { tensors: &tensors, weights };
            let data = compute::<F>(program, (op, output), &source)?;
            visit(*id, &data);
            if let Some(place) = tensors.get_mut(id.index()) {
                *place = Some(data);
            }
        }
    }
    let take = |id: &TensorId| tensors.get(id.index()).cloned().flatten();
    Ok(program.outputs().iter().filter_map(take).collect())
}

fn compute<F: Single>(
    program: &Program,
    (op, output): (usize, usize),
    source: &impl Source,
) -> Result<TensorData, InterpretError> {
    let fail = |index| move |source| InterpretError::Element { op, output, index, source };
    let missing = || EvaluateError::NoSuchElement { op, output, index: 0 };
    let id = program.ops().get(op).and_then(|operation| operation.outputs.get(output));
    let spec = id.and_then(|id| program.tensor(*id)).ok_or_else(|| fail(0)(missing()))?;
    let values = (0..spec.len())
        .map(|index| evaluate_element::<F>(program, op, output, index, source).map_err(fail(index)));
    // Each op gives the type that its output has in the program.
    Ok(match spec.element {
        Element::F32 => {
            TensorData::F32(values.map(|value| Ok(picked!(value?, F32))).collect::<Result<_, _>>()?)
        }
        Element::I16 => {
            TensorData::I16(values.map(|value| Ok(picked!(value?, I16))).collect::<Result<_, _>>()?)
        }
        Element::I32 => {
            TensorData::I32(values.map(|value| Ok(picked!(value?, I32))).collect::<Result<_, _>>()?)
        }
        Element::I64 => {
            TensorData::I64(values.map(|value| Ok(picked!(value?, I64))).collect::<Result<_, _>>()?)
        }
    })
}

/// Tensors that were computed, and weights.
struct Held<'a, W> {
    tensors: &'a [Option<TensorData>],
    weights: &'a W,
}

impl<W: Weights> WholeTensors for Held<'_, W> {
    fn whole(&self, tensor: TensorId) -> Option<&TensorData> {
        self.tensors.get(tensor.index())?.as_ref()
    }
}

impl<W: Weights> Weights for Held<'_, W> {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        self.weights.quantised_row(weight, row)
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        self.weights.plain(weight, row, range)
    }
}
