//! What stops the demo.

use std::path::PathBuf;

use dfsn_client::ClientError;
use dfsn_client::transport::TransportError;
use dfsn_compute::{ComputeError, ManifestError};
use dfsn_consensus::state::GenesisError;
use dfsn_consensus::store::OpenError;
use dfsn_consensus::vm::VmError;
use dfsn_types::{GenerationParamsError, ImageSizeError, TooLong, VrfError};
use thiserror::Error;

/// One line that says what, where and what to do.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// Ctrl-C.
    #[error("interrupted, nothing was left half-written")]
    Interrupted,
    /// The model folder.
    #[error(
        "model: {0}; give a folder in the diffusers layout with --model, or leave it out for the embedded one"
    )]
    Manifest(#[from] ManifestError),
    /// The model itself.
    #[error("model: {0}")]
    Compute(#[from] ComputeError),
    /// Too few steps to leave some out.
    #[error("--cheat fewer-steps needs at least 2 steps, found {0}; give more with --steps")]
    NothingToSkip(u16),
    /// A parameter over its limit.
    #[error("request: {0}")]
    Params(#[from] GenerationParamsError),
    /// A size that no request takes.
    #[error("request: {0}")]
    Size(#[from] ImageSizeError),
    /// The client.
    #[error("client: {0}")]
    Client(#[from] ClientError),
    /// The node.
    #[error("node: {0}")]
    Node(#[from] TransportError),
    /// A network without pictures.
    #[error("the network of {0} has no model, so it draws nothing; start its node with --model")]
    NoModel(String),
    /// The chain.
    #[error("chain: {0}")]
    Vm(#[from] VmError),
    /// The chain's store.
    #[error("chain: {0}")]
    Open(#[from] OpenError),
    /// The genesis.
    #[error("genesis: {0}")]
    Genesis(#[from] GenesisError),
    /// A list or a text of the genesis that is too long.
    #[error("genesis: {0}")]
    TooLong(#[from] TooLong),
    /// A VRF that cannot be computed.
    #[error("vrf: {0}")]
    Vrf(#[from] VrfError),
    /// The operating system gives no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(String),
    /// A file that cannot be written.
    #[error("cannot write {}: {source}; choose another folder with --out", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder for the pictures that is none.
    #[error("--out {} is a file, not a folder; choose another with --out", .0.display())]
    NotAFolder(PathBuf),
    /// Nobody reads the output any more.
    #[error("cannot print: {0}")]
    Print(std::io::Error),
    /// The network stopped.
    #[error("the embedded network stopped unexpectedly")]
    NetworkStopped,
    /// Money appeared or vanished.
    #[error("supply is not conserved: {actual} of {minted}")]
    Supply {
        /// What there is.
        actual: dfsn_types::Amount,
        /// What genesis made.
        minted: dfsn_types::Amount,
    },
    /// The run did not end as the flags ask.
    #[error("job {job} ended as {status} without a picture")]
    NoPicture {
        /// The job.
        job: dfsn_types::JobId,
        /// Its status.
        status: String,
    },
}
