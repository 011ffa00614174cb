//! Tensors as the definition has them, from what kernels keep of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use dfsn_consensus::exact::{
    Element, EvaluateError, TensorData, TensorId, Value, WeightId, Weights, WholeTensors, evaluate_element,
    first_failure,
};

use super::{Executor, Held};
use crate::exact::ExactError;
use crate::exact::simd::SimdError;

/// Elements that one thread computes at a time.
const PIECE: usize = 1024;

macro_rules! elements {
    ($values:expr, $kind:ident) => {
        TensorData::$kind(
            $values
                .into_iter()
                .filter_map(|value| match value {
                    Value::$kind(value) => Some(value),
                    _ => None,
                })
                .collect(),
        )
    };
}

impl Executor<'_> {
    /// One output of the op that was executed last, for one image. What kernels do not keep in the definition's form
    /// (partial reductions, the largest magnitudes of rows) is computed by the definition.
    pub(in crate::exact) fn tensor(&self, output: usize, image: usize) -> Result<TensorData, ExactError> {
        let op = self.program.ops().get(self.at).ok_or_else(|| self.missing("operation"))?;
        let id = op.outputs.get(output).copied().ok_or_else(|| self.missing("output"))?;
        if let Some(data) = self.kept(id, image)? {
            return Ok(data);
        }
        let mut inputs = HashMap::new();
        for input in &op.inputs {
            if let Some(data) = self.kept(*input, image)? {
                inputs.insert(*input, data);
            }
        }
        let (source, spec) = (Inputs { executor: self, inputs }, self.spec(id)?);
        let element = |index| {
            evaluate_element::<f32>(self.program, self.at, output, index, &source)
                .map_err(|_| SimdError::NotFinite { element: index })
        };
        let count = spec.len();
        let pieces = self.threads.map(count.div_ceil(PIECE), |piece| {
            let first = piece * PIECE;
            (first..count.min(first + PIECE)).map(element).collect::<Result<Vec<_>, _>>()
        })?;
        let values = pieces.into_iter().flatten();
        Ok(match spec.element {
            Element::F32 => elements!(values, F32),
            Element::I16 => elements!(values, I16),
            Element::I32 => elements!(values, I32),
            Element::I64 => elements!(values, I64),
        })
    }

    /// The least element without a value of the op at work, which a kernel refused, where one image is computed (EXA-31).
    pub(super) fn failing_element(&self) -> Option<u64> {
        let op = self.program.ops().get(self.at).filter(|_| self.images == 1)?;
        let mut inputs = HashMap::new();
        for id in &op.inputs {
            inputs.insert(*id, self.kept(*id, 0).ok()?.or_else(|| self.deferred(*id))?);
        }
        let source = Inputs { executor: self, inputs };
        first_failure::<f32>(self.program, self.at, &source).ok()?.map(|element| element as u64)
    }

    /// A tensor that kernels leave out.
    fn deferred(&self, id: TensorId) -> Option<TensorData> {
        let writer = self.program.ops().iter().position(|op| op.outputs.contains(&id))?;
        self.tensors_of(writer).ok()?.into_iter().find_map(|(output, data)| (output == id).then_some(data))
    }

    /// One image's part of a tensor, where it is kept in the definition's form.
    fn kept(&self, id: TensorId, image: usize) -> Result<Option<TensorData>, ExactError> {
        let spec = self.spec(id)?;
        let part = |length: usize| {
            let size = length / self.images;
            image * size..(image + 1) * size
        };
        Ok(match &self.held[id.index()] {
            Some(Held::Floats(x)) => Some(TensorData::from_floats(&x[part(x.len())])),
            Some(Held::Ids { ids, .. }) => Some(TensorData::I32(ids[part(ids.len())].to_vec())),
            Some(Held::Shorts(values)) => {
                let values = &values[part(values.len())];
                Some(TensorData::I16(match spec.dims.as_slice() {
                    &[height, width, channels] if values.len() != spec.len() => {
                        inner(values, height, width, channels)
                    }
                    _ => values.to_vec(),
                }))
            }
            Some(Held::Max(max)) => Some(TensorData::F32(max[part(max.len())].to_vec())),
            Some(Held::Extremes(extremes)) => {
                let part = part(extremes.min.len());
                let pairs = extremes.min[part.clone()].iter().zip(&extremes.max[part]);
                Some(TensorData::I32(pairs.flat_map(|(min, max)| [*min, *max]).collect()))
            }
            Some(Held::Stats(stats)) => {
                let pairs = stats[part(stats.len())].iter().flat_map(|stats| [stats.mean, stats.rstd]);
                Some(TensorData::from_floats(&pairs.collect::<Vec<_>>()))
            }
            _ => None,
        })
    }
}

/// An image without its border of zeros.
fn inner(values: &[i16], height: usize, width: usize, channels: usize) -> Vec<i16> {
    let row = (width + 2) * channels;
    let rows = values.chunks_exact(row).skip(1).take(height);
    rows.flat_map(|row| &row[channels..(width + 1) * channels]).copied().collect()
}

/// The inputs of one op, for one image, and the model's plain parameters.
struct Inputs<'a> {
    executor: &'a Executor<'a>,
    inputs: HashMap<TensorId, TensorData>,
}

impl WholeTensors for Inputs<'_> {
    fn whole(&self, tensor: TensorId) -> Option<&TensorData> {
        self.inputs.get(&tensor)
    }
}

impl Weights for Inputs<'_> {
    /// Products are kept as they are: no op that is computed here has a quantised parameter.
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        Err(EvaluateError::Missing { what: "weight", id: weight.index() as u32, start: row, end: row })
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        let Range { start, end } = range;
        let missing = EvaluateError::Missing { what: "weight", id: weight.index() as u32, start, end };
        let spec = self.executor.program.weight(weight).ok_or(missing)?;
        let values = self.executor.plain(weight).map_err(|_| missing)?;
        let first = row * spec.form.width();
        let values = values.get(first + start..first + end).ok_or(missing)?;
        Ok(values.iter().map(|value| value.to_bits()).collect())
    }
}
