//! The way to other nodes, where there are some.

use async_trait::async_trait;
use bytes::Bytes;
use dfsn_compute::service::duties::{ServedState, StateWanted};
use dfsn_types::{FileHash, NodeId};

/// Other nodes of the network. `near` is the one that should have what is asked for.
#[async_trait]
pub(crate) trait Neighbours: std::fmt::Debug + Send + Sync {
    /// A file, checked against its hash.
    async fn file(&self, hash: FileHash, bytes_max: u32, near: Option<NodeId>) -> Option<Bytes>;

    /// A state of a worker's trace, not checked.
    async fn state(&self, wanted: StateWanted, near: Option<NodeId>) -> Option<ServedState>;
}
