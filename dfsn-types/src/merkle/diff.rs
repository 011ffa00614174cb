//! What changed between two maps.

use core::cmp::Ordering;

use super::MerkleMap;
use super::key::{KeyBytes, MerkleKey};
use super::node::Node;

/// One entry that is not the same in two maps: its key, and its value in the newer map if it is there.
pub type Change<'a, K, V> = (&'a K, Option<&'a V>);

impl<K: MerkleKey, V: PartialEq> MerkleMap<K, V> {
    /// What turns `older` into this map, in the order of keys: new and changed values, and keys that are gone. Parts that the two
    /// share are skipped, so that the work is that of the change.
    pub fn changes_since<'a>(&'a self, older: &'a Self) -> Vec<Change<'a, K, V>> {
        let mut walk =
            Walk { old: Vec::from_iter(&older.root), new: Vec::from_iter(&self.root), changes: Vec::new() };
        while walk.step() {}
        walk.changes
    }
}

/// What is still to compare of both maps, the next parts last.
struct Walk<'a, K, V> {
    old: Vec<&'a Node<K, V>>,
    new: Vec<&'a Node<K, V>>,
    changes: Vec<Change<'a, K, V>>,
}

impl<'a, K: MerkleKey, V: PartialEq> Walk<'a, K, V> {
    /// Compares the next parts; false when nothing is left.
    fn step(&mut self) -> bool {
        match (self.old.pop(), self.new.pop()) {
            (None, None) => return false,
            (Some(old), None) => self.removed(old),
            (None, Some(new)) => self.added(new),
            (Some(old), Some(new)) if old.is_shared(new) => {}
            (Some(old), Some(new)) => self.compare(old, new),
        }
        true
    }

    fn compare(&mut self, old: &'a Node<K, V>, new: &'a Node<K, V>) {
        match apart(old, new) {
            // The keys of one part all come before those of the other.
            Some(Ordering::Less) => {
                self.removed(old);
                self.new.push(new);
            }
            Some(_) => {
                self.added(new);
                self.old.push(old);
            }
            // One part can hold keys of the other: take the wider one apart.
            None => match (old, new) {
                (Node::Leaf(old), Node::Leaf(new)) => {
                    if old.value != new.value {
                        self.changes.push((&new.key, Some(&new.value)));
                    }
                }
                _ => {
                    let (old_width, new_width) = (width(old), width(new));
                    expand(&mut self.old, old, old_width <= new_width);
                    expand(&mut self.new, new, new_width <= old_width);
                }
            },
        }
    }

    fn removed(&mut self, part: &'a Node<K, V>) {
        self.changes.extend(super::Iter::all(Some(part)).map(|(key, _)| (key, None)));
    }

    fn added(&mut self, part: &'a Node<K, V>) {
        self.changes.extend(super::Iter::all(Some(part)).map(|(key, value)| (key, Some(value))));
    }
}

/// Puts a part back, or both of its parts.
fn expand<'a, K, V>(stack: &mut Vec<&'a Node<K, V>>, node: &'a Node<K, V>, apart: bool) {
    match node {
        Node::Branch(branch) if apart => stack.extend([&branch.right, &branch.left]),
        _ => stack.push(node),
    }
}

/// The number of bits in which all keys of a part agree.
fn width<K, V>(node: &Node<K, V>) -> u16 {
    match node {
        Node::Leaf(_) => u16::MAX,
        Node::Branch(branch) => branch.bit,
    }
}

/// The order of two parts when their keys differ before both divide further.
fn apart<K: MerkleKey, V>(old: &Node<K, V>, new: &Node<K, V>) -> Option<Ordering> {
    let (a, b) = (KeyBytes::of(&old.first().key), KeyBytes::of(&new.first().key));
    let bit = a.first_difference(&b).filter(|bit| *bit < width(old).min(width(new)))?;
    Some(a.bit(bit).cmp(&b.bit(bit)))
}
