//! What stops the program.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use thiserror::Error;

/// One line that says what, where and what to do.
#[derive(Debug, Error)]
pub(crate) enum EconomicsError {
    /// The file of parameters cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} holds no ConsensusParams: {source}; start from the output of --print-params", path.display())]
    Params {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The plot cannot be written.
    #[error("cannot write {}: {source}; choose another folder with --out", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The plot cannot be drawn.
    #[error("cannot draw the plot: {0}")]
    Plot(String),
    /// Nobody reads the output.
    #[error("cannot print: {0}")]
    Output(io::Error),
    /// Values that have no JSON form.
    #[error("cannot print JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// No validator can take a job.
    #[error(
        "no validator took any of the first {0} jobs: their stake does not cover the collateral; lower collateral_prices"
    )]
    NobodyWorks(u32),
    /// Cheating pays.
    #[error("cheating pays under these parameters: {0}")]
    Margin(String),
}

impl EconomicsError {
    /// 3 when the figures were printed and are bad, 1 otherwise.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Margin(_) => ExitCode::from(3),
            _ => ExitCode::FAILURE,
        }
    }
}
