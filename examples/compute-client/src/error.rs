//! What may go wrong, with what to do about it.

use std::path::{Path, PathBuf};

use dfsn_compute::ComputeError;
use dfsn_compute::service::listen::ListenError;
use dfsn_compute::service::{ServiceError, UrlError};
use thiserror::Error;

use crate::profile::{Device, Profile};

/// Why a command did not do what it was asked for.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    #[error("there is no configuration {}; `compute-client init` writes one", .0.display())]
    NoConfig(PathBuf),
    #[error("{} is there already; name another file with --config, or delete it", .0.display())]
    Exists(PathBuf),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    Config { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{}: set `node` to your node's public key; the node's operator tells it", .0.display())]
    NoNode(PathBuf),
    #[error("{}: set `dial` to your node's URL, or `listen` to an address that the node reaches", .0.display())]
    NoWay(PathBuf),
    #[error("{}: name at least one model folder under [[models]]", .0.display())]
    NoModel(PathBuf),
    #[error("{}: `device` is {device}, but no model has profile = \"float\"; exact-v1 runs on the CPU", path.display())]
    NoFloats { path: PathBuf, device: Device },
    #[error("model {} is configured twice with profile {profile}; delete one", path.display())]
    Twice { path: PathBuf, profile: Profile },
    #[error(
        "model {}: this compute-client was built without libtorch, which profile float needs; install it with \
         --features torch, or leave `profile` out for exact-v1",
        .0.display()
    )]
    NoTorch(PathBuf),
    #[error("key file {} can be read by others; run: chmod 600 {}", .0.display(), .0.display())]
    OpenKey(PathBuf),
    #[error("key file {} holds no key; it should be 64 hexadecimal digits, as `init` writes them", .0.display())]
    BadKey(PathBuf),
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
    #[error("cannot read the model: {0}")]
    Manifest(#[from] dfsn_compute::ManifestError),
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("dial: {0}")]
    Url(#[from] UrlError),
    #[error("a part of the worker stopped: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error("cannot print: {0}")]
    Print(std::io::Error),
}

impl ClientError {
    /// For `map_err` on a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
