//! Authenticated maps: ordered, cheap to copy, with a root hash and proofs about single keys.
//!
//! [`MerkleMap`] and [`MerkleSet`] take the place of `BTreeMap` and `BTreeSet` where a root must cover the content.

mod diff;
mod iter;
mod key;
mod map;
mod node;
mod proof;
mod set;
mod value;

pub use diff::Change;
pub use iter::Iter;
pub use key::{KEY_BYTES_MAX, KeyBytes, MerkleKey};
pub use map::MerkleMap;
pub use proof::{BRANCHES_MAX, MerkleProof, MerkleProofError, OtherEntry, ProofBranch};
pub use set::{Keys, MerkleSet};
pub use value::MerkleValue;
