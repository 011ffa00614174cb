//! One number of a computation, shown to follow from others or not (rules ARI-06, ARI-07).
//!
//! A prover computes the number with a [`Recorder`], which notes what it reads, and shows exactly that. A verifier
//! computes it again from what was shown: both run [`evaluate_element`].

mod extent;
mod open;
mod recorder;
mod shown;

use extent::Claimed;
pub use extent::Extent;
pub use open::{ProverError, WorkerBytes, open_output, prove_element};

use dfsn_types::{ElementProof, Hash, SliceError, TensorOpening};
use thiserror::Error;

use super::data::tensor_root;
use super::evaluate::{EvaluateError, Value, evaluate_element};
use super::layout::WeightLayout;
use super::program::Program;
use super::soft::SoftSingle;
use super::tensor::TensorId;
use shown::Shown;

/// Bytes of a root in the posted list.
pub(super) const ROOT_BYTES: u64 = 32;

/// Where a model's parameters stand in the canonical file of its weights.
pub trait WeightPlaces {
    /// Offset of a parameter's values, and of its scales if it is quantised.
    fn place(&self, name: &str) -> Option<WeightPlace>;

    /// Bytes of the whole file.
    fn len(&self) -> u64;

    /// Whether the file is empty; no model's is.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl WeightPlaces for WeightLayout {
    fn place(&self, name: &str) -> Option<WeightPlace> {
        let entry = self.find(name)?;
        let scales = entry.scales();
        Some(WeightPlace {
            values: entry.values().start,
            scales: (!scales.is_empty()).then_some(scales.start),
        })
    }

    fn len(&self) -> u64 {
        self.length()
    }
}

/// Offsets of one parameter in the canonical file of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightPlace {
    /// Of its values, row by row.
    pub values: u64,
    /// Of its rows' scales.
    pub scales: Option<u64>,
}

/// What the worker is bound to.
#[derive(Debug)]
pub struct Claim<'a, P> {
    /// The program that the number belongs to.
    pub program: &'a Program,
    /// Place of its first tensor in the posted list.
    pub first: usize,
    /// Roots in the posted list.
    pub count: usize,
    /// BLAKE3 hash of the list.
    pub roots: Hash,
    /// BLAKE3 hash of the file of weights.
    pub weights_root: Hash,
    /// The file's layout.
    pub places: &'a P,
    /// How far the worker's numbers go in the program.
    pub extent: Extent,
}

/// What a proof shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The number follows from the others.
    Follows,
    /// It does not: the worker contradicts itself.
    Contradiction {
        /// What the worker says; nothing where it says that there is no number, and where any would be wrong.
        claimed: Option<Value>,
        /// What follows; nothing where the operation has no finite result.
        computed: Option<Value>,
    },
}

/// Why a proof shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The program has no such operation or output.
    #[error("the program has no output {output} of operation {op}")]
    NoSuchOutput {
        /// The operation.
        op: u32,
        /// Which output.
        output: u8,
    },
    /// A tensor that the program does not have, or one that is shown twice.
    #[error("tensor {tensor} is not one of the program's, or is shown twice")]
    Tensor {
        /// Its place in the program.
        tensor: u32,
    },
    /// A tensor whose root is not the posted one.
    #[error("tensor {tensor} has another root than was posted")]
    Root {
        /// Its place in the program.
        tensor: u32,
    },
    /// A slice of the list of roots that shows nothing.
    #[error("the list of roots: {0}")]
    Roots(SliceError),
    /// A slice of a tensor that shows nothing.
    #[error("tensor {tensor}: {source}")]
    Slice {
        /// Its place in the program.
        tensor: u32,
        /// Why.
        source: SliceError,
    },
    /// A slice of the weights that shows nothing.
    #[error("the weights: {0}")]
    Weights(SliceError),
    /// A number behind the one at which the worker says that the computation fails.
    #[error("the worker claims no element {element} of operation {op}: its computation fails before")]
    Unclaimed {
        /// The operation.
        op: u32,
        /// The element.
        element: u64,
    },
    /// It does not show all that the number depends on.
    #[error(transparent)]
    Evaluate(EvaluateError),
}

impl<P: WeightPlaces> Claim<'_, P> {
    /// Computes the proof's number from what it shows, on soft floats, and compares. Where it is none and the worker has one, or
    /// the reverse, there is nothing to compare with (rules ARI-07, ARI-11).
    ///
    /// # Errors
    /// [`ProofError`] when the proof shows nothing, neither for nor against the worker.
    pub fn check(&self, proof: &ElementProof) -> Result<Finding, ProofError> {
        let none = ProofError::NoSuchOutput { op: proof.op, output: proof.output };
        let op = usize::try_from(proof.op).map_err(|_| none)?;
        let output = usize::from(proof.output);
        let id = self.program.ops().get(op).and_then(|op| op.outputs.get(output)).ok_or(none)?;
        let element = usize::try_from(proof.element).map_err(|_| none)?;
        let claim = self.extent.claim(proof);
        if claim == Claimed::Nothing {
            return Err(ProofError::Unclaimed { op: proof.op, element: proof.element });
        }
        let shown = self.shown(proof)?;
        let computed = match evaluate_element::<SoftSingle>(self.program, op, output, element, &shown) {
            Ok(value) => Some(value),
            Err(EvaluateError::NotFinite { .. }) => None,
            Err(error) => return Err(ProofError::Evaluate(error)),
        };
        let claimed = match (claim, computed) {
            (Claimed::Number, Some(_)) => Some(shown.element(*id, element).map_err(ProofError::Evaluate)?),
            _ => None,
        };
        let follows = match claim {
            Claimed::Number => computed.is_some() && computed == claimed,
            Claimed::SomeNumber => computed.is_some(),
            Claimed::NoNumber | Claimed::Nothing => computed.is_none(),
        };
        Ok(if follows { Finding::Follows } else { Finding::Contradiction { claimed, computed } })
    }

    /// Checks every slice against the root that it must lead to.
    fn shown<'p>(&'p self, proof: &'p ElementProof) -> Result<Shown<'p, P>, ProofError> {
        let list_bytes = (self.count as u64).saturating_mul(ROOT_BYTES);
        let list = proof.roots.verify(&self.roots, list_bytes).map_err(ProofError::Roots)?;
        let mut shown = Shown::new(self.program, self.places);
        for opening in proof.tensors.iter() {
            let TensorOpening { tensor, hash, slice } = opening;
            let missing = ProofError::Tensor { tensor: *tensor };
            let id = TensorId(*tensor);
            let spec = self.program.tensor(id).ok_or(missing)?;
            let place = (self.first as u64).saturating_add(u64::from(*tensor)).saturating_mul(ROOT_BYTES);
            let posted = list.get(place..place.saturating_add(ROOT_BYTES));
            if posted != Some(tensor_root(spec, hash).as_bytes()) {
                return Err(ProofError::Root { tensor: *tensor });
            }
            let bytes = slice
                .verify(hash, spec.bytes())
                .map_err(|source| ProofError::Slice { tensor: *tensor, source })?;
            if shown.tensors.insert(id, bytes).is_some() {
                return Err(missing);
            }
        }
        if let Some(slice) = &proof.weights {
            let bytes = slice.verify(&self.weights_root, self.places.len()).map_err(ProofError::Weights)?;
            shown.weights = Some(bytes);
        }
        Ok(shown)
    }
}
