//! Blocks and what they caused.

use dfsn_types::{
    Block, BlockHash, BlockHeight, BlockReceipts, Event, SignedHeader, TransactionId, TransactionReceipt,
};
use serde::{Deserialize, Serialize};

/// An accepted block with its receipts and events; its transactions by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockInfo {
    /// The block's name.
    pub hash: BlockHash,
    /// The header, signed by its builder.
    pub header: SignedHeader,
    /// Duties of validators in it.
    pub duties: u32,
    /// Posted pieces of states in it.
    pub data: u32,
    /// Its transactions, in order.
    pub transactions: Vec<TransactionId>,
    /// A receipt each.
    pub receipts: Vec<TransactionReceipt>,
    /// What it caused.
    pub events: Vec<Event>,
}

impl BlockInfo {
    /// Puts together what is stored.
    pub fn of(block: &Block, receipts: BlockReceipts) -> Self {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let body = block.body();
        Self {
            hash: block.hash(),
            header: block.signed_header(),
            duties: count(body.duties.len()),
            data: count(body.data.len()),
            transactions: body.transactions.iter().map(|transaction| transaction.id()).collect(),
            receipts: receipts.transactions,
            events: receipts.events,
        }
    }

    /// Its height.
    pub const fn height(&self) -> BlockHeight {
        self.header.header.height
    }
}

/// A transaction's receipt, and the block that has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptInfo {
    /// Height of the block.
    pub height: BlockHeight,
    /// Whether it did what it says, and what it cost.
    pub receipt: TransactionReceipt,
}
