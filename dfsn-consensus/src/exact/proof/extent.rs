//! How far a worker's numbers go: to the end of a program, or to the number at which it says that the program fails.

use dfsn_types::{ElementProof, FailedAt};

/// What the worker claims of one program of a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All numbers.
    Whole,
    /// All numbers before this one, which is none.
    Until {
        /// The operation.
        op: u32,
        /// The element of its first output.
        element: u64,
    },
    /// None: an earlier program fails.
    Nothing,
}

/// What the worker claims of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// It is in a tensor whose root was posted.
    Number,
    /// There is one, which was not posted.
    SomeNumber,
    /// There is none.
    NoNumber,
    /// Nothing.
    Nothing,
}

impl Extent {
    /// What a worker claims of program `call` that says where the computation fails, or that it does not.
    pub fn of(call: usize, failed: Option<FailedAt>) -> Self {
        match failed {
            None => Self::Whole,
            Some(FailedAt::Number { call: failing, .. }) if call < usize::from(failing) => Self::Whole,
            Some(FailedAt::Number { call: failing, op, element }) if call == usize::from(failing) => {
                Self::Until { op, element }
            }
            Some(_) => Self::Nothing,
        }
    }

    pub(super) const fn claim(self, of: &ElementProof) -> Claimed {
        match self {
            Self::Whole => Claimed::Number,
            Self::Until { op, .. } if of.op < op => Claimed::Number,
            Self::Until { op, element } if of.op == op && of.output == 0 => {
                if of.element < element {
                    Claimed::SomeNumber
                } else if of.element == element {
                    Claimed::NoNumber
                } else {
                    Claimed::Nothing
                }
            }
            Self::Until { .. } | Self::Nothing => Claimed::Nothing,
        }
    }
}
