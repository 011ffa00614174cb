//! How far a node is.

use dfsn_consensus::state::ChainState;
use dfsn_types::{BlockHash, BlockHeight, GenesisHash, Timestamp};
use serde::{Deserialize, Serialize};

/// How far a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStatus {
    /// The network's name.
    pub genesis: GenesisHash,
    /// Height of the last accepted block.
    pub height: BlockHeight,
    /// Its name.
    pub hash: BlockHash,
    /// Its time.
    pub timestamp: Timestamp,
    /// Whether the node still fetches blocks that others have accepted: what it tells may be old.
    pub syncing: bool,
}

impl SyncStatus {
    /// Of a node that has this state and is not behind.
    pub const fn of(state: &ChainState) -> Self {
        let tip = &state.tip;
        let (height, hash, timestamp) = (tip.height, tip.hash, tip.timestamp);
        Self { genesis: state.chain.genesis, height, hash, timestamp, syncing: false }
    }
}
