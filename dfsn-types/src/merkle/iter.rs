//! Walking a map in the order of its keys.

use core::fmt;

use super::key::{KeyBytes, MerkleKey};
use super::node::Node;

/// Entries of a map, in the order of their keys.
#[derive(Clone)]
pub struct Iter<'a, K, V> {
    /// What is still to come, the next part last.
    parts: Vec<&'a Node<K, V>>,
}

impl<'a, K, V> Iter<'a, K, V> {
    pub(super) fn all(root: Option<&'a Node<K, V>>) -> Self {
        Self { parts: root.into_iter().collect() }
    }
}

impl<'a, K: MerkleKey, V> Iter<'a, K, V> {
    /// Entries whose keys are not below the given one.
    pub(super) fn from(root: Option<&'a Node<K, V>>, key: &KeyBytes) -> Self {
        let mut parts = Vec::new();
        let Some(mut node) = root else { return Self { parts } };
        let difference = KeyBytes::of(&node.reach(key).key).first_difference(key);
        // Down to the part whose keys all agree with the given one up to the bit that decides.
        while let Node::Branch(branch) = node
            && difference.is_none_or(|bit| branch.bit < bit)
        {
            if !key.bit(branch.bit) {
                parts.push(&branch.right);
            }
            node = branch.child(key);
        }
        if difference.is_none_or(|bit| !key.bit(bit)) {
            parts.push(node);
        }
        Self { parts }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.parts.pop()? {
                Node::Leaf(leaf) => return Some((&leaf.key, &leaf.value)),
                Node::Branch(branch) => self.parts.extend([&branch.right, &branch.left]),
            }
        }
    }
}

impl<K, V> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
