//! What a node asks of its worker in a judgement by arithmetic (chapter 15 of the specification).

use dfsn_types::{
    Boundary, BoundedVec, ElementProof, FailedAt, FileHash, GenerationParams, Hash, INPUTS_MAX, PostedTensor,
    TENSORS_MAX, TensorPart,
};
use serde::{Deserialize, Serialize};

use super::{JobKey, Message};

/// Parts of tensors that one dispute can show.
pub const SHOWN_MAX: usize = 4;

/// A part in a dispute. Asking again is how one waits: the same question is computed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeCall {
    /// The job's request.
    pub params: GenerationParams,
    /// The contested state.
    pub boundary: Boundary,
    /// What is asked.
    pub question: DisputeQuestion,
    /// Milliseconds from now after which nobody wants the answer.
    pub deadline_ms: u64,
    /// Milliseconds to wait for the answer before saying that it is pending.
    #[serde(default)]
    pub wait_ms: u64,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case", deny_unknown_fields)]
pub enum DisputeQuestion {
    /// Hashes of what the contested computation starts from besides a state (rule ARI-02).
    Given,
    /// As the worker: roots of all tensors that lead to a state of this result.
    Roots {
        /// The result.
        result: JobKey,
    },
    /// As the worker: a part of a tensor.
    Show {
        /// The result.
        result: JobKey,
        /// The tensor, by its place in the list.
        tensor: u32,
        /// Which part.
        wanted: TensorPart,
    },
    /// As the contested auditor: what to do next. Blobs are handed over before.
    Next {
        /// The state before, as the worker served it; none before the first.
        before: Option<FileHash>,
        /// The worker's roots, one after the other.
        roots: FileHash,
        /// Where the worker says that the computation fails.
        #[serde(default)]
        failed: Option<FailedAt>,
        /// What the worker has shown so far, canonical bytes each.
        shown: BoundedVec<FileHash, SHOWN_MAX>,
        /// The root of the model's weights on chain.
        weights_root: Hash,
    },
}

/// Where a part in a dispute stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisputeReply {
    /// It waits or runs; ask again.
    Pending,
    /// The answer.
    Done {
        /// Of the kind that was asked for.
        answer: DisputeAnswer,
    },
    /// It cannot be computed here. This says nothing about the other party.
    Failed {
        /// What went wrong.
        message: Message,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DisputeAnswer {
    /// To [`DisputeQuestion::Given`].
    Given(BoundedVec<Hash, INPUTS_MAX>),
    /// To [`DisputeQuestion::Roots`].
    Roots {
        /// BLAKE3 hash of the state before; none before the first.
        before: Option<Hash>,
        /// BLAKE3 hash of the contested state.
        after: Hash,
        /// All roots, in order.
        roots: BoundedVec<Hash, TENSORS_MAX>,
        /// Where the computation fails, if this worker has committed to that.
        #[serde(default)]
        failed: Option<FailedAt>,
    },
    /// To [`DisputeQuestion::Show`].
    Shown(Box<PostedTensor>),
    /// To [`DisputeQuestion::Next`]: this number does not follow.
    Prove(Box<ElementProof>),
    /// To [`DisputeQuestion::Next`]: a part of a tensor is needed.
    Demand {
        /// Which tensor.
        tensor: u32,
        /// Which part.
        part: TensorPart,
    },
    /// To [`DisputeQuestion::Next`]: nothing can be shown against the worker.
    Nothing,
}
