//! A contested answer before arithmetic.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{AnswerRef, Boundary, FailedAt, Hash, TensorPart};

use super::bounded;

/// Parts of tensors that an auditor may want to see in one dispute.
pub const TENSOR_DEMANDS_MAX: usize = 4;
/// As many as a contest can name.
const INPUTS_MAX: usize = dfsn_types::INPUTS_MAX;

/// One contested answer in the exact profile (rules ARI-01 to ARI-09).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Dispute {
    /// The answer that the worker denies.
    pub answer: AnswerRef,
    /// The boundary in question.
    pub boundary: Boundary,
    /// Roots of the inputs that arithmetic does not derive, as the worker says.
    #[borsh(deserialize_with = "bounded::vec::<_, _, INPUTS_MAX>")]
    pub inputs: Vec<Hash>,
    /// Where it stands.
    pub stage: DisputeStage,
    /// Parts of tensors that were demanded, each once: a demand that is sent again by others costs the auditor nothing.
    #[borsh(deserialize_with = "bounded::vec::<_, _, TENSOR_DEMANDS_MAX>")]
    pub demanded: Vec<(u32, TensorPart)>,
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum DisputeStage {
    /// The auditor may call a jury over the inputs.
    Inputs,
    /// The worker posts the roots of all tensors.
    Listing,
    /// The auditor shows a number that does not follow, or demands to see more.
    Proving(PostedList),
    /// The worker shows a part of a tensor.
    Showing {
        /// What it has posted.
        list: PostedList,
        /// Which tensor.
        tensor: u32,
        /// Which part.
        part: TensorPart,
    },
}

/// Roots that the worker has posted: they stand in a block, and this names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PostedList {
    /// BLAKE3 hash of all roots, one after the other.
    pub hash: Hash,
    /// How many.
    pub count: u32,
    /// Where the computation fails, if the worker has committed to that.
    pub failed: Option<FailedAt>,
}
