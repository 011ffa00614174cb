//! What can go wrong before a node runs, or ends it.

use std::io;
use std::path::{Path, PathBuf};

use dfsn_compute::service::listen::ListenError;
use dfsn_compute::{ComputeError, ManifestError};
use dfsn_consensus::state::GenesisError;
use dfsn_consensus::store::{OpenError, RedbError};
use dfsn_consensus::vm::VmError;
use thiserror::Error;

use crate::registration::RegistrationError;

/// Why a node does not start, or stops.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// A file or folder.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration.
    #[error("{path}: {reason}; `fusionvm config` prints a whole file")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The genesis file.
    #[error("{path} is no genesis: {reason}")]
    GenesisFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The schedule of upgrades.
    #[error("{path}: {reason}")]
    Upgrades {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A genesis that is no start of a network.
    #[error(transparent)]
    Genesis(Box<GenesisError>),
    /// The folder was made for something else.
    #[error(
        "{path} was made for model {found}, this is model {given}: give the same model, or a folder of its own \
         with --data-dir"
    )]
    OtherModel {
        /// The data folder.
        path: PathBuf,
        /// In its genesis.
        found: String,
        /// On the command line.
        given: String,
    },
    /// The file of the chain.
    #[error(transparent)]
    Store(#[from] RedbError),
    /// What is in it.
    #[error(transparent)]
    Chain(Box<OpenError>),
    /// The chain refuses to go on.
    #[error(transparent)]
    Vm(Box<VmError>),
    /// The index beside the chain.
    #[error("{path}: {reason}; delete the file, it is made again from the chain")]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder of pictures.
    #[error("{path} is full: {used} bytes of {max}")]
    BlobsFull {
        /// Which.
        path: PathBuf,
        /// Bytes in it.
        used: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// A folder without a web page.
    #[error(
        "{0} holds no page: there is no index.html; `cargo xtask webapp` builds the one of this repository"
    )]
    Page(PathBuf),
    /// The port.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A model folder.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A model.
    #[error(transparent)]
    Model(Box<ComputeError>),
    /// A ComputeClient.
    #[error("compute client: {0}")]
    Compute(String),
    /// A secret.
    #[error(transparent)]
    Keystore(#[from] crate::keystore::KeystoreError),
    /// A registration.
    #[error(transparent)]
    Registration(Box<RegistrationError>),
    /// The system's randomness.
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
    /// The node that this program is a plugin of.
    #[error("plugin: {0}")]
    Plugin(String),
    /// A part of the node has ended by itself.
    #[error("the node's {0} has stopped; its last messages say why")]
    Stopped(&'static str),
}

macro_rules! boxed {
    ($($name:ident: $error:ty),*) => {
        $(impl From<$error> for NodeError {
            fn from(error: $error) -> Self {
                Self::$name(Box::new(error))
            }
        })*
    };
}

// Their enums are long, and a result is as long as its longest error.
boxed! {
    Genesis: GenesisError, Chain: OpenError, Vm: VmError, Model: ComputeError, Registration: RegistrationError
}

impl NodeError {
    /// Names the path that an error of the system is about.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
