//! A network as a flat list of operations.

use std::collections::BTreeMap;

use borsh::BorshSerialize;
use thiserror::Error;

use super::expression::ExpressionError;
use super::op::{Affine, LIMIT_WEIGHT, Op, OpKind};
use super::tensor::{Element, TensorId, TensorSpec, WeightForm, WeightId, WeightSpec};

/// The most elements of a tensor.
pub const TENSOR_MAX: usize = 1 << 30;
/// The most ops of a program.
pub const OPS_MAX: usize = 1 << 16;
/// No sum of products may reach this: what lies below is exact in every way that backends sum.
const SUM_LIMIT: i128 = 1 << 47;
/// What an output element may depend on in one input.
const FAN_IN_BYTES: usize = 64 << 10;

/// What a network computes for one picture, without its weights: built from its configuration and the picture's size.
#[derive(BorshSerialize, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    tensors: Vec<TensorSpec>,
    weights: Vec<WeightSpec>,
    ops: Vec<Op>,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
}

/// Why a network has no program.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// A size of 0, or an overflow.
    #[error("a tensor of {0:?} elements is empty or above {TENSOR_MAX}")]
    Size(Vec<usize>),
    /// More ops than any model needs.
    #[error("more than {OPS_MAX} operations")]
    TooLong,
    /// A sum that could leave the range in which every backend is exact.
    #[error("a sum over {width} products of at most {limit} can reach 2^47")]
    Sum {
        /// Products.
        width: usize,
        /// Limit of the quantised input.
        limit: i32,
    },
    /// An element that depends on too much.
    #[error("{what} reads {bytes} bytes for one element, at most {FAN_IN_BYTES}")]
    FanIn {
        /// The op.
        what: &'static str,
        /// Bytes.
        bytes: usize,
    },
    /// A setting that has no exact form.
    #[error("{key} {value} has no exact form")]
    Unsupported {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// An expression out of its bounds.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// Sizes that do not divide.
    #[error("{what}: {whole} is not a multiple of {part}")]
    Indivisible {
        /// What is divided.
        what: &'static str,
        /// The number.
        whole: usize,
        /// The divisor.
        part: usize,
    },
}

impl Program {
    /// A program of one operation over inputs and outputs of any shape, for an engine to be compared with the definition.
    /// `kind` is given the ids of `weights`. Where shapes do not fit the operation, its elements have no value.
    ///
    /// # Errors
    /// [`ProgramError::Size`] for a tensor that is empty or too large.
    pub fn of_one(
        kind: impl FnOnce(&[WeightId]) -> OpKind,
        inputs: &[TensorSpec],
        weights: Vec<WeightSpec>,
        outputs: &[TensorSpec],
    ) -> Result<Self, ProgramError> {
        let mut builder = Builder::new("");
        let mut tensors = |specs: &[TensorSpec]| {
            let ids = specs.iter().map(|spec| builder.tensor(spec.element, &spec.dims));
            ids.collect::<Result<Vec<_>, _>>()
        };
        let (inputs, outputs) = (tensors(inputs)?, tensors(outputs)?);
        let ids: Vec<WeightId> = (0..).map(WeightId).zip(&weights).map(|(id, _)| id).collect();
        builder.op(kind(&ids), &inputs, &outputs);
        Ok(Self { weights, inputs, ..builder.finish(outputs)? })
    }

    /// Types and shapes of all tensors.
    pub fn tensors(&self) -> &[TensorSpec] {
        &self.tensors
    }

    /// The parameters it needs, in the order of their first use.
    pub fn weights(&self) -> &[WeightSpec] {
        &self.weights
    }

    /// The operations, each after those whose outputs it reads.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// What is given.
    pub fn inputs(&self) -> &[TensorId] {
        &self.inputs
    }

    /// What is asked for.
    pub fn outputs(&self) -> &[TensorId] {
        &self.outputs
    }

    /// Type and shape of a tensor of this program.
    pub fn tensor(&self, id: TensorId) -> Option<&TensorSpec> {
        self.tensors.get(id.index())
    }

    /// A parameter of this program.
    pub fn weight(&self, id: WeightId) -> Option<&WeightSpec> {
        self.weights.get(id.index())
    }

    /// A hash of everything: two programs with the same hash compute the same.
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("dfsn exact-v1 program");
        // Writing to a hasher cannot fail, and the encoding refuses nothing of these types.
        let _ = borsh::to_writer(&mut hasher, self);
        *hasher.finalize().as_bytes()
    }
}

/// Collects a program's parts, each checked as it comes.
#[derive(Debug, Default)]
pub(super) struct Builder {
    tensors: Vec<TensorSpec>,
    weights: Vec<WeightSpec>,
    by_name: BTreeMap<String, WeightId>,
    ops: Vec<Op>,
    inputs: Vec<TensorId>,
    prefix: &'static str,
}

/// A matrix or kernel and what it takes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) taps: usize,
    /// Limit of the quantised input.
    pub(super) limit: i32,
}

impl Builder {
    /// `prefix` is the part's name, with which all its parameters begin.
    pub(super) fn new(prefix: &'static str) -> Self {
        Self { prefix, ..Self::default() }
    }

    pub(super) fn finish(self, outputs: Vec<TensorId>) -> Result<Program, ProgramError> {
        let Self { tensors, weights, ops, inputs, .. } = self;
        Ok(Program { tensors, weights, ops, inputs, outputs })
    }

    pub(super) fn tensor(&mut self, element: Element, dims: &[usize]) -> Result<TensorId, ProgramError> {
        if self.ops.len() >= OPS_MAX {
            return Err(ProgramError::TooLong);
        }
        let count = dims.iter().try_fold(1_usize, |count, &dim| count.checked_mul(dim));
        if count.is_none_or(|count| count == 0 || count > TENSOR_MAX) {
            return Err(ProgramError::Size(dims.to_vec()));
        }
        let id = TensorId(u32::try_from(self.tensors.len()).map_err(|_| ProgramError::TooLong)?);
        self.tensors.push(TensorSpec { element, dims: dims.to_vec() });
        Ok(id)
    }

    pub(super) fn input(&mut self, element: Element, dims: &[usize]) -> Result<TensorId, ProgramError> {
        let id = self.tensor(element, dims)?;
        self.inputs.push(id);
        Ok(id)
    }

    /// A tensor that this builder made.
    pub(super) fn spec(&self, id: TensorId) -> Option<&TensorSpec> {
        self.tensors.get(id.index())
    }

    /// Sizes of a tensor that this builder made.
    pub(super) fn dims(&self, id: TensorId) -> &[usize] {
        self.spec(id).map_or(&[], |spec| &spec.dims)
    }

    /// Rows and width of a tensor.
    pub(super) fn rows_and_width(&self, id: TensorId) -> (usize, usize) {
        self.spec(id).map_or((0, 0), |spec| (spec.rows(), spec.width()))
    }

    pub(super) fn op(&mut self, kind: OpKind, inputs: &[TensorId], outputs: &[TensorId]) {
        self.ops.push(Op { kind, inputs: inputs.to_vec(), outputs: outputs.to_vec() });
    }

    /// An op with one output.
    pub(super) fn push(
        &mut self,
        kind: OpKind,
        inputs: &[TensorId],
        element: Element,
        dims: &[usize],
    ) -> Result<TensorId, ProgramError> {
        let output = self.tensor(element, dims)?;
        self.op(kind, inputs, &[output]);
        Ok(output)
    }

    /// A quantised parameter, `name` without the part's.
    pub(super) fn matrix(&mut self, name: &str, matrix: Matrix) -> Result<WeightId, ProgramError> {
        let Matrix { rows, width, taps, limit } = matrix;
        // Both factors are below 2^15 and widths below 2^30.
        let reach = i128::from(limit)
            .checked_mul(i128::from(LIMIT_WEIGHT))
            .and_then(|product| product.checked_mul(width as i128));
        if reach.is_none_or(|reach| reach >= SUM_LIMIT) {
            return Err(ProgramError::Sum { width, limit });
        }
        check_fan_in("a product", width.saturating_mul(2))?;
        self.weight(name, WeightForm::Quantised { rows, width, taps })
    }

    /// A vector of f32.
    pub(super) fn vector(&mut self, name: &str, width: usize) -> Result<WeightId, ProgramError> {
        self.weight(name, WeightForm::Plain { rows: 1, width })
    }

    pub(super) fn affine(&mut self, name: &str, width: usize) -> Result<Affine, ProgramError> {
        let gamma = self.vector(&format!("{name}.weight"), width)?;
        Ok(Affine { gamma, beta: self.vector(&format!("{name}.bias"), width)? })
    }

    pub(super) fn weight(&mut self, name: &str, form: WeightForm) -> Result<WeightId, ProgramError> {
        let name = format!("{}.{name}", self.prefix);
        if let Some(id) = self.by_name.get(&name) {
            return Ok(*id);
        }
        let id = WeightId(u32::try_from(self.weights.len()).map_err(|_| ProgramError::TooLong)?);
        self.by_name.insert(name.clone(), id);
        self.weights.push(WeightSpec { name, form });
        Ok(id)
    }
}

pub(super) fn check_fan_in(what: &'static str, bytes: usize) -> Result<(), ProgramError> {
    if bytes > FAN_IN_BYTES { Err(ProgramError::FanIn { what, bytes }) } else { Ok(()) }
}

/// Norms divide by the square root of the variance and this.
pub(super) fn check_epsilon(eps: u64) -> Result<(), ProgramError> {
    // 2^-200; bit patterns of positive numbers are in their order.
    const LEAST: u64 = 823 << 52;
    if !(LEAST..=1.0_f64.to_bits()).contains(&eps) {
        return Err(ProgramError::Unsupported { key: "epsilon", value: f64::from_bits(eps).to_string() });
    }
    Ok(())
}

pub(super) fn divide(what: &'static str, whole: usize, part: usize) -> Result<usize, ProgramError> {
    match whole.checked_rem(part) {
        Some(0) => whole.checked_div(part).ok_or(ProgramError::Indivisible { what, whole, part }),
        _ => Err(ProgramError::Indivisible { what, whole, part }),
    }
}
