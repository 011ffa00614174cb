//! Judgement by arithmetic: a decoder's output that is contested, with real tensors of a small network.

mod case;
mod failing;
mod model;
mod refused;
mod verdicts;
