//! Where a proof is made from: one's own tensors and the file of weights.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use dfsn_consensus::exact::{
    Claim, EvaluateError, ProverError, TensorData, TensorId, WeightForm, WeightId, WeightLayout, Weights,
    WholeTensors, WorkerBytes,
};

/// Where the canonical file of weights is read.
pub trait WeightBytes {
    /// Some bytes of the file.
    ///
    /// # Errors
    /// [`ProverError::Bytes`].
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ProverError>;
}

impl WeightBytes for Vec<u8> {
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        let part = self.get(range.start as usize..range.end as usize).map(<[u8]>::to_vec);
        part.ok_or_else(|| ProverError::Bytes {
            what: "the weights".to_owned(),
            reason: format!("{} bytes have no {}..{}", self.len(), range.start, range.end),
        })
    }
}

/// One's own tensors, which agree with the worker's, and the file of weights.
pub(super) struct Own<'a, W> {
    pub(super) tensors: BTreeMap<usize, TensorData>,
    pub(super) claim: &'a Claim<'a, WeightLayout>,
    pub(super) layout: &'a WeightLayout,
    pub(super) weights: &'a W,
}

impl<W: WeightBytes> WorkerBytes for Own<'_, W> {
    fn tensor(&self, tensor: TensorId, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        let missing = || ProverError::Bytes {
            what: format!("tensor {tensor:?}"),
            reason: "it was not kept".to_owned(),
        };
        let data = self.tensors.get(&tensor.index()).ok_or_else(missing)?;
        let size = data.element().size();
        // Chunks begin and end between elements.
        data.part_bytes(range.start as usize / size..range.end as usize / size).ok_or_else(missing)
    }

    fn weights(&self, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        self.weights.read(range)
    }
}

impl<W: WeightBytes> WholeTensors for Own<'_, W> {
    fn whole(&self, tensor: TensorId) -> Option<&TensorData> {
        self.tensors.get(&tensor.index())
    }
}

impl<W: WeightBytes> Weights for Own<'_, W> {
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError> {
        let missing =
            EvaluateError::Missing { what: "weight", id: weight.index() as u32, start: row, end: row };
        let spec = self.claim.program.weight(weight).ok_or(missing)?;
        let WeightForm::Quantised { .. } = spec.form else { return Err(missing) };
        let entry = self.layout.find(&spec.name).ok_or(missing)?;
        let read = |range: Option<Range<u64>>| self.weights.read(range.ok_or(missing)?).map_err(|_| missing);
        let values =
            read(entry.row(row))?.as_chunks::<2>().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
        let scale = read(entry.scale(row))?;
        Ok((values, u32::from_le_bytes(*scale.first_chunk().ok_or(missing)?)))
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError> {
        let Range { start, end } = range;
        let missing = EvaluateError::Missing { what: "weight", id: weight.index() as u32, start, end };
        let entry = self.claim.program.weight(weight).and_then(|spec| self.layout.find(&spec.name));
        let range = entry.and_then(|entry| entry.numbers(row, start..end)).ok_or(missing)?;
        let bytes = self.weights.read(range).map_err(|_| missing)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }
}
