//! Where what lies: the first byte of a key.

use core::fmt;

use borsh::BorshDeserialize;
use dfsn_types::codec;
use dfsn_types::merkle::{KeyBytes, MerkleKey};

use super::{KvStore, ReadError};

/// A kind of entries (rule STO-01). Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// About the store itself.
    Meta = 0,
    /// Blocks, by hash.
    Blocks = 1,
    /// Receipts and events of blocks, by hash.
    Receipts = 2,
    /// Hashes of blocks, by height.
    Heights = 3,
    /// What of the state is no map; one entry.
    Scalars = 16,
    // The maps of the state, by their keys.
    Accounts = 17,
    Validators = 18,
    Owners = 19,
    Changes = 20,
    Models = 21,
    ModelDeposits = 22,
    Profiles = 23,
    TestPrompts = 24,
    Jobs = 25,
    /// By pair and place in its queue.
    Queues = 26,
    Windows = 27,
    Ended = 28,
    Unbonding = 29,
    Holds = 30,
    Notes = 31,
    NoteOrder = 32,
}

impl Table {
    /// The key of an entry.
    pub(super) fn key(self, rest: &[u8]) -> Vec<u8> {
        [&[self as u8], rest].concat()
    }

    /// The key of an entry of a map.
    pub(super) fn entry<K: MerkleKey>(self, key: &K) -> Vec<u8> {
        self.key(KeyBytes::of(key).as_slice())
    }

    /// The value of an entry, decoded from at most `max` bytes.
    ///
    /// # Errors
    /// [`ReadError`] names the entry when it is not what belongs there.
    pub(super) fn read<S: KvStore, T: BorshDeserialize>(
        self,
        store: &S,
        rest: &[u8],
        max: usize,
    ) -> Result<Option<T>, ReadError> {
        let Some(bytes) = store.get(&self.key(rest))? else { return Ok(None) };
        let decoded = codec::decode(&bytes, max);
        decoded.map(Some).map_err(|error| ReadError::corrupt(EntryName::new(self, rest), error))
    }
}

/// An entry, for a person who looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryName {
    table: Table,
    key: Vec<u8>,
}

impl EntryName {
    /// The entry with this key, without the byte of its table.
    pub(super) fn new(table: Table, key: &[u8]) -> Self {
        Self { table, key: key.to_vec() }
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (table {}), key 0x", self.table, self.table as u8)?;
        self.key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
