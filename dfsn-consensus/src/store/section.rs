//! A map of the state as entries of a store.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::merkle::MerkleKey;
use dfsn_types::{Address, BlockHeight, MerkleMap, MerkleSet, ModelRecord, ProfileRecord, Prompt, codec};

use super::{Table, WriteBatch};
use crate::state::{Account, Coins, Hold, Job, ModelDeposit, QueueKey, Validator};

/// The most bytes of one record of the state.
const RECORD_MAX: usize = 64 << 20;

/// A part of the state that is stored entry by entry.
pub(super) trait Section {
    /// Adds what turns `older` into this; the work is that of the change.
    fn write_changes(&self, older: &Self, table: Table, batch: &mut WriteBatch);

    /// Takes one entry in, whose key comes without the byte of its table.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read_entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), String>;
}

/// A value that is one entry.
pub(super) trait Record: BorshSerialize + BorshDeserialize + Clone + PartialEq {}

macro_rules! records {
    ($($value:ty),* $(,)?) => { $( impl Record for $value {} )* };
}

records!(
    Account,
    Validator,
    Address,
    ModelRecord,
    ModelDeposit,
    ProfileRecord,
    Prompt,
    Job,
    (Address, Coins),
    Hold,
    BlockHeight,
);

impl<K: MerkleKey, V: Record> Section for MerkleMap<K, V> {
    fn write_changes(&self, older: &Self, table: Table, batch: &mut WriteBatch) {
        for (key, value) in self.changes_since(older) {
            match value {
                Some(value) => batch.put(table.entry(key), codec::encode(value)),
                None => batch.delete(table.entry(key)),
            }
        }
    }

    fn read_entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let value = codec::decode(value, RECORD_MAX).map_err(|error| error.to_string())?;
        self.insert(read_key(key)?, value);
        Ok(())
    }
}

impl<K: MerkleKey> Section for MerkleSet<K> {
    fn write_changes(&self, older: &Self, table: Table, batch: &mut WriteBatch) {
        for (key, value) in self.as_map().changes_since(older.as_map()) {
            match value {
                Some(()) => batch.put(table.entry(key), []),
                None => batch.delete(table.entry(key)),
            }
        }
    }

    fn read_entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        check_empty(value)?;
        self.insert(read_key(key)?);
        Ok(())
    }
}

/// Queues are stored place by place; an empty one is none (rule DRW-01).
impl<K: MerkleKey> Section for MerkleMap<K, MerkleSet<QueueKey>> {
    fn write_changes(&self, older: &Self, table: Table, batch: &mut WriteBatch) {
        let none = MerkleSet::new();
        for (key, new) in self.changes_since(older) {
            let (new, old) = (new.unwrap_or(&none), older.get(key).unwrap_or(&none));
            for (place, value) in new.as_map().changes_since(old.as_map()) {
                let entry = table.entry(&(key.clone(), *place));
                match value {
                    Some(()) => batch.put(entry, []),
                    None => batch.delete(entry),
                }
            }
        }
    }

    fn read_entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        check_empty(value)?;
        let (key, place) = read_key::<(K, QueueKey)>(key)?;
        self.get_or_default(key).insert(place);
        Ok(())
    }
}

fn read_key<K: MerkleKey>(bytes: &[u8]) -> Result<K, String> {
    let mut rest = bytes;
    let key = K::read_key(&mut rest).filter(|_| rest.is_empty());
    key.ok_or_else(|| format!("{} bytes are no key of this table, whose keys have {}", bytes.len(), K::WIDTH))
}

fn check_empty(value: &[u8]) -> Result<(), String> {
    if value.is_empty() {
        Ok(())
    } else {
        Err(format!("a value of {} bytes where none belongs", value.len()))
    }
}
