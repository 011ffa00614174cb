//! Judgement by arithmetic: what worker and auditor show of a contested computation (chapter 15 of the specification).
//!
//! A computation is a list of tensors, each of which follows from those before it by one operation. The worker posts the
//! tensors' roots; whoever finds one number that does not follow from the worker's own other numbers shows that number.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::FailedAt;
use crate::bounded::BoundedVec;
use crate::hash::{Hash, Salt};
use crate::slice::{LEVEL_MAX, Slice};

/// Tensors of the largest computation whose roots fit one duty.
pub const TENSORS_MAX: usize = 7_680;
/// Tensors that one number follows from, and its own.
const OPENINGS_MAX: usize = 16;

/// A state of the trace by its hash, with what leads to the committed root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommittedState {
    /// BLAKE3 hash of the state's bytes.
    pub hash: Hash,
    /// Salt of its leaf.
    pub salt: Salt,
    /// Sibling hashes from the leaf to the root.
    pub path: BoundedVec<Hash, 10>,
}

/// What the worker shows first: the states on both sides of the contested computation, and all tensors' roots (rules ARI-03, ARI-10).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorRoots {
    /// The state that the computation starts from; none at boundary 0.
    pub before: Option<CommittedState>,
    /// The contested state.
    pub after: CommittedState,
    /// Roots of all tensors, in the order of the computation. Those that do not exist since the computation fails are zeros.
    pub roots: BoundedVec<Hash, TENSORS_MAX>,
    /// Where the computation fails, if the worker has committed to that.
    pub failed: Option<FailedAt>,
}

/// What an auditor wants to see of one of the worker's tensors (rule ARI-05).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TensorPart {
    /// Chaining values of one level of its tree, so that the first piece that differs can be found.
    Level,
    /// A piece of 128 chunks, by its number.
    Piece(u32),
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostedTensor {
    /// Which tensor, by its place in the list.
    pub tensor: u32,
    /// The tensor's root in the posted list.
    pub roots: Slice,
    /// BLAKE3 hash of the tensor's bytes.
    pub hash: Hash,
    /// What was demanded.
    pub part: PostedPart,
}

/// What was demanded of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PostedPart {
    /// One level of its tree, from left to right.
    Level(BoundedVec<Hash, LEVEL_MAX>),
    /// A piece of it.
    Piece(Slice),
}

/// One number of the worker's that does not follow from the worker's other numbers (rule ARI-07).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementProof {
    /// Which of the computation's programs.
    pub call: u8,
    /// Which of its operations.
    pub op: u32,
    /// Which of the operation's outputs.
    pub output: u8,
    /// Which element of it.
    pub element: u64,
    /// The roots of the tensors below in the posted list.
    pub roots: Slice,
    /// What the number follows from, and the number itself.
    pub tensors: BoundedVec<TensorOpening, OPENINGS_MAX>,
    /// What it takes of the model's weights.
    pub weights: Option<Slice>,
}

/// A part of one tensor.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorOpening {
    /// Its place among the tensors of its program.
    pub tensor: u32,
    /// BLAKE3 hash of its bytes.
    pub hash: Hash,
    /// The part.
    pub slice: Slice,
}
