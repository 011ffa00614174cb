//! Following a chain by its headers alone.
//!
//! A header shows who wrote it and nothing about whether the network keeps it: only a [`SignedCheckpoint`] does. A
//! [`HeaderChain`] keeps the two apart, and every answer that it bears out comes with its [`Standing`].

mod checkpoint;
mod error;
mod header_chain;

pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use error::HeaderChainError;
pub use header_chain::{HEADERS_MAX, HeaderChain, Standing};
