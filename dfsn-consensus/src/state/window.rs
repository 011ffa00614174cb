//! Windows on the chain clock.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{BlockHeight, ChainClock};

/// A time in which a message is awaited (rule TIM-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Window {
    /// It may close once the clock shows this.
    pub closes_at: ChainClock,
    /// The block that opened it.
    pub opened: BlockHeight,
}

impl Window {
    /// Whether it closes at the end of block `height`, whose parent left the clock at `parent_clock`.
    pub fn is_over(&self, parent_clock: ChainClock, height: BlockHeight, blocks_min: u64) -> bool {
        parent_clock >= self.closes_at && height.get() >= self.opened.get().saturating_add(blocks_min)
    }
}
