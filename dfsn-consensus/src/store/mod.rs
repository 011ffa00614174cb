//! The seam to storage, and what of a chain lies where in it (chapter 12 of docs/spec).

pub(crate) mod chain;
mod error;
mod memory;
#[cfg(feature = "redb")]
mod redb;
mod section;
mod state;
mod table;

pub use chain::STORE_FORMAT;
pub use error::{OpenError, ReadError};
pub use memory::MemoryStore;
#[cfg(feature = "redb")]
pub use redb::{RedbError, RedbStore};
pub use state::{read as read_state, state_batch};
pub use table::EntryName;

use table::Table;

use thiserror::Error;

/// A store that cannot answer.
#[derive(Debug, Error)]
#[error("storage: {0}")]
pub struct StoreError(pub Box<dyn std::error::Error + Send + Sync>);

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Entries of a store, one at a time.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, StoreError>> + 'a>;

/// Keys and values in order, written in atomic batches.
pub trait KvStore {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The entries whose key starts with `prefix` and is not below `start`, in ascending order. They are read as they are asked
    /// for; none but the current one need be in memory.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot answer, now or at an entry.
    fn iterate<'a>(&'a self, prefix: &[u8], start: &[u8]) -> Result<Entries<'a>, StoreError>;

    /// Writes a batch, whole or not at all, so that it is there after a loss of power.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot say that the batch was written. Whether it was shows when the store is opened again.
    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError>;
}

/// Changes that belong together. No key is in it twice.
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

    /// Bytes of all keys and values.
    pub fn byte_len(&self) -> usize {
        let puts = self.puts.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        puts.chain(self.deletes.iter().map(Vec::len)).fold(0, usize::saturating_add)
    }
}
