//! The ordered map whose root is a hash.

use core::fmt;

use super::iter::Iter;
use super::key::{KeyBytes, MerkleKey};
use super::node::Node;
use super::value::MerkleValue;
use crate::domain::Domain;
use crate::hash::Hash;

/// An ordered map that is cheap to clone and has a root hash (rules HSH-05, HSH-06).
///
/// A binary trie over the bits of [`KeyBytes`] with branches only where keys differ: its shape, and so its root, depends on what
/// it holds and not on how that came in. Copies share what they have in common; a change copies the path to it and nothing else,
/// and only that path is hashed again.
#[derive(Clone, PartialEq, Eq)]
pub struct MerkleMap<K, V> {
    pub(super) root: Option<Node<K, V>>,
    len: usize,
}

impl<K, V> Default for MerkleMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> MerkleMap<K, V> {
    /// The empty map.
    pub const fn new() -> Self {
        Self { root: None, len: 0 }
    }

    /// Number of entries.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// All entries, in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::all(self.root.as_ref())
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entry with the smallest key.
    pub fn first(&self) -> Option<(&K, &V)> {
        self.root.as_ref().map(|root| root.first()).map(|leaf| (&leaf.key, &leaf.value))
    }

    /// The entry with the largest key.
    pub fn last(&self) -> Option<(&K, &V)> {
        self.root.as_ref().map(|root| root.last()).map(|leaf| (&leaf.key, &leaf.value))
    }
}

impl<K: MerkleKey, V> MerkleMap<K, V> {
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let leaf = self.root.as_ref()?.reach(&KeyBytes::of(key));
        (leaf.key == *key).then_some(&leaf.value)
    }

    /// Whether there is a value for a key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Entries whose keys are `key` or larger, in order.
    pub fn range_from(&self, key: &K) -> Iter<'_, K, V> {
        Iter::from(self.root.as_ref(), &KeyBytes::of(key))
    }
}

impl<K: MerkleKey, V: Clone> MerkleMap<K, V> {
    /// The value of a key, to be changed. Its path is hashed again, whether or not it is changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        if !self.contains_key(key) {
            return None;
        }
        Some(self.root.as_mut()?.reach_mut(&KeyBytes::of(key)).value_mut())
    }

    /// Sets the value of a key and gives the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let bytes = KeyBytes::of(&key);
        let Some(root) = self.root.as_mut() else {
            self.root = Some(Node::leaf(key, value));
            self.len = 1;
            return None;
        };
        match KeyBytes::of(&root.reach(&bytes).key).first_difference(&bytes) {
            None => Some(core::mem::replace(root.reach_mut(&bytes).value_mut(), value)),
            Some(bit) => {
                root.split(&bytes, bit, Node::leaf(key, value));
                self.len = self.len.saturating_add(1);
                None
            }
        }
    }

    /// The value of a key, to be changed; `default` makes it where there is none.
    pub fn get_or_insert_with(&mut self, key: K, default: impl FnOnce() -> V) -> &mut V {
        let bytes = KeyBytes::of(&key);
        let root = match self.root.take() {
            None => {
                self.len = 1;
                self.root.insert(Node::leaf(key, default()))
            }
            Some(mut root) => {
                if let Some(bit) = KeyBytes::of(&root.reach(&bytes).key).first_difference(&bytes) {
                    root.split(&bytes, bit, Node::leaf(key, default()));
                    self.len = self.len.saturating_add(1);
                }
                self.root.insert(root)
            }
        };
        root.reach_mut(&bytes).value_mut()
    }

    /// The value of a key, to be changed; the type's default where there is none.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    /// Takes the value of a key out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        if !self.contains_key(key) {
            return None;
        }
        self.len = self.len.saturating_sub(1);
        let removed = match self.root.take()? {
            Node::Leaf(leaf) => std::sync::Arc::unwrap_or_clone(leaf),
            mut branch @ Node::Branch(_) => {
                let removed = branch.cut(&KeyBytes::of(key));
                self.root = Some(branch);
                removed?
            }
        };
        Some(removed.value)
    }

    /// Takes the entry with the smallest key out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.first().map(|(key, _)| key.clone())?;
        let value = self.remove(&key)?;
        Some((key, value))
    }
}

impl<K: MerkleKey, V: MerkleValue> MerkleMap<K, V> {
    /// The root over all entries (rule HSH-06). What has not changed since the last call is not hashed again.
    pub fn root(&self) -> Hash {
        self.root.as_ref().map_or_else(empty_hash, Node::hash)
    }
}

/// Root of a map without entries.
pub(super) fn empty_hash() -> Hash {
    Domain::MerkleEmpty.hash_bytes(&[])
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for MerkleMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: MerkleKey, V: Clone> FromIterator<(K, V)> for MerkleMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: MerkleKey, V: Clone> Extend<(K, V)> for MerkleMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'a, K, V> IntoIterator for &'a MerkleMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}
