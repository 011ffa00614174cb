//! A job on its way from commitment to verdict: what workers, auditors and jurors hash, commit and show.

mod answer;
mod commitment;
mod trace;
mod trace_tree;

pub use answer::{AnswerContext, Attempt, Role};
pub use commitment::{ImageCommitment, ResultCommitment};
pub use trace::{Boundary, LeafOpening, StateContext, TraceError, TraceLeaf, TraceShape};
pub use trace_tree::TraceTree;
