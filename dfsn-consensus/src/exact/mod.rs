//! The arithmetic of the profile `exact-v1`: the same bits on every machine.
//!
//! Every long sum is a sum of integers, so that its order does not matter; everything else is IEEE-754 arithmetic,
//! element by element, in a written order (docs/spec, chapter 14). This is the one place in the crate that knows
//! floats, and only through [`ieee`]: verdicts run the same lines on [`soft`] ones.
//!
//! - A [`Program`] is a network as a flat list of [`Op`]s, built from its shape ([`config`]) without its weights.
//! - [`evaluate_element`] computes one element of one op from what it depends on.

pub mod activation;
mod computation;
pub mod config;
mod data;
mod evaluate;
pub mod expression;
pub mod ieee;
mod interpreter;
mod layout;
pub mod math;
mod networks;
pub mod noise;
pub mod norm;
mod op;
mod program;
mod proof;
pub mod quantise;
pub mod scheduler;
pub mod soft;
mod tensor;

pub use computation::{
    Binding, Call, Computation, ComputationError, ContestedState, Origin, RootsError, TEXT_CHUNKS_MAX,
};
pub use config::{Architecture, ArchitectureError};
pub use data::{TensorData, tensor_root};
pub use evaluate::{
    EvaluateError, Source, Value, Weights, WholeTensors, evaluate_element, first_failure, score_factor,
    score_kappa, score_shift, source_index, wave,
};
pub use interpreter::{InterpretError, interpret};
pub use layout::{
    LayoutError, TEXT_PARTS, WEIGHTS_HEADER, WEIGHTS_MAGIC, WeightEntry, WeightLayout, smallest_programs,
};
pub use networks::{decoder, encoder, step, text_encoder, unet};
pub use op::{
    Activation, Affine, JOINED_BLOCKS, LIMIT_QUERY, LIMIT_RAW, LIMIT_ROW, LIMIT_STATISTICS, LIMIT_VALUE,
    LIMIT_WEIGHT, Op, OpKind, Window, block_rows,
};
pub use program::{OPS_MAX, Program, ProgramError, TENSOR_MAX};
pub use proof::{
    Claim, Extent, Finding, ProofError, ProverError, WeightPlace, WeightPlaces, WorkerBytes, open_output,
    prove_element,
};
pub use tensor::{Element, TensorId, TensorSpec, WeightForm, WeightId, WeightSpec};
