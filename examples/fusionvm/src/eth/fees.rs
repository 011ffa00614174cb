//! What gas costs: the base fee of the next block, tips of the last ones.

use alloy_rpc_types_eth::FeeHistory;
use dfsn_client::transport::Transport;
use dfsn_client::view::BlockInfo;
use dfsn_types::{BlockHeight, TransactionReceipt};
use jsonrpsee::types::ErrorObjectOwned;

use super::answers::Eth;
use super::error::{invalid, refused, unavailable};

/// The most blocks of one history.
const HISTORY_MAX: u64 = 256;
/// The most percentiles of one history.
const PERCENTILES_MAX: usize = 100;
/// Blocks that the proposed tip is taken from.
const TIP_BLOCKS: u64 = 16;
/// Which of their tips, in percent: enough to come before most.
const TIP_PERCENTILE: f64 = 60.0;

impl Eth {
    /// The tip that most of the last transactions did not exceed; nothing while nobody gives one.
    pub(super) async fn proposed_tip(&self) -> Result<u128, ErrorObjectOwned> {
        let tip = self.node.state().tip.height.get();
        let blocks = self.headers(tip.saturating_sub(TIP_BLOCKS - 1).max(1), tip).await?;
        let tips =
            blocks.iter().flat_map(|block| block.receipts.iter().map(|receipt| tip_of(block, receipt)));
        let rewards = percentiles(tips.collect(), &[TIP_PERCENTILE]);
        Ok(rewards.first().copied().unwrap_or_default())
    }

    pub(super) async fn history(
        &self,
        blocks: u64,
        newest: BlockHeight,
        wanted: Option<&[f64]>,
    ) -> Result<FeeHistory, ErrorObjectOwned> {
        check_percentiles(wanted.unwrap_or_default())?;
        let state = self.node.state();
        let (newest, tip) = (newest.get(), state.tip.height.get());
        if newest > tip {
            return Err(refused(format!("request beyond head block: requested {newest}, head {tip}")));
        }
        let oldest = (newest + 1).saturating_sub(blocks.min(HISTORY_MAX));
        let mut history = FeeHistory { oldest_block: oldest, ..FeeHistory::default() };
        let mut rewards = Vec::new();
        let gas_limit = state.params.chain.gas_limit.get().max(1);
        if oldest == 0 && blocks > 0 {
            // The genesis holds nothing, and was followed by a block of the same fee.
            history.base_fee_per_gas.push(state.params.chain.base_fee_floor.base_units());
            history.gas_used_ratio.push(0.0);
            rewards.push(vec![0; wanted.unwrap_or_default().len()]);
        }
        // One more, for the fee after the newest one.
        let read = self.headers(oldest.max(1), newest.saturating_add(1).min(tip)).await?;
        for block in read.iter().filter(|block| block.height().get() <= newest) {
            let header = &block.header.header;
            history.base_fee_per_gas.push(header.base_fee_per_gas.base_units());
            history.gas_used_ratio.push(header.gas_used.get() as f64 / gas_limit as f64);
            let tips = block.receipts.iter().map(|receipt| tip_of(block, receipt)).collect();
            rewards.push(percentiles(tips, wanted.unwrap_or_default()));
        }
        let next = read.last().filter(|block| block.height().get() > newest);
        let next = next.map_or(state.tip.base_fee_per_gas, |block| block.header.header.base_fee_per_gas);
        history.base_fee_per_gas.push(next.base_units());
        history.reward = wanted.map(|_| rewards);
        Ok(history)
    }

    /// Blocks from one height to another, both included.
    async fn headers(&self, first: u64, last: u64) -> Result<Vec<BlockInfo>, ErrorObjectOwned> {
        // Nobody closes it.
        let _place = self.searches.acquire().await;
        let (mut next, mut blocks) = (first, Vec::new());
        while next <= last {
            let page = self.node.blocks(BlockHeight::new(next)).await.map_err(|error| unavailable(&error))?;
            let Some(end) = page.last().map(|block| block.height().get()) else { break };
            blocks.extend(page.into_iter().filter(|block| block.height().get() <= last));
            next = end + 1;
        }
        Ok(blocks)
    }
}

fn check_percentiles(wanted: &[f64]) -> Result<(), ErrorObjectOwned> {
    if wanted.len() > PERCENTILES_MAX {
        return Err(invalid(format!("{} reward percentiles, at most {PERCENTILES_MAX}", wanted.len())));
    }
    let in_range = wanted.iter().all(|percent| (0.0..=100.0).contains(percent));
    if in_range && wanted.is_sorted() {
        return Ok(());
    }
    Err(invalid("invalid reward percentile: they are between 0 and 100, in ascending order"))
}

/// Gas of a transaction, and what it paid for each unit beside the base fee.
fn tip_of(block: &BlockInfo, receipt: &TransactionReceipt) -> (u128, u64) {
    let gas = receipt.gas_used.get();
    let price = receipt.fee.base_units().checked_div(u128::from(gas)).unwrap_or_default();
    (price.saturating_sub(block.header.header.base_fee_per_gas.base_units()), gas)
}

/// Tips by percentiles of gas, zeros where there was none.
fn percentiles(mut tips: Vec<(u128, u64)>, wanted: &[f64]) -> Vec<u128> {
    tips.sort_unstable();
    let all: u64 = tips.iter().map(|(_, gas)| gas).sum();
    let at = |percent: &f64| {
        // Gas of a few hundred blocks is exact in a double.
        let threshold = all as f64 * percent / 100.0;
        let mut sum = 0u64;
        let reached = tips.iter().find(|(_, gas)| {
            sum += gas;
            sum as f64 >= threshold
        });
        reached.map_or(0, |(tip, _)| *tip)
    };
    wanted.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tips_count_by_their_gas() {
        let tips = vec![(9, 10), (1, 10), (5, 80)];
        assert_eq!(percentiles(tips, &[0.0, 10.0, 11.0, 90.0, 95.0, 100.0]), [1, 1, 5, 5, 9, 9]);
        assert_eq!(percentiles(Vec::new(), &[50.0]), [0]);
    }

    #[test]
    fn percentiles_ascend_and_are_percentiles() {
        assert!(check_percentiles(&[0.0, 50.0, 50.0, 100.0]).is_ok());
        for wrong in [&[100.1][..], &[-1.0], &[f64::NAN], &[60.0, 50.0], &[1.0; PERCENTILES_MAX + 1]] {
            assert_eq!(check_percentiles(wrong).unwrap_err().code(), -32_602, "{wrong:?}");
        }
    }
}
