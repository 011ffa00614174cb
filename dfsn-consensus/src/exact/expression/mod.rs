//! Elementwise arithmetic as data: what a scheduler, guidance or the start of a picture makes of a few numbers.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

mod term;

use std::borrow::Cow;

use borsh::BorshSerialize;
use thiserror::Error;

use super::ieee::Single;
use super::math::select;

pub(super) use term::{Term, constant};

/// The most nodes of an expression.
pub const NODES_MAX: usize = 128;
/// The most inputs of an expression.
pub const INPUTS_MAX: usize = 16;
/// Elements that are computed together.
const BLOCK: usize = 4096;

/// One value of an [`Expression`]. Operands are the places of earlier nodes.
#[derive(BorshSerialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// The element of an input.
    Input(u8),
    /// Bits of an f32.
    Constant(u32),
    /// `a + b`.
    Add(u8, u8),
    /// `a - b`.
    Sub(u8, u8),
    /// `a * b`.
    Mul(u8, u8),
    /// `a / b`.
    Div(u8, u8),
    /// The first, or the second if it is less than that, or the third if that is less than it.
    Clamp(u8, u8, u8),
}

/// A function of one element of each of its inputs: nodes in binary32, each rounded once, the last one the result.
#[derive(BorshSerialize, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression {
    nodes: Vec<Node>,
}

/// What is no expression, or cannot be computed from some inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// No nodes, or too many.
    #[error("an expression of {found} nodes, must have 1 to {NODES_MAX}")]
    Length {
        /// Nodes.
        found: usize,
    },
    /// A node that reads itself or a later one.
    #[error("node {node} of an expression reads node {operand}, which is not before it")]
    Operand {
        /// The node.
        node: usize,
        /// What it reads.
        operand: u8,
    },
    /// An input beyond the bound.
    #[error("an expression reads input {input}, may have {INPUTS_MAX}")]
    Input {
        /// The input.
        input: u8,
    },
    /// Other inputs than it reads.
    #[error("an expression reads {expected} inputs of one length, found lengths {found:?}")]
    Inputs {
        /// Inputs it reads.
        expected: usize,
        /// The least and the greatest length, `None` if there are too few inputs.
        found: Option<(usize, usize)>,
    },
}

impl Node {
    fn operands(self) -> impl Iterator<Item = u8> {
        let operands = match self {
            Self::Input(_) | Self::Constant(_) => [None; 3],
            Self::Add(a, b) | Self::Sub(a, b) | Self::Mul(a, b) | Self::Div(a, b) => [Some(a), Some(b), None],
            Self::Clamp(a, b, c) => [Some(a), Some(b), Some(c)],
        };
        operands.into_iter().flatten()
    }
}

impl Expression {
    /// From nodes.
    ///
    /// # Errors
    /// [`ExpressionError`] if there are none or too many, or if one reads what is not there.
    pub fn new(nodes: Vec<Node>) -> Result<Self, ExpressionError> {
        if nodes.is_empty() || nodes.len() > NODES_MAX {
            return Err(ExpressionError::Length { found: nodes.len() });
        }
        for (place, node) in nodes.iter().enumerate() {
            if let Some(operand) = node.operands().find(|operand| usize::from(*operand) >= place) {
                return Err(ExpressionError::Operand { node: place, operand });
            }
            if let Node::Input(input) = *node
                && usize::from(input) >= INPUTS_MAX
            {
                return Err(ExpressionError::Input { input });
            }
        }
        Ok(Self { nodes })
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Inputs it takes: one more than the highest that it reads.
    pub fn inputs(&self) -> usize {
        self.read().max().map_or(0, |input| usize::from(input).saturating_add(1))
    }

    fn read(&self) -> impl Iterator<Item = u8> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Input(input) => Some(*input),
            _ => None,
        })
    }

    /// The same function of the inputs alone that it reads, and which these are.
    #[must_use]
    pub fn compact(&self) -> (Self, Vec<usize>) {
        let mut read: Vec<u8> = self.read().collect();
        read.sort_unstable();
        read.dedup();
        let nodes = self.nodes.iter().map(|node| match node {
            Node::Input(input) => {
                let place = read.binary_search(input).unwrap_or_default();
                Node::Input(u8::try_from(place).unwrap_or_default())
            }
            other => *other,
        });
        (Self { nodes: nodes.collect() }, read.iter().copied().map(usize::from).collect())
    }

    /// Its value for one element of each input.
    ///
    /// # Errors
    /// [`ExpressionError::Inputs`] for fewer inputs than it reads.
    pub fn evaluate<F: Single>(&self, inputs: &[F]) -> Result<F, ExpressionError> {
        let missing = ExpressionError::Inputs { expected: self.inputs(), found: None };
        let mut values: Vec<F> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let at = |place: u8| values.get(usize::from(place)).copied().ok_or(missing);
            let value = match *node {
                Node::Input(input) => inputs.get(usize::from(input)).copied().ok_or(missing)?,
                Node::Constant(bits) => F::from_bits(bits),
                Node::Add(a, b) => at(a)? + at(b)?,
                Node::Sub(a, b) => at(a)? - at(b)?,
                Node::Mul(a, b) => at(a)? * at(b)?,
                Node::Div(a, b) => at(a)? / at(b)?,
                Node::Clamp(a, b, c) => select(at(a)?, at(b)?, at(c)?),
            };
            values.push(value);
        }
        values.pop().ok_or(missing)
    }

    /// Its values for all elements of whole inputs.
    ///
    /// # Errors
    /// [`ExpressionError::Inputs`] for no inputs, fewer than it reads, or inputs that differ in length.
    pub fn over<F: Single>(&self, inputs: &[&[F]]) -> Result<Vec<F>, ExpressionError> {
        let expected = self.inputs();
        let lengths = || inputs.iter().map(|input| input.len());
        let found = lengths().min().zip(lengths().max()).filter(|_| inputs.len() >= expected);
        let wrong = ExpressionError::Inputs { expected, found };
        let (length, longest) = found.ok_or(wrong)?;
        if length != longest {
            return Err(wrong);
        }
        let mut all = Vec::with_capacity(length);
        for start in (0..length).step_by(BLOCK) {
            let end = start.saturating_add(BLOCK).min(length);
            let block: Vec<&[F]> = inputs.iter().filter_map(|input| input.get(start..end)).collect();
            all.extend_from_slice(&self.block(&block, end.saturating_sub(start)));
        }
        Ok(all)
    }

    /// As [`Self::over`], node by node.
    fn block<'a, F: Single>(&self, inputs: &[&'a [F]], length: usize) -> Cow<'a, [F]> {
        let mut columns: Vec<Cow<'a, [F]>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            // Operands are earlier nodes and inputs are there: both were checked.
            let at = |place: u8| columns.get(usize::from(place)).map(|column| &**column).unwrap_or_default();
            let pairs = |a: u8, b: u8| at(a).iter().copied().zip(at(b).iter().copied());
            let column: Cow<'a, [F]> = match *node {
                Node::Input(input) => {
                    Cow::Borrowed(inputs.get(usize::from(input)).copied().unwrap_or_default())
                }
                Node::Constant(bits) => vec![F::from_bits(bits); length].into(),
                Node::Add(a, b) => pairs(a, b).map(|(a, b)| a + b).collect(),
                Node::Sub(a, b) => pairs(a, b).map(|(a, b)| a - b).collect(),
                Node::Mul(a, b) => pairs(a, b).map(|(a, b)| a * b).collect(),
                Node::Div(a, b) => pairs(a, b).map(|(a, b)| a / b).collect(),
                Node::Clamp(a, b, c) => {
                    pairs(a, b).zip(at(c)).map(|((x, least), most)| select(x, least, *most)).collect()
                }
            };
            columns.push(column);
        }
        columns.pop().unwrap_or_default()
    }
}
