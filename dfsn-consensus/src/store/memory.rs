//! A store that lives as long as its process.

use std::collections::BTreeMap;

use super::{Entry, KvStore, StoreError, WriteBatch};

/// Entries in memory, for tests and embedded networks.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(BTreeMap<Vec<u8>, Vec<u8>>);

impl KvStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn iterate(&self, prefix: &[u8]) -> Result<Vec<Entry>, StoreError> {
        let from = self.0.range(prefix.to_vec()..);
        let same = from.take_while(|(key, _)| key.starts_with(prefix));
        Ok(same.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        for (key, value) in batch.puts {
            self.0.insert(key, value);
        }
        for key in batch.deletes {
            self.0.remove(&key);
        }
        Ok(())
    }
}
