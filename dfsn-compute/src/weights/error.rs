//! What can be wrong with weights.

use std::path::PathBuf;

use thiserror::Error;

/// A weights file that does not hold what the model needs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file is missing or unreadable.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Cut off or otherwise no safetensors file.
    #[error("{file} is not a valid safetensors file: {reason}")]
    Broken {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An index of shards that cannot be followed.
    #[error("{file} is not a valid index of shards: {reason}")]
    Index {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that the configuration asks for.
    #[error("{file}: tensor {tensor:?} is missing")]
    Missing {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor of another shape than the configuration asks for.
    #[error("{file}: tensor {tensor:?} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape wanted.
        expected: Vec<usize>,
    },
    /// A tensor in a number format that is not read.
    #[error("{file}: tensor {tensor:?} is stored as {dtype}, only F16, BF16, F32 and F64 are read")]
    Dtype {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its format.
        dtype: String,
    },
    /// Tensors that the configuration has no place for.
    #[error("{file}: {count} tensors have no place in the configured model, the first is {tensor:?}")]
    Extra {
        /// The file.
        file: PathBuf,
        /// How many.
        count: usize,
        /// The first by name.
        tensor: String,
    },
    /// A checkpoint whose networks cannot be told from its tensors.
    #[error("{file}: {reason}")]
    Unrecognised {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        reason: String,
    },
}
