//! An ordered set with a root.

use core::fmt;

use super::MerkleMap;
use super::iter::Iter;
use super::key::MerkleKey;
use super::value::MerkleValue;
use crate::hash::Hash;

/// Keys without values; otherwise as [`MerkleMap`].
#[derive(Clone, PartialEq, Eq)]
pub struct MerkleSet<K>(MerkleMap<K, ()>);

impl<K> Default for MerkleSet<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> MerkleSet<K> {
    /// The empty set.
    pub const fn new() -> Self {
        Self(MerkleMap::new())
    }

    /// Number of keys.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys, in order.
    pub fn iter(&self) -> Keys<'_, K> {
        Keys(self.0.iter())
    }

    /// The smallest key.
    pub fn first(&self) -> Option<&K> {
        self.0.first().map(|(key, ())| key)
    }

    /// The largest key.
    pub fn last(&self) -> Option<&K> {
        self.0.last().map(|(key, ())| key)
    }

    /// The set as a map to nothing.
    pub const fn as_map(&self) -> &MerkleMap<K, ()> {
        &self.0
    }
}

impl<K: MerkleKey> MerkleSet<K> {
    /// Whether it holds a key.
    pub fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Keys that are `key` or larger, in order.
    pub fn range_from(&self, key: &K) -> Keys<'_, K> {
        Keys(self.0.range_from(key))
    }

    /// Adds a key; false if it was there.
    pub fn insert(&mut self, key: K) -> bool {
        // A key that is there already leaves all hashes as they are.
        !self.0.contains_key(&key) && self.0.insert(key, ()).is_none()
    }

    /// Takes a key out; false if it was not there.
    pub fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    /// Takes the smallest key out.
    pub fn pop_first(&mut self) -> Option<K> {
        self.0.pop_first().map(|(key, ())| key)
    }

    /// The root over all keys (rule HSH-06).
    pub fn root(&self) -> Hash {
        self.0.root()
    }
}

/// A set as a value of a map is shown by its root.
impl<K: MerkleKey> MerkleValue for MerkleSet<K> {
    fn value_bytes(&self) -> Vec<u8> {
        self.root().as_bytes().to_vec()
    }
}

/// Keys of a set, in order.
#[derive(Clone)]
pub struct Keys<'a, K>(Iter<'a, K, ()>);

impl<'a, K> Iterator for Keys<'a, K> {
    type Item = &'a K;

    fn next(&mut self) -> Option<&'a K> {
        self.0.next().map(|(key, ())| key)
    }
}

impl<K> fmt::Debug for Keys<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl<K: fmt::Debug> fmt::Debug for MerkleSet<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<K: MerkleKey> FromIterator<K> for MerkleSet<K> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key, ())).collect())
    }
}

impl<'a, K> IntoIterator for &'a MerkleSet<K> {
    type Item = &'a K;
    type IntoIter = Keys<'a, K>;

    fn into_iter(self) -> Keys<'a, K> {
        self.iter()
    }
}
