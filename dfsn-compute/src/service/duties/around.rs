//! What of a node a validator needs, and each kind of node has in its own way.

use async_trait::async_trait;
use bytes::Bytes;
use dfsn_types::{Address, Attempt, Boundary, FileHash, JobId, LeafOpening};

/// A state of another validator's trace that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateWanted {
    /// Who asks.
    pub asker: Address,
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// Whose trace.
    pub worker: Address,
    /// Which state.
    pub boundary: Boundary,
}

/// A state, with the proof that its worker committed to it. Whoever asked checks both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedState {
    /// Canonical bytes.
    pub bytes: Bytes,
    /// Their place in the trace.
    pub opening: LeafOpening,
}

/// A step that a worker has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// Picture, from 0.
    pub image: u8,
    /// Steps done.
    pub step: u16,
    /// Steps in all.
    pub steps: u16,
}

/// A rough small picture of what a worker is drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// Picture, from 0.
    pub image: u8,
    /// Steps done.
    pub step: u16,
    /// A PNG.
    pub file: Bytes,
}

/// The node around a validator.
#[async_trait]
pub trait Surroundings: std::fmt::Debug + Send + Sync {
    /// Keeps a picture for whoever asks for it by its hash. Says whether it is on disk.
    async fn keep(&self, file: Bytes) -> bool;

    /// Gets a file by its hash, from this node or another, checked against the hash.
    async fn fetch(&self, hash: FileHash, bytes_max: u32) -> Option<Bytes>;

    /// Gets a state from its worker's node. What comes is not checked.
    async fn state(&self, wanted: StateWanted) -> Option<ServedState>;

    /// Tells of a step. It may be lost.
    fn step(&self, step: Step);

    /// Shows a rough small picture. It may be lost, and a node need not show any.
    async fn look(&self, look: Look) {
        drop(look);
    }
}
