//! Results: what is read of them, and when they go.

use bytes::Bytes;
use dfsn_types::{Boundary, FileHash, LeafOpening, TraceLeaf, TraceShape, TraceTree};

use super::Service;
use crate::service::refusal::Refusal;
use crate::service::store::{StoreError, StoredResult};
use crate::service::wire::{JobKey, TraceLeaves};

impl Service {
    /// All leaves of a result's trace.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`], [`Refusal::NoResult`], [`Refusal::Internal`].
    pub fn trace(&self, key: JobKey) -> Result<TraceLeaves, Refusal> {
        Ok(TraceLeaves { leaves: self.stored(key)?.leaves })
    }

    /// The opening of one leaf.
    ///
    /// # Errors
    /// As [`Self::trace`], and [`Refusal::UnknownState`].
    pub fn opening(&self, key: JobKey, boundary: Boundary) -> Result<LeafOpening, Refusal> {
        let record = self.stored(key)?;
        let leaves = record.leaves.iter().copied().map(TraceLeaf::from).collect();
        let tree = TraceTree::new(TraceShape::of(&record.offer.params), leaves);
        let tree = tree.map_err(|error| Refusal::internal(&error))?;
        tree.open(boundary).map_err(|_| Refusal::UnknownState)
    }

    /// The canonical bytes of one state.
    ///
    /// # Errors
    /// As [`Self::opening`].
    pub fn state(&self, key: JobKey, boundary: Boundary) -> Result<Vec<u8>, Refusal> {
        self.store().state(key, boundary).map_err(|error| match error {
            StoreError::Unknown if self.store().contains(key) => Refusal::UnknownState,
            error => self.no_result(key, &error),
        })
    }

    /// Takes a blob.
    pub fn put_blob(&self, bytes: Bytes) -> FileHash {
        self.0.shared.blobs.put(bytes)
    }

    /// A blob: something handed over, a preview, a picture of a result, or one that a result started from.
    ///
    /// # Errors
    /// [`Refusal::UnknownBlob`], [`Refusal::Internal`].
    pub fn blob(&self, hash: &FileHash) -> Result<Bytes, Refusal> {
        if let Some(blob) = self.0.shared.blobs.get(hash) {
            return Ok(blob);
        }
        match self.store().blob(hash) {
            Ok(file) => Ok(file.into()),
            Err(StoreError::Unknown) => Err(Refusal::UnknownBlob { blob: *hash }),
            Err(error) => Err(Refusal::internal(&error)),
        }
    }

    /// A blob to compute from. One that cannot be read can be handed over again.
    pub(super) fn input(&self, hash: FileHash) -> Result<Bytes, Refusal> {
        self.blob(&hash).map_err(|_| Refusal::UnknownBlob { blob: hash })
    }

    /// Deletes a result whose audits are over.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`], [`Refusal::Internal`].
    pub fn release(&self, key: JobKey) -> Result<(), Refusal> {
        match self.store().release(key) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::UnknownJob),
            Err(error) => Err(Refusal::internal(&error)),
        }
    }

    /// Deletes results that are kept no longer; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sweep(&self, now_ms: u64) -> Result<usize, StoreError> {
        self.store().sweep(now_ms)
    }

    pub(super) fn stored(&self, key: JobKey) -> Result<StoredResult, Refusal> {
        self.store().result(key).map_err(|error| self.no_result(key, &error))
    }

    fn no_result(&self, key: JobKey, error: &StoreError) -> Refusal {
        match error {
            StoreError::Unknown if self.board().open(key).is_some() => Refusal::NoResult,
            StoreError::Unknown => Refusal::UnknownJob,
            error => {
                tracing::error!(%error, job = %key.job, "the store failed");
                Refusal::internal(error)
            }
        }
    }
}
