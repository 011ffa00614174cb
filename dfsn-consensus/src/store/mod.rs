//! The seam to storage.

mod memory;

pub use memory::MemoryStore;

use thiserror::Error;

/// A store that cannot answer.
#[derive(Debug, Error)]
#[error("storage: {0}")]
pub struct StoreError(pub Box<dyn std::error::Error + Send + Sync>);

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Keys and values in order, written in atomic batches.
pub trait KvStore {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// All entries whose key starts with `prefix`, in ascending order.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn iterate(&self, prefix: &[u8]) -> Result<Vec<Entry>, StoreError>;

    /// Writes a batch, whole or not at all.
    ///
    /// # Errors
    /// [`StoreError`] when nothing of it was written.
    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError>;
}

/// Changes that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteBatch {
    /// Entries to set.
    pub puts: Vec<Entry>,
    /// Keys to remove.
    pub deletes: Vec<Vec<u8>>,
}

impl WriteBatch {
    /// Adds an entry to set.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.puts.push((key.into(), value.into()));
    }

    /// Adds a key to remove.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.deletes.push(key.into());
    }
}
