//! What a map holds, or does not hold, under one key: shown against its root.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::MerkleMap;
use super::key::{KEY_BYTES_MAX, KeyBytes, MerkleKey};
use super::map::empty_hash;
use super::node::{Node, branch_hash, leaf_hash};
use super::value::{MerkleValue, value_hash};
use crate::bounded::BoundedVec;
use crate::hash::Hash;

/// The most branches of a way: one for each bit of the widest key.
pub const BRANCHES_MAX: usize = KEY_BYTES_MAX * 8;

/// The way of one key through a map, from the root down (rule PRF-01).
///
/// 34 bytes for each branch: about 20 branches among a million accounts.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MerkleProof {
    /// Branches on the way.
    pub branches: BoundedVec<ProofBranch, BRANCHES_MAX>,
    /// The entry at the end of the way, if it is not the key's own.
    pub other: Option<OtherEntry>,
}

/// A branch on the way of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofBranch {
    /// The bit in which both parts differ.
    pub bit: u16,
    /// Hash of the part that the key is not in.
    pub sibling: Hash,
}

/// An entry of another key, at the only place where the key could be.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherEntry {
    /// Its key.
    pub key: BoundedVec<u8, KEY_BYTES_MAX>,
    /// Hash of its value.
    pub value: Hash,
}

/// A proof that shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MerkleProofError {
    /// Branches that no map has.
    #[error("PRF-01: branch {index} is at bit {bit}, the one above it at bit {above}")]
    Order {
        /// Which branch, from 0.
        index: usize,
        /// Its bit.
        bit: u16,
        /// The bit of the branch before.
        above: u16,
    },
    /// A value for the key, and another key's entry in its place.
    #[error("PRF-02: a value is shown, and the entry of another key in its place")]
    Both,
    /// The entry that should show that the key is not there is the key's own.
    #[error("PRF-03: the entry shown in place of the key is the key's own")]
    Present,
    /// A key of another width than those of the map.
    #[error("PRF-03: the other entry's key has {actual} bytes, keys of this map have {expected}")]
    Width {
        /// Bytes of the key shown.
        actual: usize,
        /// Bytes of the map's keys.
        expected: usize,
    },
    /// Nothing at the end of the way.
    #[error("PRF-03: no entry at the end of {branches} branches")]
    End {
        /// Number of branches.
        branches: usize,
    },
    /// The way leads elsewhere.
    #[error("PRF-01: the way leads to root {actual}, not to {expected}")]
    Root {
        /// Root of what is shown.
        actual: Hash,
        /// Root asked about.
        expected: Hash,
    },
}

impl MerkleProof {
    /// Checks that a map with this root holds `value` (in the bytes of [`MerkleValue`]) under `key`, or, given no value, that it
    /// holds nothing there (rules PRF-01 to PRF-03).
    ///
    /// # Errors
    /// [`MerkleProofError`] when this does not show it; it says nothing about what the map holds then.
    pub fn verify<K: MerkleKey>(
        &self,
        root: &Hash,
        key: &K,
        value: Option<&[u8]>,
    ) -> Result<(), MerkleProofError> {
        let key = KeyBytes::of(key);
        self.check_order()?;
        let end = match (value, &self.other) {
            (Some(_), Some(_)) => return Err(MerkleProofError::Both),
            (Some(value), None) => leaf_hash(key.as_slice(), &value_hash(value)),
            (None, Some(other)) => other.hash_beside(&key)?,
            (None, None) if self.branches.is_empty() => empty_hash(),
            (None, None) => return Err(MerkleProofError::End { branches: self.branches.len() }),
        };
        let actual = self.branches.iter().rev().fold(end, |below, branch| {
            let (left, right) =
                if key.bit(branch.bit) { (&branch.sibling, &below) } else { (&below, &branch.sibling) };
            branch_hash(branch.bit, left, right)
        });
        if actual == *root { Ok(()) } else { Err(MerkleProofError::Root { actual, expected: *root }) }
    }

    fn check_order(&self) -> Result<(), MerkleProofError> {
        let pairs = self.branches.iter().zip(self.branches.iter().skip(1)).zip(1..);
        for ((above, branch), index) in pairs {
            if branch.bit <= above.bit {
                return Err(MerkleProofError::Order { index, bit: branch.bit, above: above.bit });
            }
        }
        Ok(())
    }
}

impl OtherEntry {
    /// The hash of this entry, which stands where `key` would. Without the width, bytes of the key could be taken for bytes of the
    /// value.
    fn hash_beside(&self, key: &KeyBytes) -> Result<Hash, MerkleProofError> {
        let (actual, expected) = (self.key.len(), key.as_slice().len());
        if actual != expected {
            return Err(MerkleProofError::Width { actual, expected });
        }
        if *self.key == *key.as_slice() {
            return Err(MerkleProofError::Present);
        }
        Ok(leaf_hash(&self.key, &self.value))
    }
}

impl<K: MerkleKey, V: MerkleValue> MerkleMap<K, V> {
    /// Shows what the map holds under a key, or that it holds nothing there.
    pub fn prove(&self, key: &K) -> MerkleProof {
        let bytes = KeyBytes::of(key);
        let (mut branches, mut other) = (Vec::new(), None);
        let mut next = self.root.as_ref();
        while let Some(node) = next {
            next = match node {
                Node::Branch(branch) => {
                    let sibling = branch.sibling(&bytes).hash();
                    branches.push(ProofBranch { bit: branch.bit, sibling });
                    Some(branch.child(&bytes))
                }
                Node::Leaf(leaf) => {
                    other = (leaf.key != *key).then(|| OtherEntry::of(&leaf.key, &leaf.value));
                    None
                }
            };
        }
        // A way has at most as many branches as a key has bits.
        MerkleProof { branches: BoundedVec::new(branches).unwrap_or_default(), other }
    }
}

impl OtherEntry {
    fn of<K: MerkleKey, V: MerkleValue>(key: &K, value: &V) -> Self {
        let key = KeyBytes::of(key).as_slice().to_vec();
        Self { key: BoundedVec::new(key).unwrap_or_default(), value: value_hash(&value.value_bytes()) }
    }
}
