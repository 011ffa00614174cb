//! The states after the last blocks. They share all that is equal, so that they cost little more than what has changed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dfsn_consensus::state::ChainState;
use dfsn_types::{BlockHash, BlockHeight};

/// States that are kept: wallets name the last block that they have heard of, which is seldom the last one.
const KEPT: usize = 256;

/// The states after the last blocks, and the genesis.
#[derive(Debug)]
pub(crate) struct RecentStates {
    genesis: Arc<ChainState>,
    /// Oldest first.
    states: Mutex<VecDeque<Arc<ChainState>>>,
}

impl RecentStates {
    pub(crate) fn new(genesis: &ChainState) -> Self {
        Self { genesis: Arc::new(genesis.clone()), states: Mutex::default() }
    }

    /// The state that the network began with.
    pub(crate) const fn genesis(&self) -> &Arc<ChainState> {
        &self.genesis
    }

    /// Adds the state after an accepted block.
    pub(crate) fn push(&self, state: Arc<ChainState>) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if states.len() >= KEPT {
            states.pop_front();
        }
        states.push_back(state);
    }

    /// The state after the block of a height.
    pub(crate) fn at(&self, height: BlockHeight) -> Option<Arc<ChainState>> {
        self.find(|state| state.tip.height == height)
    }

    /// The state after a block.
    pub(crate) fn after(&self, hash: &BlockHash) -> Option<Arc<ChainState>> {
        self.find(|state| state.tip.hash == *hash)
    }

    fn find(&self, is_asked_for: impl Fn(&ChainState) -> bool) -> Option<Arc<ChainState>> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.iter().rev().chain([&self.genesis]).find(|state| is_asked_for(state)).cloned()
    }
}
