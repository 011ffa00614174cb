//! The embedded network: genesis, engine, clock, blobs and the loop that joins them.

mod blobs;
mod genesis;
mod keys;
mod node;

pub(crate) use blobs::BlobStore;
pub(crate) use genesis::Genesis;
pub(crate) use keys::{ValidatorKeys, secret_key};
pub(crate) use node::Node;
