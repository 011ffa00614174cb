//! What each operation computes: the definition of the exact profile, one element at a time.
//!
//! A backend that is fast must get these bytes. A verdict takes one element, reads what it depends on from what its
//! worker committed to, and compares.

mod elementwise;
mod embed;
mod failure;
mod group_norm;
mod heads;
mod product;
mod rows;
mod whole;

pub use embed::wave;
pub use failure::first_failure;
pub use heads::{score_factor, score_kappa, score_shift};
pub use product::source_index;
pub use whole::WholeTensors;

use std::borrow::Cow;
use std::ops::Range;

use thiserror::Error;

use super::ieee::Single;
use super::op::{Op, OpKind};
use super::program::Program;
use super::quantise::is_finite_bits;
use super::tensor::{Element, TensorId, TensorSpec, WeightId};

/// Where parameters are read. Floats are bit patterns.
pub trait Weights {
    /// A row of a quantised parameter, and its scale.
    ///
    /// # Errors
    /// [`EvaluateError::Missing`].
    fn quantised_row(&self, weight: WeightId, row: usize) -> Result<(Cow<'_, [i16]>, u32), EvaluateError>;

    /// Elements of a row of a plain parameter.
    ///
    /// # Errors
    /// [`EvaluateError::Missing`].
    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'_, [u32]>, EvaluateError>;
}

/// Where tensors are read as well: whole ones, or what was opened of them.
pub trait Source: Weights {
    /// Elements of a tensor of f32.
    ///
    /// # Errors
    /// [`EvaluateError::Missing`] where the source does not hold them; so with all functions.
    fn floats(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [u32]>, EvaluateError>;

    /// Elements of a tensor of i16.
    ///
    /// # Errors
    /// [`EvaluateError::Missing`].
    fn shorts(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i16]>, EvaluateError>;

    /// Elements of a tensor of i32.
    ///
    /// # Errors
    /// [`EvaluateError::Missing`].
    fn ints(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i32]>, EvaluateError>;

    /// Elements of a tensor of i64.
    ///
    /// # Errors
    /// [`EvaluateError::Missing`].
    fn longs(&self, tensor: TensorId, range: Range<usize>) -> Result<Cow<'_, [i64]>, EvaluateError>;
}

/// One element of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Bits of an f32.
    F32(u32),
    /// A quantised value.
    I16(i16),
    /// A sort key.
    I32(i32),
    /// A sum.
    I64(i64),
}

/// Why an element has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A NaN or an infinity: a result like any other, under which the request is refunded.
    #[error("a magnitude of bits {bits:#010x} is not finite")]
    NotFinite {
        /// The magnitude's bits.
        bits: u32,
    },
    /// The source does not hold what the element depends on.
    #[error("elements {start}..{end} of {what} {id} are missing")]
    Missing {
        /// `tensor` or `weight`.
        what: &'static str,
        /// Its number.
        id: u32,
        /// The first one.
        start: usize,
        /// The end.
        end: usize,
    },
    /// The program has no such element.
    #[error("operation {op} has no element {index} of output {output}")]
    NoSuchElement {
        /// The operation.
        op: usize,
        /// Which of its outputs.
        output: usize,
        /// The element.
        index: usize,
    },
}

/// Computes element `index` of output `output` of operation `op`.
///
/// # Errors
/// [`EvaluateError`].
pub fn evaluate_element<F: Single>(
    program: &Program,
    op: usize,
    output: usize,
    index: usize,
    source: &impl Source,
) -> Result<Value, EvaluateError> {
    let none = EvaluateError::NoSuchElement { op, output, index };
    let operation = program.ops().get(op).ok_or(none)?;
    let place = operation.outputs.get(output).and_then(|id| program.tensor(*id)).ok_or(none)?;
    if index >= place.len() {
        return Err(none);
    }
    let value = Element::evaluate::<F>(&At { program, op: operation, output, index, place, source, none })?;
    Ok(match value {
        Value::F32(bits) => Value::F32(canonical(bits)),
        value => value,
    })
}

/// The element that is asked for, and where everything is.
struct At<'a, S> {
    program: &'a Program,
    op: &'a Op,
    output: usize,
    index: usize,
    /// The tensor that the element is in.
    place: &'a TensorSpec,
    source: &'a S,
    /// What to say if the program does not fit.
    none: EvaluateError,
}

impl Element {
    fn evaluate<F: Single>(at: &At<'_, impl Source>) -> Result<Value, EvaluateError> {
        use OpKind as Kind;
        match &at.op.kind {
            Kind::Embed { tokens, positions } => embed::embed::<F>(at, *tokens, *positions),
            Kind::Waves { width, cosines_first, shift } => {
                embed::waves::<F>(at, *width, *cosines_first, *shift)
            }
            Kind::Concat => embed::concat(at),
            Kind::Activate(activation) => embed::activate::<F>(at, *activation),
            Kind::Divide(divisor) => embed::divide::<F>(at, *divisor),
            Kind::QuantRow
            | Kind::ActivateQuant(_)
            | Kind::GegluQuant
            | Kind::LayerNorm(..)
            | Kind::LayerNormQuant(..)
            | Kind::NormQuantRow(_) => rows::row_op::<F>(at),
            Kind::Linear { weight, bias } => product::linear::<F>(at, *weight, *bias),
            Kind::Conv { weight, bias, window, limit, embedding, residual } => {
                let added = product::Added { embedding: *embedding, residual: *residual };
                product::conv::<F>(at, (*weight, *bias), *window, *limit, added)
            }
            Kind::MinMaxPart => group_norm::min_max_part(at),
            Kind::MinMaxJoin => group_norm::min_max_join(at),
            Kind::MinMax => group_norm::min_max(at),
            Kind::ImageMax => group_norm::image_max(at),
            Kind::QuantImage => group_norm::quant_image::<F>(at),
            Kind::SumPart { groups } => group_norm::sum_part::<F>(at, *groups),
            Kind::SumJoin => group_norm::sum_join(at),
            Kind::GroupStats { count, eps } => group_norm::group_stats::<F>(at, *count, *eps),
            Kind::NormBound(affine) => group_norm::norm_bound::<F>(at, *affine),
            Kind::NormQuantImage(affine) => group_norm::norm_quant_image::<F>(at, *affine),
            Kind::HeadMaxPart { heads } => heads::max_part(at, *heads),
            Kind::HeadMax => heads::max(at),
            Kind::HeadQuant { heads, limit, transposed } => {
                heads::quant::<F>(at, *heads, *limit, *transposed)
            }
            Kind::Attention { causal } => heads::attention::<F>(at, *causal),
            Kind::Scores => heads::scores(at),
            Kind::Attend => heads::attend::<F>(at),
            Kind::Elementwise(expression) => elementwise::elementwise::<F>(at, expression),
            Kind::Noise { seed, offset } => elementwise::noise::<F>(at, *seed, *offset),
            Kind::Transpose { rows } => elementwise::transpose(at, *rows),
            Kind::Part { start } => elementwise::part(at, *start),
            Kind::Join => elementwise::join(at),
        }
    }
}

impl<'a, S: Source> At<'a, S> {
    fn input(&self, position: usize) -> Result<TensorId, EvaluateError> {
        self.op.inputs.get(position).copied().ok_or(self.none)
    }

    fn input_spec(&self, position: usize) -> Result<&'a TensorSpec, EvaluateError> {
        self.program.tensor(self.input(position)?).ok_or(self.none)
    }

    /// Some elements of an input of f32.
    fn floats(&self, position: usize, range: Range<usize>) -> Result<Cow<'a, [u32]>, EvaluateError> {
        let id = self.input(position)?;
        exactly(self.source.floats(id, range.clone())?, "tensor", id.0, range)
    }

    fn float(&self, position: usize, index: usize) -> Result<u32, EvaluateError> {
        first(&self.floats(position, index..index.saturating_add(1))?, self.none)
    }

    fn shorts(&self, position: usize, range: Range<usize>) -> Result<Cow<'a, [i16]>, EvaluateError> {
        let id = self.input(position)?;
        exactly(self.source.shorts(id, range.clone())?, "tensor", id.0, range)
    }

    fn ints(&self, position: usize, range: Range<usize>) -> Result<Cow<'a, [i32]>, EvaluateError> {
        let id = self.input(position)?;
        exactly(self.source.ints(id, range.clone())?, "tensor", id.0, range)
    }

    fn longs(&self, position: usize, range: Range<usize>) -> Result<Cow<'a, [i64]>, EvaluateError> {
        let id = self.input(position)?;
        exactly(self.source.longs(id, range.clone())?, "tensor", id.0, range)
    }

    fn row(
        &self,
        weight: WeightId,
        row: usize,
        width: usize,
    ) -> Result<(Cow<'a, [i16]>, u32), EvaluateError> {
        let (values, scale) = self.source.quantised_row(weight, row)?;
        Ok((exactly(values, "weight", weight.0, 0..width)?, scale))
    }

    fn plain(
        &self,
        weight: WeightId,
        row: usize,
        range: Range<usize>,
    ) -> Result<Cow<'a, [u32]>, EvaluateError> {
        exactly(self.source.plain(weight, row, range.clone())?, "weight", weight.0, range)
    }

    fn vector_at(&self, weight: WeightId, index: usize) -> Result<u32, EvaluateError> {
        first(&self.plain(weight, 0, index..index.saturating_add(1))?, self.none)
    }

    /// The quotient and the rest of a division by a size, which is not 0.
    fn split(&self, index: usize, size: usize) -> Result<(usize, usize), EvaluateError> {
        let quotient = index.checked_div(size).ok_or(self.none)?;
        Ok((quotient, index.checked_rem(size).ok_or(self.none)?))
    }
}

/// A source that gives another number of elements than asked for does not hold them.
fn exactly<'a, T: Clone>(
    found: Cow<'a, [T]>,
    what: &'static str,
    id: u32,
    range: Range<usize>,
) -> Result<Cow<'a, [T]>, EvaluateError> {
    if found.len() == range.len() {
        Ok(found)
    } else {
        Err(EvaluateError::Missing { what, id, start: range.start, end: range.end })
    }
}

fn first<T: Copy>(found: &[T], none: EvaluateError) -> Result<T, EvaluateError> {
    found.first().copied().ok_or(none)
}

/// Processors differ in the bits of a NaN (EXA-02).
pub(super) const fn canonical(bits: u32) -> u32 {
    if magnitude(bits) > 0x7f80_0000 { 0x7fc0_0000 } else { bits }
}

/// The bits without the sign.
const fn magnitude(bits: u32) -> u32 {
    bits & 0x7fff_ffff
}

/// A largest magnitude, unless it is a NaN's or an infinity's.
fn finite(bits: u32) -> Result<u32, EvaluateError> {
    if is_finite_bits(bits) { Ok(bits) } else { Err(EvaluateError::NotFinite { bits }) }
}

/// A quantised value, which lies in i16 for every limit in use.
fn short(value: i32) -> Value {
    Value::I16(i16::try_from(value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))).unwrap_or_default())
}
