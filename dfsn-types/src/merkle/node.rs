//! Nodes of the trie: leaves, and branches at the bit in which the keys below them first differ.

use std::sync::{Arc, OnceLock};

use super::key::{KeyBytes, MerkleKey};
use super::value::{MerkleValue, value_hash};
use crate::domain::Domain;
use crate::hash::Hash;

/// A part of the trie, shared between all maps that hold the same part.
#[derive(Debug)]
pub(super) enum Node<K, V> {
    Leaf(Arc<Leaf<K, V>>),
    Branch(Arc<Branch<K, V>>),
}

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Leaf<K, V> {
    pub(super) key: K,
    pub(super) value: V,
    hash: OnceLock<Hash>,
}

/// Two parts whose keys agree in all bits before `bit`, where the left ones have 0 and the right ones 1.
#[derive(Debug)]
pub(super) struct Branch<K, V> {
    pub(super) bit: u16,
    pub(super) left: Node<K, V>,
    pub(super) right: Node<K, V>,
    hash: OnceLock<Hash>,
}

impl<K, V> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(leaf) => Self::Leaf(Arc::clone(leaf)),
            Self::Branch(branch) => Self::Branch(Arc::clone(branch)),
        }
    }
}

impl<K, V> Clone for Branch<K, V> {
    fn clone(&self) -> Self {
        let Self { bit, left, right, hash } = self;
        Self { bit: *bit, left: left.clone(), right: right.clone(), hash: hash.clone() }
    }
}

impl<K, V> Leaf<K, V> {
    /// The value, to be changed: its hash is forgotten.
    pub(super) fn value_mut(&mut self) -> &mut V {
        self.hash.take();
        &mut self.value
    }
}

impl<K, V> Branch<K, V> {
    /// The part in which a key is, if it is below.
    pub(super) fn child(&self, key: &KeyBytes) -> &Node<K, V> {
        if key.bit(self.bit) { &self.right } else { &self.left }
    }

    /// The part in which a key cannot be.
    pub(super) fn sibling(&self, key: &KeyBytes) -> &Node<K, V> {
        if key.bit(self.bit) { &self.left } else { &self.right }
    }

    /// Like [`Self::child`], to be changed: this hash is forgotten.
    pub(super) fn child_mut(&mut self, key: &KeyBytes) -> &mut Node<K, V> {
        self.hash.take();
        if key.bit(self.bit) { &mut self.right } else { &mut self.left }
    }
}

impl<K, V> Node<K, V> {
    pub(super) fn leaf(key: K, value: V) -> Self {
        Self::Leaf(Arc::new(Leaf { key, value, hash: OnceLock::new() }))
    }

    /// A branch at `bit` over an old part and a new leaf, whose key is given.
    pub(super) fn branch(bit: u16, old: Self, new: Self, key: &KeyBytes) -> Self {
        let (left, right) = if key.bit(bit) { (old, new) } else { (new, old) };
        Self::Branch(Arc::new(Branch { bit, left, right, hash: OnceLock::new() }))
    }

    /// The one leaf that can hold a key.
    pub(super) fn reach(&self, key: &KeyBytes) -> &Leaf<K, V> {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return leaf,
                Self::Branch(branch) => node = branch.child(key),
            }
        }
    }

    pub(super) fn first(&self) -> &Leaf<K, V> {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return leaf,
                Self::Branch(branch) => node = &branch.left,
            }
        }
    }

    pub(super) fn last(&self) -> &Leaf<K, V> {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return leaf,
                Self::Branch(branch) => node = &branch.right,
            }
        }
    }

    /// Whether both are the same part in memory, and so of the same content.
    pub(super) fn is_shared(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => Arc::ptr_eq(a, b),
            (Self::Branch(a), Self::Branch(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl<K: Clone, V: Clone> Node<K, V> {
    /// Like [`Self::reach`], to be changed: what is shared on the way is copied, every hash on the way forgotten.
    pub(super) fn reach_mut(&mut self, key: &KeyBytes) -> &mut Leaf<K, V> {
        let mut node = self;
        loop {
            match node {
                Self::Leaf(leaf) => return Arc::make_mut(leaf),
                Self::Branch(branch) => node = Arc::make_mut(branch).child_mut(key),
            }
        }
    }

    /// Puts a leaf in whose key first differs at `bit` from the one that [`Self::reach`] gives.
    pub(super) fn split(&mut self, key: &KeyBytes, bit: u16, leaf: Self) {
        match self {
            Self::Branch(branch) if branch.bit < bit => {
                return Arc::make_mut(branch).child_mut(key).split(key, bit, leaf);
            }
            _ => {}
        }
        *self = Self::branch(bit, self.clone(), leaf, key);
    }

    /// Takes the leaf out that [`Self::reach`] gives; this node is a branch, whose other part takes its parent's place.
    pub(super) fn cut(&mut self, key: &KeyBytes) -> Option<Leaf<K, V>> {
        let Self::Branch(branch) = self else { return None };
        if matches!(branch.child(key), Self::Branch(_)) {
            return Arc::make_mut(branch).child_mut(key).cut(key);
        }
        let (cut, rest) = (branch.child(key).clone(), branch.sibling(key).clone());
        *self = rest;
        match cut {
            Self::Leaf(leaf) => Some(Arc::unwrap_or_clone(leaf)),
            Self::Branch(_) => None,
        }
    }
}

impl<K: MerkleKey, V: MerkleValue> Node<K, V> {
    /// The hash, computed once. Recursion is at most as deep as a key has bits.
    pub(super) fn hash(&self) -> Hash {
        match self {
            Self::Leaf(leaf) => *leaf.hash.get_or_init(|| {
                leaf_hash(KeyBytes::of(&leaf.key).as_slice(), &value_hash(&leaf.value.value_bytes()))
            }),
            Self::Branch(branch) => *branch.hash.get_or_init(|| {
                let (left, right) = (branch.left.hash(), branch.right.hash());
                branch_hash(branch.bit, &left, &right)
            }),
        }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Node<K, V> {
    fn eq(&self, other: &Self) -> bool {
        if self.is_shared(other) {
            return true;
        }
        match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => a.key == b.key && a.value == b.value,
            // Equal content has equal shape.
            (Self::Branch(a), Self::Branch(b)) => a.bit == b.bit && a.left == b.left && a.right == b.right,
            _ => false,
        }
    }
}

impl<K: Eq, V: Eq> Eq for Node<K, V> {}

/// Hash of a leaf (rule HSH-05).
pub(super) fn leaf_hash(key: &[u8], value: &Hash) -> Hash {
    let mut hasher = Domain::MerkleLeaf.hasher();
    hasher.update(key).update(value.as_bytes());
    Hash::from_bytes(*hasher.finalize().as_bytes())
}

/// Hash of a branch (rule HSH-05).
#[inline(never)]
pub(super) fn branch_hash(bit: u16, left: &Hash, right: &Hash) -> Hash {
    Domain::MerkleBranch.hash(&(bit, left, right))
}
