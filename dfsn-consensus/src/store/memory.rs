//! A store that lives as long as its process.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{Entries, KvStore, StoreError, WriteBatch};

/// Entries in memory, for tests and embedded networks.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(BTreeMap<Vec<u8>, Vec<u8>>);

impl KvStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn iterate<'a>(&'a self, prefix: &[u8], start: &[u8]) -> Result<Entries<'a>, StoreError> {
        let prefix = prefix.to_vec();
        let from = self.0.range::<[u8], _>((Bound::Included(prefix.as_slice().max(start)), Bound::Unbounded));
        let same = from.take_while(move |(key, _)| key.starts_with(&prefix));
        Ok(Box::new(same.map(|(key, value)| Ok((key.clone(), value.clone())))))
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
