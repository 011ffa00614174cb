//! Blocks in the words of the node.

use bytes::Bytes;
use dfsn_consensus::state::ChainState;
use dfsn_consensus::vm::VmError;
use dfsn_types::{Block, BlockHash};
use tonic::Status;

use super::chain::PluginChain;
use super::proto::vm;

/// What the node is told of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlockView {
    pub(super) id: BlockHash,
    pub(super) parent: BlockHash,
    pub(super) height: u64,
    pub(super) timestamp: dfsn_types::Timestamp,
    pub(super) bytes: Bytes,
}

impl BlockView {
    pub(super) fn of(block: &Block) -> Self {
        let header = block.header();
        Self {
            id: block.hash(),
            parent: header.parent,
            height: header.height.get(),
            timestamp: header.timestamp,
            bytes: dfsn_types::codec::encode(block).into(),
        }
    }

    /// The block before block 1: it has no bytes of its own, so its name stands for them.
    pub(super) fn genesis(state: &ChainState) -> Self {
        let id = state.tip.hash;
        Self {
            id,
            parent: BlockHash::from_bytes([0; 32]),
            height: 0,
            timestamp: state.tip.timestamp,
            bytes: Bytes::copy_from_slice(id.as_bytes()),
        }
    }

    fn time(&self) -> Option<prost_types::Timestamp> {
        let ms = self.timestamp.get();
        let seconds = i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
        let nanos = i32::try_from(ms % 1_000 * 1_000_000).unwrap_or_default();
        Some(prost_types::Timestamp { seconds, nanos })
    }
}

impl From<BlockView> for vm::InitializeResponse {
    fn from(view: BlockView) -> Self {
        Self {
            last_accepted_id: name(&view.id),
            last_accepted_parent_id: name(&view.parent),
            height: view.height,
            timestamp: view.time(),
            bytes: view.bytes,
        }
    }
}

impl From<BlockView> for vm::SetStateResponse {
    fn from(view: BlockView) -> Self {
        Self {
            last_accepted_id: name(&view.id),
            last_accepted_parent_id: name(&view.parent),
            height: view.height,
            timestamp: view.time(),
            bytes: view.bytes,
        }
    }
}

impl From<BlockView> for vm::BuildBlockResponse {
    fn from(view: BlockView) -> Self {
        Self {
            id: name(&view.id),
            parent_id: name(&view.parent),
            height: view.height,
            timestamp: view.time(),
            verify_with_context: false,
            bytes: view.bytes,
        }
    }
}

impl From<BlockView> for vm::ParseBlockResponse {
    fn from(view: BlockView) -> Self {
        Self {
            id: name(&view.id),
            parent_id: name(&view.parent),
            height: view.height,
            timestamp: view.time(),
            verify_with_context: false,
        }
    }
}

impl From<BlockView> for vm::BlockVerifyResponse {
    fn from(view: BlockView) -> Self {
        Self { timestamp: view.time() }
    }
}

impl From<Option<BlockView>> for vm::GetBlockResponse {
    fn from(view: Option<BlockView>) -> Self {
        match view {
            Some(view) => Self {
                parent_id: name(&view.parent),
                height: view.height,
                timestamp: view.time(),
                err: vm::Error::Unspecified.into(),
                verify_with_context: false,
                bytes: view.bytes,
            },
            // The node wants a time even of a block that is not there.
            None => Self {
                err: vm::Error::NotFound.into(),
                timestamp: Some(prost_types::Timestamp::default()),
                ..Self::default()
            },
        }
    }
}

/// The name of a block on the wire.
pub(super) fn name(id: &BlockHash) -> Bytes {
    Bytes::copy_from_slice(id.as_bytes())
}

/// Reads the name of a block.
pub(super) fn named(bytes: &[u8]) -> Result<BlockHash, Status> {
    let id = <[u8; 32]>::try_from(bytes);
    Ok(BlockHash::from_bytes(id.map_err(|_| Status::invalid_argument("a block is named by 32 bytes"))?))
}

/// A block and those before it, newest first, as far as count and bytes go; the wire puts a length before each.
pub(super) fn ancestors(
    chain: &PluginChain,
    mut id: BlockHash,
    count: usize,
    size: usize,
) -> Result<Vec<Bytes>, VmError> {
    let (mut blocks, mut used) = (Vec::new(), 0usize);
    while blocks.len() < count {
        let Some(view) = chain.block(&id)? else { break };
        used = used.saturating_add(view.bytes.len() + 4);
        if used > size && !blocks.is_empty() {
            break;
        }
        id = view.parent;
        blocks.push(view.bytes);
        if view.height == 0 {
            break;
        }
    }
    Ok(blocks)
}
