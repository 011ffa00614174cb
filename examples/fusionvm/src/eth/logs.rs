//! Logs: what happened to jobs and stakes, as a contract would tell it.

use alloy_primitives::{Address, B256, LogData};
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use dfsn_client::transport::{BlockName, Transport};
use dfsn_client::view::BlockInfo;
use dfsn_types::{Block, BlockHeight, BlockReceipts, EthereumLog, SYSTEM_ADDRESS, event_causes};
use jsonrpsee::types::ErrorObjectOwned;

use super::answers::Eth;
use super::convert;
use super::error::{invalid, refused, too_much, unavailable};

/// The most blocks of one call.
const BLOCKS_MAX: u64 = 2_048;
/// The most logs of one answer.
const LOGS_MAX: usize = 10_000;

/// All logs of a block: those of its transactions in their order, then those that no transaction caused, under the block's own
/// name.
pub(super) fn of_block(hash: B256, block: &Block, receipts: &BlockReceipts) -> Vec<Log> {
    let own = receipts.transactions.len();
    let causes = event_causes(block, receipts);
    let mut events: Vec<_> =
        receipts.events.iter().zip(causes.iter().map(|cause| cause.unwrap_or(own))).collect();
    // Stable: what one transaction caused stays in order.
    events.sort_by_key(|(_, place)| *place);
    let header = block.header();
    let log = |(index, (event, place)): (usize, _)| {
        let EthereumLog { topics, data } = EthereumLog::of(event);
        let topics = topics.into_iter().map(|topic| B256::new(*topic.as_bytes())).collect();
        let name =
            receipts.transactions.get::<usize>(place).map(|receipt| convert::transaction_hash(&receipt.id));
        Log {
            inner: alloy_primitives::Log {
                address: system(),
                data: LogData::new_unchecked(topics, data.into()),
            },
            block_hash: Some(hash),
            block_number: Some(header.height.get()),
            block_timestamp: Some(header.timestamp.get() / 1_000),
            transaction_hash: Some(name.unwrap_or(hash)),
            transaction_index: u64::try_from(place).ok(),
            log_index: u64::try_from(index).ok(),
            removed: false,
        }
    };
    events.into_iter().enumerate().map(log).collect()
}

const fn system() -> Address {
    convert::address(&SYSTEM_ADDRESS)
}

/// Whether any event of a block is asked for; which transaction caused it does not matter yet.
pub(super) fn concerns(filter: &Filter, block: &BlockInfo) -> bool {
    block.events.iter().any(|event| {
        let topics: Vec<_> = EthereumLog::of(event).topics;
        let topics: Vec<_> = topics.iter().map(|topic| B256::new(*topic.as_bytes())).collect();
        filter.matches_topics(&topics)
    })
}

impl Eth {
    /// The logs that a filter asks for.
    pub(super) async fn logs(&self, filter: &Filter) -> Result<Vec<Log>, ErrorObjectOwned> {
        if let FilterBlockOption::AtBlockHash(hash) = filter.block_option {
            let view = self.view(Self::named(hash)).await?.ok_or_else(|| refused("unknown block"))?;
            return Ok(view.logs_for(filter));
        }
        let tip = self.node.state().tip.height.get();
        let height = |tag| self.height(tag).get();
        let (from, to) = filter.block_option.as_range();
        let range = range(from.map_or(tip, |from| height(*from)), to.map_or(tip, |to| height(*to)), tip)?;
        let Some((mut next, last)) = range.filter(|_| filter.matches_address(system())) else {
            return Ok(Vec::new());
        };
        // Nobody closes it.
        let _place = self.searches.acquire().await;
        let mut logs = Vec::new();
        while next <= last {
            let page = self.node.blocks(BlockHeight::new(next)).await.map_err(|error| unavailable(&error))?;
            let Some(end) = page.last().map(BlockInfo::height) else { break };
            for block in page.iter().filter(|block| block.height().get() <= last && concerns(filter, block)) {
                let view = self.view(BlockName::Height(block.height())).await?;
                logs.extend(view.into_iter().flat_map(|view| view.logs_for(filter)));
                if logs.len() > LOGS_MAX {
                    let why = format!("query returned more than {LOGS_MAX} results, ask for fewer blocks");
                    return Err(too_much(why));
                }
            }
            next = end.next().get();
        }
        Ok(logs)
    }
}

/// The blocks of a range that there are; nothing where it begins after the last.
fn range(from: u64, to: u64, tip: u64) -> Result<Option<(u64, u64)>, ErrorObjectOwned> {
    if from > to {
        return Err(invalid(format!("invalid block range params: {from} is after {to}")));
    }
    // The genesis has no events.
    let (first, last) = (from.max(1), to.min(tip));
    let blocks = (last + 1).saturating_sub(first);
    if blocks > BLOCKS_MAX {
        return Err(too_much(format!("{blocks} blocks in one query, at most {BLOCKS_MAX}")));
    }
    Ok((blocks > 0).then_some((first, last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_bounded_by_what_there_is() {
        assert_eq!(range(0, 5, 10).unwrap(), Some((1, 5)));
        assert_eq!(range(3, u64::MAX, 10).unwrap(), Some((3, 10)));
        assert_eq!(range(11, 12, 10).unwrap(), None);
        assert_eq!(range(0, 0, 0).unwrap(), None);
        assert_eq!(range(1, BLOCKS_MAX, 1 << 40).unwrap(), Some((1, BLOCKS_MAX)));
        assert_eq!(range(1, BLOCKS_MAX + 1, 1 << 40).unwrap_err().code(), -32_005);
        assert_eq!(range(2, 1, 10).unwrap_err().code(), -32_602);
    }
}
