//! What can keep the exact engine from a result.

use dfsn_consensus::exact::{LayoutError, ProgramError};
use thiserror::Error;

use super::CanonicalError;
use super::simd::SimdError;

/// Why an exact computation has no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExactError {
    /// The model or the picture's size has no exact form.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The model has no canonical file.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The canonical file cannot be written or used.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A kernel refused.
    #[error(transparent)]
    Simd(#[from] SimdError),
    /// libtorch refused or failed.
    #[cfg(feature = "torch")]
    #[error(transparent)]
    Torch(#[from] crate::torch::TorchError),
    /// A device of libtorch that differs from the definition.
    #[cfg(feature = "torch")]
    #[error(
        "{device} computes {operation} otherwise than exact-v1 defines it: use another device or the simd backend"
    )]
    Device {
        /// The device.
        device: String,
        /// What it does otherwise.
        operation: &'static str,
    },
    /// A setting of the model that has no exact form.
    #[error("the exact profile does not know {key} {value}")]
    Unsupported {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// A NaN or an infinity.
    #[error("operation {op} meets a number that is not finite")]
    NotFinite {
        /// The operation in the network's program.
        op: usize,
        /// The least element of its first output that has no value, where one picture is computed.
        element: Option<u64>,
    },
    /// A weight that cannot be quantised.
    #[error("tensor {tensor:?} holds {value}, which is not finite")]
    Weight {
        /// The tensor.
        tensor: String,
        /// The number.
        value: f32,
    },
    /// Inputs of other sizes than the network's.
    #[error("the inputs have {found:?} numbers, the network takes {expected:?}")]
    Inputs {
        /// Numbers given.
        found: Vec<usize>,
        /// Numbers wanted.
        expected: Vec<usize>,
    },
    /// An element that is not there: a token that the model does not have, or a mistake of the engine.
    #[error("operation {op} has no {what}")]
    Inconsistent {
        /// The operation in the network's program.
        op: usize,
        /// What is missing.
        what: &'static str,
    },
    /// More threads than a process should have.
    #[error("{found} threads were asked for, at most {max} are allowed")]
    TooManyThreads {
        /// Threads asked for.
        found: u16,
        /// The most.
        max: u16,
    },
    /// The threads could not be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}
