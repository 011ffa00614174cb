//! What libtorch reports.

use tch::TchError;
use thiserror::Error;

use super::TorchOptions;

/// libtorch refused or failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TorchError {
    /// An operation failed. The text is the first line of libtorch's message.
    #[error("libtorch: {0}")]
    Operation(String),
    /// The device asked for is not there.
    #[error("device {device} is not available: {reason}")]
    NoDevice {
        /// The device.
        device: String,
        /// Why.
        reason: String,
    },
    /// A number format that is none of those there are.
    #[error("unknown dtype {0:?}, known: f32, bf16, f16")]
    UnknownDtype(String),
    /// More threads than libtorch is let start.
    #[error("{wanted} threads were asked for, at most {max} are allowed", max = TorchOptions::MAX_THREADS)]
    TooManyThreads {
        /// Threads asked for.
        wanted: u16,
    },
    /// libtorch is set to another number of threads in this process.
    #[error("libtorch already runs {running} threads in this process, {wanted} were asked for")]
    Threads {
        /// Threads it runs.
        running: u16,
        /// Threads asked for.
        wanted: u16,
    },
}

impl From<TchError> for TorchError {
    fn from(error: TchError) -> Self {
        // A C++ stack trace follows the first line.
        let text = error.to_string();
        Self::Operation(text.lines().next().unwrap_or_default().to_owned())
    }
}
