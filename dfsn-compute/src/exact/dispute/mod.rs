//! Both parties' part in a judgement by arithmetic: roots, parts of tensors, and the number that does not follow.

mod own;

use std::collections::BTreeMap;

use dfsn_consensus::exact::{
    Binding, Claim, Computation, Extent, ProverError, TensorData, WeightLayout, prove_element, tensor_root,
};
use dfsn_types::{
    BoundedVec, ElementProof, FailedAt, Hash, PostedPart, PostedTensor, SLICE_BYTES_MAX, Slice, SliceError,
    TensorOpening, TensorPart, hash_nodes, node_chunks, slice_root,
};
use thiserror::Error;

use super::{ExactBackend, ExactError, run_computation};
use own::Own;

pub use own::WeightBytes;

/// Bytes of a root in the posted list.
const ROOT_BYTES: u64 = 32;
/// Chunks of a piece.
const PIECE_CHUNKS: u64 = SLICE_BYTES_MAX as u64 / 1_024;

/// Why a dispute cannot be gone on with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DisputeError {
    /// The computation cannot be run.
    #[error(transparent)]
    Exact(#[from] ExactError),
    /// The state is none that the computation starts from.
    #[error("the state before has {found} bytes, the computation starts from {expected}")]
    Before {
        /// Bytes given.
        found: usize,
        /// Bytes needed.
        expected: u64,
    },
    /// Given inputs that are not the computation's.
    #[error("given input {which} has {found:?} numbers, the computation reads {expected}")]
    Given {
        /// Which.
        which: usize,
        /// Numbers given, if any.
        found: Option<usize>,
        /// Numbers needed.
        expected: usize,
    },
    /// A tensor or a part of one that the computation does not have.
    #[error("the computation has no such part of tensor {0}")]
    NoSuchPart(u32),
    /// No proof can be made.
    #[error(transparent)]
    Prover(#[from] ProverError),
    /// Nothing can be shown of it.
    #[error(transparent)]
    Slice(#[from] SliceError),
}

/// What an auditor does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// The worker's roots are one's own: there is nothing to show.
    Agree,
    /// The worker started from another state, or from other inputs: no arithmetic shows who is right.
    StartsElsewhere,
    /// A part of a tensor is needed.
    Demand {
        /// Which tensor.
        tensor: u32,
        /// Which part.
        part: TensorPart,
    },
    /// This number does not follow.
    Prove(Box<ElementProof>),
}

/// A contested computation, run by this engine from a state.
#[derive(Debug)]
pub struct Dispute<'a> {
    backend: &'a ExactBackend,
    computation: &'a Computation,
    before: TensorData,
    given: Vec<TensorData>,
    committed: Option<Committed>,
}

/// What a worker has committed to, whatever its engine computes.
#[derive(Debug)]
enum Committed {
    State(TensorData),
    Failed(FailedAt),
}

impl<'a> Dispute<'a> {
    /// `before` is the state's canonical bytes, `given` what [`Pipeline::given_inputs`](crate::Pipeline::given_inputs) gives.
    ///
    /// # Errors
    /// [`DisputeError::Before`] and [`DisputeError::Given`] for inputs of another length.
    pub fn new(
        backend: &'a ExactBackend,
        computation: &'a Computation,
        before: &[u8],
        given: &[Vec<f32>],
    ) -> Result<Self, DisputeError> {
        let (found, mut expected) = (before.len(), 0);
        for call in computation.calls() {
            for (binding, id) in call.inputs.iter().zip(call.program.inputs()) {
                let spec = call.program.tensor(*id).ok_or(DisputeError::NoSuchPart(id.index() as u32))?;
                match binding {
                    Binding::Before => expected = spec.bytes(),
                    Binding::Given(which) => {
                        let (which, expected) = (*which, spec.len());
                        let found = given.get(which).map(Vec::len);
                        if found != Some(expected) {
                            return Err(DisputeError::Given { which, found, expected });
                        }
                    }
                    Binding::Fixed(_) | Binding::Output { .. } => {}
                }
            }
        }
        if found as u64 != expected {
            return Err(DisputeError::Before { found, expected });
        }
        let given = given.iter().map(|input| TensorData::from_floats(input)).collect();
        Ok(Self { backend, computation, before: floats_of(before), given, committed: None })
    }

    /// Ends in the state with these bytes, which the worker has committed to, whatever this engine computes; in a failure if they
    /// are a failed state's.
    #[must_use]
    pub fn ending_in(self, committed: &[u8]) -> Self {
        let committed = FailedAt::from_state(committed)
            .map_or_else(|| Committed::State(floats_of(committed)), Committed::Failed);
        Self { committed: Some(committed), ..self }
    }

    /// Roots of all tensors, in order, and the BLAKE3 hash of the state that they end in. Where the computation fails, tensors
    /// that do not exist have zeros, and the state is the failed one.
    ///
    /// # Errors
    /// [`DisputeError::Exact`].
    pub fn roots(&self) -> Result<(Vec<Hash>, Hash), DisputeError> {
        let (roots, after, failed) = self.listed()?;
        Ok((roots, failed.map_or(after, |failed| slice_root(&failed.to_state()))))
    }

    fn listed(&self) -> Result<(Vec<Hash>, Hash, Option<FailedAt>), DisputeError> {
        let mut roots = vec![Hash::from_bytes([0; 32]); self.computation.tensors()];
        let mut after = Hash::from_bytes([0; 32]);
        let failed = self.run(&mut |place, data| {
            let hash = data.hash();
            if let (Some(root), Some(spec)) = (roots.get_mut(place), self.computation.tensor(place)) {
                *root = tensor_root(spec, &hash);
            }
            if Some(place) == self.computation.last() {
                after = hash;
            }
        })?;
        Ok((roots, after, failed))
    }

    /// A part of a tensor, as the worker shows it.
    ///
    /// # Errors
    /// [`DisputeError::NoSuchPart`], [`DisputeError::Exact`].
    pub fn show(&self, tensor: u32, part: TensorPart) -> Result<PostedTensor, DisputeError> {
        let (roots, _) = self.roots()?;
        let bytes = self.tensor(tensor)?.to_bytes();
        let none = || DisputeError::NoSuchPart(tensor);
        let part = match part {
            TensorPart::Level => {
                let level = hash_nodes(&bytes).ok_or_else(none)?;
                PostedPart::Level(BoundedVec::new(level).map_err(|_| none())?)
            }
            TensorPart::Piece(piece) => {
                let start = u64::from(piece) * SLICE_BYTES_MAX as u64;
                let end = (start + SLICE_BYTES_MAX as u64).min(bytes.len() as u64);
                PostedPart::Piece(Slice::of(&bytes, std::iter::once(start..end)).map_err(|_| none())?)
            }
        };
        let place = u64::from(tensor) * ROOT_BYTES;
        let roots = Slice::of(&list_bytes(&roots), std::iter::once(place..place + ROOT_BYTES))?;
        Ok(PostedTensor { tensor, roots, hash: slice_root(&bytes), part })
    }

    /// What the contested auditor does, given the worker's roots, where it says that the computation fails, and the parts that it
    /// has shown so far.
    ///
    /// # Errors
    /// [`DisputeError`].
    pub fn next_move(
        &self,
        list: &[Hash],
        failed: Option<FailedAt>,
        shown: &[PostedTensor],
        layout: &WeightLayout,
        weights_root: Hash,
        weights: &impl WeightBytes,
    ) -> Result<Move, DisputeError> {
        let (own, _, own_failed) = self.listed()?;
        let prover = Prover { list, failed, layout, weights_root, weights };
        // Where only one of both goes on, there is nothing to compare.
        let ends = [failed, own_failed].map(|failed| Some(self.computation.exist_before(failed?)));
        let is_common = |place: usize| ends.iter().flatten().all(|exist| exist[place]);
        let differs = |place: &usize| is_common(*place) && own.get(*place) != list.get(*place);
        let Some(place) = (0..own.len()).find(differs) else {
            let first = failed.into_iter().chain(own_failed).min().filter(|_| failed != own_failed);
            let Some(FailedAt::Number { call, op, element }) = first else { return Ok(Move::Agree) };
            return self.prove((usize::from(call), op as usize, 0, element), None, &prover);
        };
        let Some((call, op, output)) = self.writer(place) else { return Ok(Move::StartsElsewhere) };
        let tensor = u32::try_from(place).unwrap_or(u32::MAX);
        let bytes = self.tensor(tensor)?.to_bytes();
        let part = match differing_piece(tensor, &bytes, shown) {
            Ok(part) => part,
            Err(demanded) => return Ok(Move::Demand { tensor, part: demanded }),
        };
        let pieces = shown.iter().filter(|posted| posted.tensor == tensor);
        let mut found = pieces.filter_map(|posted| match &posted.part {
            PostedPart::Piece(slice) if first_byte(slice) == u64::from(part) * SLICE_BYTES_MAX as u64 => {
                Some((posted, slice))
            }
            _ => None,
        });
        let Some((posted, slice)) = found.next_back() else {
            return Ok(Move::Demand { tensor, part: TensorPart::Piece(part) });
        };
        let start = first_byte(slice);
        let theirs: &[u8] = &slice.bytes;
        let ours = &bytes[start as usize..][..theirs.len()];
        let Some(differs) = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs) else {
            // The piece is one's own, and yet the roots differ: what differs cannot be found.
            return Ok(Move::StartsElsewhere);
        };
        let call_at = &self.computation.calls()[call];
        let id = call_at.program.ops()[op].outputs[output];
        let spec = call_at.program.tensor(id).ok_or(DisputeError::NoSuchPart(tensor))?;
        let element = (start + differs as u64) / spec.element.size() as u64;
        let range = spec.byte_range(&(element as usize..element as usize + 1));
        let opened = TensorOpening {
            tensor: id.index() as u32,
            hash: posted.hash,
            slice: slice.narrow(spec.bytes(), std::iter::once(range))?,
        };
        self.prove((call, op, output, element), Some(opened), &prover)
    }

    /// Shows a number and what it follows from, which both parties have.
    fn prove<W: WeightBytes>(
        &self,
        (call, op, output, element): (usize, usize, usize, u64),
        opened: Option<TensorOpening>,
        prover: &Prover<'_, W>,
    ) -> Result<Move, DisputeError> {
        let Prover { list, failed, layout, weights_root, weights } = *prover;
        let missing = || DisputeError::NoSuchPart(0);
        let call_at = self.computation.calls().get(call).ok_or_else(missing)?;
        let operation = call_at.program.ops().get(op).ok_or_else(missing)?;
        let claim = Claim {
            program: &call_at.program,
            first: call_at.first,
            count: list.len(),
            roots: slice_root(&list_bytes(list)),
            weights_root,
            places: layout,
            extent: Extent::of(call, failed),
        };
        let wanted: Vec<usize> = operation.inputs.iter().map(|id| call_at.first + id.index()).collect();
        let mut tensors = BTreeMap::new();
        self.run(&mut |place, data| {
            if wanted.contains(&place) {
                tensors.insert(place - call_at.first, data.clone());
            }
        })?;
        let own = Own { tensors, claim: &claim, layout, weights };
        let place = (call as u8, op as u32, output as u8, element);
        Ok(Move::Prove(Box::new(prove_element(&claim, place, &own, &own, opened, list)?)))
    }

    /// Runs all programs, up to a number that is none; `observe` is shown every tensor with its place in the list. A worker ends
    /// where it has committed to end.
    fn run(&self, observe: &mut dyn FnMut(usize, &TensorData)) -> Result<Option<FailedAt>, ExactError> {
        let (state, failed) = match &self.committed {
            Some(Committed::State(state)) => (Some(state), None),
            Some(Committed::Failed(failed)) => (None, Some(*failed)),
            None => (None, None),
        };
        let exist = failed.map(|failed| self.computation.exist_before(failed));
        let found = run_computation(
            self.backend,
            self.computation,
            &self.before,
            &self.given,
            &mut |place, data| {
                let state = state.filter(|_| Some(place) == self.computation.last());
                if exist.as_ref().is_none_or(|exist| exist[place]) {
                    observe(place, state.unwrap_or(data));
                }
            },
        )?;
        Ok(failed.or(found))
    }

    fn tensor(&self, tensor: u32) -> Result<TensorData, DisputeError> {
        let mut found = None;
        self.run(&mut |place, data| {
            if place == tensor as usize {
                found = Some(data.clone());
            }
        })?;
        found.ok_or(DisputeError::NoSuchPart(tensor))
    }

    /// The operation that writes a tensor; none for an input.
    fn writer(&self, place: usize) -> Option<(usize, usize, usize)> {
        let call = self.computation.calls().iter().rposition(|call| call.first <= place)?;
        let it = &self.computation.calls()[call];
        it.program.ops().iter().enumerate().find_map(|(op, operation)| {
            let output = operation.outputs.iter().position(|id| it.first + id.index() == place)?;
            Some((call, op, output))
        })
    }
}

/// What a proof is made against and from.
struct Prover<'a, W> {
    /// The worker's roots.
    list: &'a [Hash],
    /// Where it says that the computation fails.
    failed: Option<FailedAt>,
    layout: &'a WeightLayout,
    weights_root: Hash,
    weights: &'a W,
}

/// What a contest names of given inputs (rule ARI-02): BLAKE3 of the bytes of each.
pub fn input_hashes(given: &[Vec<f32>]) -> Vec<Hash> {
    given.iter().map(|input| TensorData::from_floats(input).hash()).collect()
}

fn floats_of(bytes: &[u8]) -> TensorData {
    TensorData::F32(bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
}

/// The piece in which a tensor of the worker's differs first, or what is needed to tell.
fn differing_piece(tensor: u32, bytes: &[u8], shown: &[PostedTensor]) -> Result<u32, TensorPart> {
    let Some(size) = node_chunks(bytes.len() as u64) else { return Ok(0) };
    let levels = shown.iter().filter(|posted| posted.tensor == tensor);
    let mut level = levels.filter_map(|posted| match &posted.part {
        PostedPart::Level(level) => Some(level),
        PostedPart::Piece(_) => None,
    });
    let (Some(theirs), Some(own)) = (level.next_back(), hash_nodes(bytes)) else {
        return Err(TensorPart::Level);
    };
    let node = own.iter().zip(theirs.iter()).position(|(own, theirs)| own != theirs).unwrap_or(0);
    Ok((node as u64 * size / PIECE_CHUNKS) as u32)
}

fn first_byte(slice: &Slice) -> u64 {
    slice.runs.first().map_or(u64::MAX, |run| u64::from(run.first) * 1_024)
}

fn list_bytes(list: &[Hash]) -> Vec<u8> {
    list.iter().flat_map(|root| *root.as_bytes()).collect()
}
