//! The client against a small real node: real signatures, blocks, duties and files, in one process and on simulated time.
//!
//! Only inference is stood in for: a step is a hash, a picture a pattern (`node::drawing`).

mod fees;
mod fetching;
mod following;
#[cfg(feature = "server")]
mod http;
mod light;
mod node;
mod outages;
mod pictures;
mod quotes;
mod transfers;
#[cfg(feature = "webhook")]
mod webhook;
