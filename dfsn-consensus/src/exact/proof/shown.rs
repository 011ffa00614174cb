//! What a proof shows, as a source of numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use dfsn_types::ShownBytes;

use super::super::evaluate::{EvaluateError, Source, Value, Weights};
use super::super::program::Program;
use super::super::tensor::{Element, TensorId, WeightForm, WeightId};
use super::WeightPlaces;

/// Parts of tensors and weights.
pub(super) struct Shown<'a, P> {
    program: &'a Program,
    places: &'a P,
    pub(super) tensors: BTreeMap<TensorId, ShownBytes<'a>>,
    pub(super) weights: Option<ShownBytes<'a>>,
}

impl<'a, P: WeightPlaces> Shown<'a, P> {
    pub(super) const fn new(program: &'a Program, places: &'a P) -> Self {
        Self { program, places, tensors: BTreeMap::new(), weights: None }
    }

    /// One element of a tensor of any type.
    pub(super) fn element(&self, tensor: TensorId, index: usize) -> Result<Value, EvaluateError> {
        let missing = missing("tensor", tensor.0, &(index..index.saturating_add(1)));
        let spec = self.program.tensor(tensor).ok_or(missing)?;
        let range = index..index.saturating_add(1);
        Ok(match spec.element {
            Element::F32 => Value::F32(first(&self.floats(tensor, range)?, missing)?),
            Element::I16 => Value::I16(first(&self.shorts(tensor, range)?, missing)?),
            Element::I32 => Value::I32(first(&self.ints(tensor, range)?, missing)?),
            Element::I64 => Value::I64(first(&self.longs(tensor, range)?, missing)?),
        })
    }

    fn tensor_bytes(
        &self,
        tensor: TensorId,
        element: Element,
        range: &Range<usize>,
    ) -> Result<&'a [u8], EvaluateError> {
        let missing = missing("tensor", tensor.0, range);
        let spec = self.program.tensor(tensor).filter(|spec| spec.element == element).ok_or(missing)?;
        let shown = self.tensors.get(&tensor).filter(|_| range.end <= spec.len()).ok_or(missing)?;
        shown.get(spec.byte_range(range)).ok_or(missing)
    }

    fn weight_bytes(&self, weight: WeightId, start: u64, bytes: u64) -> Option<&'a [u8]> {
        let end = start.checked_add(bytes)?;
        let shown = self.weights.as_ref().filter(|_| self.program.weight(weight).is_some())?;
        shown.get(start..end)
    }
}

fn missing(what: &'static str, id: u32, range: &Range<usize>) -> EvaluateError {
    EvaluateError::Missing { what, id, start: range.start, end: range.end }
}

fn first<T: Copy>(found: &[T], none: EvaluateError) -> Result<T, EvaluateError> {
    found.first().copied().ok_or(none)
}

/// Numbers from little-endian bytes.
fn numbers<T: Clone, const N: usize>(bytes: &[u8], of: fn([u8; N]) -> T) -> Cow<'static, [T]> {
    let (numbers, _) = bytes.as_chunks::<N>();
    Cow::Owned(numbers.iter().map(|bytes| of(*bytes)).collect())
}

impl<P: WeightPlaces> Source for Shown<'_, P> {
    fn floats(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [u32]>, EvaluateError> {
        Ok(numbers(self.tensor_bytes(tensor, Element::F32, &range)?, u32::from_le_bytes))
    }

    fn shorts(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i16]>, EvaluateError> {
        Ok(numbers(self.tensor_bytes(tensor, Element::I16, &range)?, i16::from_le_bytes))
    }

    fn ints(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i32]>, EvaluateError> {
        Ok(numbers(self.tensor_bytes(tensor, Element::I32, &range)?, i32::from_le_bytes))
    }

    fn longs(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i64]>, EvaluateError> {
        Ok(numbers(self.tensor_bytes(tensor, Element::I64, &range)?, i64::from_le_bytes))
    }
}

impl<P: WeightPlaces> Weights for Shown<'_, P> {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        let missing = missing("weight", weight.0, &(row..row.saturating_add(1)));
        let (values, scale) = row_ranges(self.program, self.places, weight, row).ok_or(missing)?;
        let length = |range: &Range<u64>| range.end.saturating_sub(range.start);
        let values = self.weight_bytes(weight, values.start, length(&values)).ok_or(missing)?;
        let scale = self.weight_bytes(weight, scale.start, length(&scale)).ok_or(missing)?;
        let scale = numbers(scale, u32::from_le_bytes);
        Ok((numbers(values, i16::from_le_bytes), first(&scale, missing)?))
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        let missing = missing("weight", weight.0, &range);
        let bytes = plain_range(self.program, self.places, weight, row, &range).ok_or(missing)?;
        let length = bytes.end.saturating_sub(bytes.start);
        Ok(numbers(self.weight_bytes(weight, bytes.start, length).ok_or(missing)?, u32::from_le_bytes))
    }
}

/// Where a row of a quantised parameter and its scale stand in the file of weights.
pub(super) fn row_ranges(
    program: &Program,
    places: &impl WeightPlaces,
    weight: WeightId,
    row: usize,
) -> Option<(Range<u64>, Range<u64>)> {
    let spec = program.weight(weight)?;
    let WeightForm::Quantised { rows, width, .. } = spec.form else { return None };
    let place = places.place(&spec.name).filter(|_| row < rows)?;
    let bytes = (width as u64).checked_mul(2)?;
    let values = place.values.checked_add(bytes.checked_mul(row as u64)?)?;
    let scale = place.scales?.checked_add((row as u64).checked_mul(4)?)?;
    Some((values..values.checked_add(bytes)?, scale..scale.checked_add(4)?))
}

/// Where elements of a row of a plain parameter stand in the file of weights.
pub(super) fn plain_range(
    program: &Program,
    places: &impl WeightPlaces,
    weight: WeightId,
    row: usize,
    range: &Range<usize>,
) -> Option<Range<u64>> {
    let spec = program.weight(weight)?;
    let WeightForm::Plain { rows, width } = spec.form else { return None };
    let place = places.place(&spec.name).filter(|_| row < rows && range.end <= width)?;
    let first = row.checked_mul(width)?.checked_add(range.start)?;
    let start = place.values.checked_add((first as u64).checked_mul(4)?)?;
    let bytes = (range.end.checked_sub(range.start)? as u64).checked_mul(4)?;
    Some(start..start.checked_add(bytes)?)
}
