//! Making proofs.

use std::ops::Range;

use dfsn_types::{BoundedVec, ElementProof, Hash, Slice, SliceError, TensorOpening, TooLong};
use thiserror::Error;

use super::super::evaluate::{EvaluateError, Source, evaluate_element};
use super::super::tensor::TensorId;
use super::recorder::Recorder;
use super::{Claim, ROOT_BYTES, WeightPlaces};

/// Bytes that a proof opens.
pub trait WorkerBytes {
    /// Some bytes of a tensor that the number depends on.
    ///
    /// # Errors
    /// [`ProverError::Bytes`].
    fn tensor(&self, tensor: TensorId, range: Range<u64>) -> Result<Vec<u8>, ProverError>;

    /// Some bytes of the canonical file of weights.
    ///
    /// # Errors
    /// [`ProverError::Bytes`].
    fn weights(&self, range: Range<u64>) -> Result<Vec<u8>, ProverError>;
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProverError {
    /// Bytes that could not be read.
    #[error("cannot read {what}: {reason}")]
    Bytes {
        /// Of what.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The element is none of the program's, or depends on what the prover does not have.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// What is to be shown does not fit a slice.
    #[error(transparent)]
    Slice(#[from] SliceError),
    /// Too many tensors for a proof.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Shows element `element` of output `output` of operation `op` and what it follows from. `source` holds the prover's
/// numbers, which agree with the worker's but for the output; `opened` shows the worker's element, by
/// [`open_output`] or from what the worker posted, and is not needed where the worker has none, or there is none; `list`
/// are the worker's roots.
///
/// # Errors
/// [`ProverError`].
pub fn prove_element<P: WeightPlaces>(
    claim: &Claim<'_, P>,
    (call, op, output, element): (u8, u32, u8, u64),
    source: &impl Source,
    bytes: &impl WorkerBytes,
    opened: Option<TensorOpening>,
    list: &[Hash],
) -> Result<ElementProof, ProverError> {
    let program = claim.program;
    let recorder = Recorder::new(program, claim.places, source);
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    match evaluate_element::<f32>(program, place(op.into()), output.into(), place(element), &recorder) {
        // Nothing follows: that contradicts whatever the worker says.
        Ok(_) | Err(EvaluateError::NotFinite { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let read = recorder.into_read();
    let mut tensors = Vec::new();
    for (id, ranges) in read.tensors {
        tensors.push(open_tensor(claim, id, ranges, bytes)?);
    }
    tensors.extend(opened);
    let roots = tensors.iter().map(|opening| {
        let place = (claim.first as u64).saturating_add(opening.tensor.into()).saturating_mul(ROOT_BYTES);
        place..place.saturating_add(ROOT_BYTES)
    });
    let list: Vec<u8> = list.iter().flat_map(|root| *root.as_bytes()).collect();
    let roots = Slice::of(&list, roots.collect::<Vec<_>>())?;
    let weights = if read.weights.is_empty() {
        None
    } else {
        Some(Slice::open(claim.places.len(), read.weights, |range| bytes.weights(range))?)
    };
    Ok(ElementProof { call, op, output, element, roots, tensors: BoundedVec::new(tensors)?, weights })
}

/// Shows one element of a tensor whose bytes are all at hand.
///
/// # Errors
/// [`ProverError`].
pub fn open_output<P: WeightPlaces>(
    claim: &Claim<'_, P>,
    tensor: TensorId,
    element: usize,
    bytes: &impl WorkerBytes,
) -> Result<TensorOpening, ProverError> {
    let missing = EvaluateError::Missing { what: "tensor", id: tensor.0, start: element, end: element };
    let spec = claim.program.tensor(tensor).ok_or(missing)?;
    open_tensor(claim, tensor, vec![spec.byte_range(&(element..element.saturating_add(1)))], bytes)
}

fn open_tensor<P: WeightPlaces>(
    claim: &Claim<'_, P>,
    tensor: TensorId,
    ranges: Vec<Range<u64>>,
    bytes: &impl WorkerBytes,
) -> Result<TensorOpening, ProverError> {
    let missing = EvaluateError::Missing { what: "tensor", id: tensor.0, start: 0, end: 0 };
    let len = claim.program.tensor(tensor).ok_or(missing)?.bytes();
    let slice = Slice::open(len, ranges, |range| bytes.tensor(tensor, range))?;
    let hash = hash_all(len, |range| bytes.tensor(tensor, range))?;
    Ok(TensorOpening { tensor: tensor.0, hash, slice })
}

fn hash_all(
    len: u64,
    mut read: impl FnMut(Range<u64>) -> Result<Vec<u8>, ProverError>,
) -> Result<Hash, ProverError> {
    const PIECE: u64 = 1 << 20;
    let mut hasher = blake3::Hasher::new();
    let mut start = 0;
    while start < len {
        let end = len.min(start.saturating_add(PIECE));
        hasher.update(&read(start..end)?);
        start = end;
    }
    Ok(Hash::from_bytes(*hasher.finalize().as_bytes()))
}
