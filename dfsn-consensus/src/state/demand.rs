//! States that a worker has to post on chain.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::Address;

use super::Coins;

/// A state that somebody could not fetch from the worker (rules DAT-01 to DAT-04).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Demand {
    /// Who demanded it.
    pub by: Address,
    /// Paid to the worker with the last piece.
    pub deposit: Coins,
    /// Pieces that the largest such state has: its place in the data lane's queue.
    pub queued: u32,
    /// Pieces posted, one bit each.
    pub posted: u16,
    /// Whether all are posted.
    pub complete: bool,
}

impl Demand {
    /// Whether piece `index` is still to be posted.
    pub fn awaits(&self, index: u8) -> bool {
        !self.complete && mask(index) != 0 && self.posted & mask(index) == 0
    }

    /// Notes piece `index` of `count`.
    pub fn post(&mut self, index: u8, count: u32) {
        self.posted |= mask(index);
        self.complete = self.posted.count_ones() >= count;
    }
}

fn mask(index: u8) -> u16 {
    1_u16.checked_shl(u32::from(index)).unwrap_or(0)
}
