//! How a worker is to run, and why it may not.

use std::path::PathBuf;
use std::time::Duration;

use dfsn_types::PublicKey;
use thiserror::Error;

use crate::error::ComputeError;
use crate::service::store::StoreError;

/// How a worker is to run.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// The one key whose requests are served.
    pub node: PublicKey,
    /// Folder of results and traces.
    pub data_dir: PathBuf,
    /// Bytes that results may take there.
    pub max_store_bytes: u64,
    /// Bytes of blobs in memory.
    pub max_blob_bytes: usize,
    /// Jobs that may wait, each with the picture that it starts from in memory: at most
    /// [`MAX_BLOB_BYTES`](crate::service::wire::MAX_BLOB_BYTES) of them.
    pub queue_capacity: usize,
    /// Most pixels of a picture, for devices with little memory.
    pub max_pixels: u64,
    /// Longest deadline of a job.
    pub max_deadline: Duration,
    /// Longest time that a result is kept.
    pub max_keep: Duration,
}

impl ServiceOptions {
    /// Defaults for a node and a folder: 20 GiB of results, 8 waiting jobs, 2048 x 2048 pixels, a day.
    pub fn new(node: PublicKey, data_dir: PathBuf) -> Self {
        Self {
            node,
            data_dir,
            max_store_bytes: 20 << 30,
            max_blob_bytes: 64 << 20,
            queue_capacity: 8,
            max_pixels: 2048 * 2048,
            max_deadline: Duration::from_secs(3_600),
            max_keep: Duration::from_secs(24 * 3_600),
        }
    }
}

/// Why a worker does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A model.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// The folder of results.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The line that guards against replays.
    #[error("cannot open the replay guard: {0}")]
    Replay(std::io::Error),
    /// The system's randomness.
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
    /// No model at all.
    #[error("no model is configured")]
    NoModel,
}
