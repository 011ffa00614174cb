//! A store that outlives the chain that writes to it, and fails when a test says so.

use std::sync::{Arc, Mutex, MutexGuard};

use dfsn_consensus::store::{Entries, Entry, KvStore, MemoryStore, StoreError, WriteBatch};

/// When the power goes in a write, seen from the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nothing of it arrived.
    Before,
    /// All of it arrived, and nobody was told.
    After,
}

/// Entries that clones share, as processes share a disk one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    store: MemoryStore,
    last: WriteBatch,
    cut: Option<Cut>,
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Cuts the next write.
    pub(crate) fn cut_next(&self, cut: Cut) {
        self.lock().cut = Some(cut);
    }

    /// The batch that was written last.
    pub(crate) fn last_batch(&self) -> WriteBatch {
        self.lock().last.clone()
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.lock().store.iterate(&[], &[]).unwrap().map(Result::unwrap).collect()
    }

    /// A disk of its own with the same entries.
    pub(crate) fn copy(&self) -> Self {
        let store = self.lock().store.clone();
        Self(Arc::new(Mutex::new(Inner { store, ..Inner::default() })))
    }

    /// Writes without a chain.
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) {
        let mut batch = WriteBatch::default();
        batch.put(key, value);
        self.lock().store.write(batch).unwrap();
    }

    pub(crate) fn delete(&self, key: &[u8]) {
        let mut batch = WriteBatch::default();
        batch.delete(key);
        self.lock().store.write(batch).unwrap();
    }
}

impl KvStore for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.lock().store.get(key)
    }

    fn iterate<'a>(&'a self, prefix: &[u8], start: &[u8]) -> Result<Entries<'a>, StoreError> {
        let entries: Vec<_> = self.lock().store.iterate(prefix, start)?.collect();
        Ok(Box::new(entries.into_iter()))
    }

    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let cut = inner.cut.take();
        if cut != Some(Cut::Before) {
            inner.store.write(batch.clone())?;
            inner.last = batch;
        }
        cut.map_or(Ok(()), |cut| Err(StoreError(format!("power cut: {cut:?}").into())))
    }
}
