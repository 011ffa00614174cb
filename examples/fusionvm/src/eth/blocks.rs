//! Which block or state is meant, and where it comes from.

use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::B256;
use dfsn_client::transport::{BlockName, Transport};
use dfsn_consensus::state::ChainState;
use dfsn_types::{BlockHash, BlockHeight, TransactionId};
use jsonrpsee::types::ErrorObjectOwned;

use super::answers::Eth;
use super::convert;
use super::error::{refused, unavailable};
use super::view::BlockView;

/// Blocks that are kept in memory: those that were asked for last.
const BLOCKS_KEPT: usize = 16;

impl Eth {
    /// The height that a number or a tag means; of a block to come, too.
    pub(super) fn height(&self, block: BlockNumberOrTag) -> BlockHeight {
        match block {
            BlockNumberOrTag::Number(number) => BlockHeight::new(number),
            BlockNumberOrTag::Earliest => BlockHeight::ZERO,
            // What is accepted is final, and what waits is in no block.
            BlockNumberOrTag::Latest
            | BlockNumberOrTag::Pending
            | BlockNumberOrTag::Safe
            | BlockNumberOrTag::Finalized => self.node.state().tip.height,
        }
    }

    /// The state after a block.
    pub(super) fn state_at(&self, block: Option<BlockId>) -> Result<Arc<ChainState>, ErrorObjectOwned> {
        let state = self.node.state();
        let found = match block.unwrap_or_default() {
            BlockId::Number(number) => {
                let height = self.height(number);
                if height > state.tip.height {
                    return Err(refused(format!("header not found: the last block is {}", state.tip.height)));
                }
                self.node.recent.at(height)
            }
            BlockId::Hash(hash) => self.node.recent.after(&BlockHash::from_bytes(hash.block_hash.0)),
        };
        let tip = state.tip.height;
        found.ok_or_else(|| refused(format!("historical state is not available, the last block is {tip}")))
    }

    /// A whole block; nothing for the genesis.
    pub(super) async fn view(&self, name: BlockName) -> Result<Option<Arc<BlockView>>, ErrorObjectOwned> {
        // Held meanwhile: of many who are told of a block at the same time one reads it.
        let mut kept = self.blocks.lock().await;
        let is_asked_for = |view: &&Arc<BlockView>| match name {
            BlockName::Height(height) => view.height() == height,
            BlockName::Hash(hash) => view.hash() == convert::block_hash(&hash),
        };
        if let Some(view) = kept.iter().find(is_asked_for) {
            return Ok(Some(Arc::clone(view)));
        }
        let found = self.node.calls.whole_block(name).await.map_err(|error| unavailable(&error))?;
        let Some((block, receipts)) = found else { return Ok(None) };
        let state = self.node.state();
        let gas_limit = state.params.chain.gas_limit.get();
        let view = Arc::new(BlockView::new(block, receipts, state.chain, gas_limit));
        if kept.len() >= BLOCKS_KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&view));
        Ok(Some(view))
    }

    /// The block of a transaction, and its place there. What no transaction caused has the name of its block.
    pub(super) async fn place(
        &self,
        hash: B256,
    ) -> Result<Option<(Arc<BlockView>, usize)>, ErrorObjectOwned> {
        let id = TransactionId::from_bytes(hash.0);
        match self.node.receipt(id).await.map_err(|error| unavailable(&error))? {
            Some(receipt) => {
                let view = self.view(BlockName::Height(receipt.height)).await?;
                Ok(view.and_then(|view| Some((Arc::clone(&view), view.place(&id)?))))
            }
            None => {
                let view = self.view(Self::named(hash)).await?;
                Ok(view.and_then(|view| Some((Arc::clone(&view), view.own_place()?))))
            }
        }
    }

    pub(super) const fn named(hash: B256) -> BlockName {
        BlockName::Hash(BlockHash::from_bytes(hash.0))
    }
}
