//! What a contested state follows from: programs one after the other, and where their inputs come from (chapter 15 of the
//! specification).

mod contested;
mod origin;

use dfsn_types::{FailedAt, Hash, SLICE_BYTES_MAX, TENSORS_MAX, node_chunks};
use thiserror::Error;

use super::data::{TensorData, tensor_root};
use super::program::Program;
use super::tensor::TensorSpec;

pub use contested::ContestedState;
pub use origin::{ComputationError, Origin, TEXT_CHUNKS_MAX};

/// How a state of the trace follows from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computation {
    calls: Vec<Call>,
    /// Tensors of all calls.
    tensors: usize,
    /// Inputs that arithmetic does not derive.
    given: usize,
}

/// One program of a computation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is computed.
    pub program: Program,
    /// Place of its first tensor among all.
    pub first: usize,
    /// Where its inputs come from, in their order.
    pub inputs: Vec<Binding>,
}

/// Where an input of a program comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The state before.
    Before,
    /// What the request says.
    Fixed(TensorData),
    /// An output of an earlier call.
    Output {
        /// Which call.
        call: usize,
        /// Which of its outputs.
        position: usize,
    },
    /// What the worker says it is, and jurors judge: for example embeddings of the text.
    Given(usize),
}

/// Roots that do not fit a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RootsError {
    /// Another number of tensors.
    #[error("{actual} roots where the computation has {expected} tensors")]
    Count {
        /// Roots given.
        actual: usize,
        /// Tensors.
        expected: usize,
    },
    /// An input that is not what it should be.
    #[error("input {input} of call {call} is not what it follows from")]
    Input {
        /// The call.
        call: usize,
        /// Which of its inputs.
        input: usize,
    },
    /// A last tensor that is not the committed state.
    #[error("the computation does not end in the committed state")]
    After,
    /// A place to fail at that the computation does not have.
    #[error("the computation has no number {element} of operation {op} in program {call} to fail at")]
    NoSuchNumber {
        /// The program.
        call: u8,
        /// The operation.
        op: u32,
        /// The element.
        element: u64,
    },
    /// A root that is not zeros where the computation has failed before.
    #[error("tensor {place} has a root and comes after the failure")]
    Beyond {
        /// Its place in the list.
        place: usize,
    },
}

impl Computation {
    fn of(calls: impl IntoIterator<Item = (Program, Vec<Binding>)>) -> Self {
        let mut all = Self { calls: Vec::new(), tensors: 0, given: 0 };
        for (program, inputs) in calls {
            let first = all.tensors;
            all.tensors = first.saturating_add(program.tensors().len());
            let given = inputs.iter().filter_map(|input| match input {
                Binding::Given(which) => Some(which.saturating_add(1)),
                _ => None,
            });
            all.given = given.fold(all.given, usize::max);
            all.calls.push(Call { program, first, inputs });
        }
        all
    }

    /// The computation, if arithmetic can judge it: all roots fit one message, and every tensor is one piece or has a level by
    /// which the piece that differs is found (rule ARI-01).
    ///
    /// # Errors
    /// [`ComputationError::TooLarge`].
    pub fn checked(self) -> Result<Self, ComputationError> {
        let mut tensors = self.calls.iter().flat_map(|call| call.program.tensors());
        let can_be_found = |spec: &TensorSpec| {
            let bytes = spec.bytes();
            bytes <= SLICE_BYTES_MAX as u64 || node_chunks(bytes).is_some()
        };
        let fits = self.tensors <= TENSORS_MAX && tensors.all(can_be_found);
        if fits { Ok(self) } else { Err(ComputationError::TooLarge) }
    }

    /// The programs.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// Tensors of all programs.
    pub const fn tensors(&self) -> usize {
        self.tensors
    }

    /// Inputs that arithmetic does not derive.
    pub const fn given(&self) -> usize {
        self.given
    }

    /// The tensor at a place of the list.
    pub fn tensor(&self, place: usize) -> Option<&TensorSpec> {
        let after = self.calls.partition_point(|call| call.first <= place);
        let call = self.calls.get(after.checked_sub(1)?)?;
        call.program.tensors().get(place.checked_sub(call.first)?)
    }

    /// The tensor that holds the contested state.
    pub fn last(&self) -> Option<usize> {
        let call = self.calls.last()?;
        call.first.checked_add(call.program.outputs().first()?.index())
    }

    /// Checks that inputs and the end are what they should be (rule ARI-04). `before` and `after` are hashes of states, `given`
    /// of inputs.
    ///
    /// # Errors
    /// [`RootsError`].
    pub fn check_roots(
        &self,
        roots: &[Hash],
        before: Option<&Hash>,
        given: &[Hash],
        after: &Hash,
    ) -> Result<(), RootsError> {
        self.check_inputs(roots, before, given, self.calls.len())?;
        let last = self.last().ok_or(RootsError::After)?;
        let spec = self.tensor(last).ok_or(RootsError::After)?;
        if roots.get(last) == Some(&tensor_root(spec, after)) { Ok(()) } else { Err(RootsError::After) }
    }

    /// Checks the roots of a computation that fails at a number: inputs are what they should be, and what comes after the
    /// failure has no root (rule ARI-10).
    ///
    /// # Errors
    /// [`RootsError`].
    pub fn check_failed_roots(
        &self,
        roots: &[Hash],
        before: Option<&Hash>,
        given: &[Hash],
        failed: FailedAt,
    ) -> Result<(), RootsError> {
        let FailedAt::Number { call, op, element } = failed else { return Err(RootsError::After) };
        let none = RootsError::NoSuchNumber { call, op, element };
        let failing = self.calls.get(usize::from(call)).ok_or(none)?;
        let output = usize::try_from(op).ok().and_then(|op| failing.program.ops().get(op)?.outputs.first());
        let spec = output.and_then(|id| failing.program.tensor(*id)).ok_or(none)?;
        if element >= spec.len() as u64 {
            return Err(none);
        }
        self.check_inputs(roots, before, given, usize::from(call).saturating_add(1))?;
        let absent = Hash::from_bytes([0; 32]);
        let mut places = self.exist_before(failed).into_iter().zip(roots).enumerate();
        match places.find(|(_, (exists, root))| !exists && **root != absent) {
            Some((place, _)) => Err(RootsError::Beyond { place }),
            None => Ok(()),
        }
    }

    /// Of each tensor of the list, whether it is there before the computation fails.
    pub fn exist_before(&self, failed: FailedAt) -> Vec<bool> {
        let mut exist = vec![false; self.tensors];
        let FailedAt::Number { call, op, .. } = failed else { return exist };
        for (index, holder) in self.calls.iter().enumerate().take(usize::from(call).saturating_add(1)) {
            let is_whole = index < usize::from(call);
            let ops = if is_whole { usize::MAX } else { usize::try_from(op).unwrap_or(usize::MAX) };
            let written = holder.program.ops().iter().take(ops).flat_map(|op| &op.outputs);
            for id in holder.program.inputs().iter().chain(written) {
                if let Some(exists) = exist.get_mut(holder.first.saturating_add(id.index())) {
                    *exists = true;
                }
            }
        }
        exist
    }

    /// Checks the number of roots, and inputs of the first `calls` programs.
    fn check_inputs(
        &self,
        roots: &[Hash],
        before: Option<&Hash>,
        given: &[Hash],
        calls: usize,
    ) -> Result<(), RootsError> {
        let (actual, expected) = (roots.len(), self.tensors);
        if actual != expected {
            return Err(RootsError::Count { actual, expected });
        }
        for (index, call) in self.calls.iter().enumerate().take(calls) {
            for (input, (binding, id)) in call.inputs.iter().zip(call.program.inputs()).enumerate() {
                let error = RootsError::Input { call: index, input };
                let spec = call.program.tensor(*id).ok_or(error)?;
                let expected = match binding {
                    Binding::Before => before.map(|hash| tensor_root(spec, hash)),
                    Binding::Fixed(data) => Some(tensor_root(spec, &data.hash())),
                    Binding::Given(which) => given.get(*which).map(|hash| tensor_root(spec, hash)),
                    Binding::Output { call, position } => {
                        self.output(*call, *position).and_then(|place| roots.get(place).copied())
                    }
                };
                let place = call.first.saturating_add(id.index());
                if expected.is_none() || roots.get(place) != expected.as_ref() {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn output(&self, call: usize, position: usize) -> Option<usize> {
        let call = self.calls.get(call)?;
        call.first.checked_add(call.program.outputs().get(position)?.index())
    }
}
