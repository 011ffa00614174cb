//! Expressions as they are written down: trees, whose equal parts become one node.

use core::ops::{Add, Div, Mul, Sub};

use super::super::evaluate::canonical;
use super::super::ieee::{Double, Single};
use super::{Expression, ExpressionError, NODES_MAX, Node};

/// A part of an expression that is being written.
#[derive(Clone, Debug)]
pub(in crate::exact) enum Term {
    Input(u8),
    Constant(u32),
    Binary(Binary, Box<[Self; 2]>),
    Clamp(Box<[Self; 3]>),
}

#[derive(Clone, Copy, Debug)]
pub(in crate::exact) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
}

/// A scalar, rounded to binary32 here: where it meets tensors.
pub(in crate::exact) fn constant<D: Double>(scalar: D) -> Term {
    Term::Constant(canonical(scalar.narrow().to_bits()))
}

macro_rules! operators {
    ($($operator:ident $method:ident),+) => {$(
        impl $operator for Term {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Self::Binary(Binary::$operator, Box::new([self, other]))
            }
        }
    )+};
}
operators!(Add add, Sub sub, Mul mul, Div div);

impl Term {
    /// Moved into `[-limit, limit]`; the limit as bits of a positive f32.
    pub(in crate::exact) fn clamped(self, limit: u32) -> Self {
        const SIGN: u32 = 1 << 31;
        Self::Clamp(Box::new([self, Self::Constant(limit | SIGN), Self::Constant(limit)]))
    }

    /// The expression.
    pub(in crate::exact) fn write(&self) -> Result<Expression, ExpressionError> {
        let mut nodes = Vec::new();
        self.push(&mut nodes)?;
        Expression::new(nodes)
    }

    /// The place of this term's node, which is added unless there is an equal one.
    fn push(&self, nodes: &mut Vec<Node>) -> Result<u8, ExpressionError> {
        let node = match self {
            Self::Input(input) => Node::Input(*input),
            Self::Constant(bits) => Node::Constant(*bits),
            Self::Binary(operation, operands) => {
                let [a, b] = &**operands;
                let (a, b) = (a.push(nodes)?, b.push(nodes)?);
                match operation {
                    Binary::Add => Node::Add(a, b),
                    Binary::Sub => Node::Sub(a, b),
                    Binary::Mul => Node::Mul(a, b),
                    Binary::Div => Node::Div(a, b),
                }
            }
            Self::Clamp(operands) => {
                let [x, least, most] = &**operands;
                Node::Clamp(x.push(nodes)?, least.push(nodes)?, most.push(nodes)?)
            }
        };
        let place = match nodes.iter().position(|known| *known == node) {
            Some(place) => place,
            None => {
                nodes.push(node);
                nodes.len().saturating_sub(1)
            }
        };
        u8::try_from(place)
            .ok()
            .filter(|_| place < NODES_MAX)
            .ok_or(ExpressionError::Length { found: nodes.len() })
    }
}
