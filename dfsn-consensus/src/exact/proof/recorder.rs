//! A source that notes what is read from it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::super::evaluate::{EvaluateError, Source, Weights};
use super::super::program::Program;
use super::super::tensor::{TensorId, WeightId};
use super::WeightPlaces;
use super::shown::{plain_range, row_ranges};

/// Notes the bytes that an element depends on.
pub(super) struct Recorder<'a, S, P> {
    program: &'a Program,
    places: &'a P,
    source: &'a S,
    read: RefCell<Read>,
}

/// Bytes of tensors and of the file of weights.
#[derive(Default)]
pub(super) struct Read {
    pub(super) tensors: BTreeMap<TensorId, Vec<Range<u64>>>,
    pub(super) weights: Vec<Range<u64>>,
}

impl<'a, S, P> Recorder<'a, S, P> {
    pub(super) fn new(program: &'a Program, places: &'a P, source: &'a S) -> Self {
        Self { program, places, source, read: RefCell::default() }
    }

    pub(super) fn into_read(self) -> Read {
        self.read.into_inner()
    }

    fn note(&self, tensor: TensorId, range: &Range<usize>) {
        if let Some(spec) = self.program.tensor(tensor) {
            self.read.borrow_mut().tensors.entry(tensor).or_default().push(spec.byte_range(range));
        }
    }
}

impl<S: Source, P: WeightPlaces> Source for Recorder<'_, S, P> {
    fn floats(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [u32]>, EvaluateError> {
        self.note(tensor, &range);
        self.source.floats(tensor, range)
    }

    fn shorts(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i16]>, EvaluateError> {
        self.note(tensor, &range);
        self.source.shorts(tensor, range)
    }

    fn ints(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i32]>, EvaluateError> {
        self.note(tensor, &range);
        self.source.ints(tensor, range)
    }

    fn longs(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i64]>, EvaluateError> {
        self.note(tensor, &range);
        self.source.longs(tensor, range)
    }
}

impl<S: Source, P: WeightPlaces> Weights for Recorder<'_, S, P> {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        if let Some((values, scale)) = row_ranges(self.program, self.places, weight, row) {
            self.read.borrow_mut().weights.extend([values, scale]);
        }
        self.source.quantised_row(weight, row)
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        if let Some(bytes) = plain_range(self.program, self.places, weight, row, &range) {
            self.read.borrow_mut().weights.push(bytes);
        }
        self.source.plain(weight, row, range)
    }
}
