//! A job on its way from commitment to verdict: what workers, auditors and jurors hash, commit and show.

mod answer;
mod commitment;
mod dispute;
mod failed;
mod posted;
mod state;
mod trace;
mod trace_tree;

pub use answer::{AnswerContext, AnswerRef, Attempt, Role, Seat};
pub use commitment::{ImageCommitment, ImageResult, ResultCommitment};
pub use dispute::{
    CommittedState, ElementProof, PostedPart, PostedTensor, TENSORS_MAX, TensorOpening, TensorPart,
    TensorRoots,
};
pub use failed::FailedAt;
pub use posted::{PostError, PostedChunk};
pub use state::{STATE_CHUNK_BYTES, StateContext};
pub use trace::{Boundary, LeafOpening, TraceError, TraceLeaf, TraceShape};
pub use trace_tree::TraceTree;
