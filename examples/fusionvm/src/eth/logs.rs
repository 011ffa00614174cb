//! Logs: what happened to jobs and stakes, as a contract would tell it.

use alloy_primitives::{Address, B256, LogData};
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use dfsn_client::transport::{BlockName, LogQuery};
use dfsn_types::{Block, BlockHeight, BlockReceipts, EthereumLog, Hash, SYSTEM_ADDRESS, event_causes};
use jsonrpsee::types::ErrorObjectOwned;

use super::answers::Eth;
use super::convert;
use super::error::{invalid, refused, too_much, unavailable};

/// The most logs of one answer, unless one block has more.
const LOGS_MAX: u32 = 10_000;
/// The most topics of one filter: each is a list of blocks that is read.
const TOPICS_MAX: usize = 128;
/// Pages of the index that are read for one answer, each a few milliseconds of the chain's thread.
const PAGES_MAX: u32 = 64;

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
        let Some((first, last)) = range.filter(|_| filter.matches_address(system())) else {
            return Ok(Vec::new());
        };
        let topics = filter
            .topics
            .each_ref()
            .map(|topics| topics.iter().map(|topic| Hash::from_bytes(topic.0)).collect());
        let query = LogQuery { first: BlockHeight::new(first), last: BlockHeight::new(last), topics };
        let count: usize = query.topics.iter().map(Vec::len).sum();
        if count > TOPICS_MAX {
            return Err(invalid(format!("exceed max topics: {count} in one filter, at most {TOPICS_MAX}")));
        }
        // Nobody closes it.
        let _place = self.searches.acquire().await;
        let mut logs = Vec::new();
        for height in self.blocks_with(query).await? {
            let view = self.view(BlockName::Height(height)).await?;
            logs.extend(view.into_iter().flat_map(|view| view.logs_for(filter)));
        }
        Ok(logs)
    }

    /// The blocks of a query that have logs, as long as these are not too many for one answer.
    async fn blocks_with(&self, mut query: LogQuery) -> Result<Vec<BlockHeight>, ErrorObjectOwned> {
        let first = query.first;
        let (mut blocks, mut logs) = (Vec::new(), 0_u32);
        for _ in 0..PAGES_MAX {
            let page = self.node.calls.logs(query.clone()).await.map_err(|error| unavailable(&error))?;
            for (height, count) in page.blocks {
                logs = logs.saturating_add(count);
                // Nobody can ask for less than one block.
                if logs > LOGS_MAX && !blocks.is_empty() {
                    let why = format!("query returned more than {LOGS_MAX} results");
                    return Err(fewer_blocks(&why, first, height));
                }
                blocks.push(height);
            }
            match page.next {
                Some(next) => query.first = next,
                None => return Ok(blocks),
            }
        }
        Err(fewer_blocks("query looks at too much of the index", first, query.first))
    }
}

/// Names a range that can be answered, in the words that indexers look for.
fn fewer_blocks(why: &str, first: BlockHeight, end: BlockHeight) -> ErrorObjectOwned {
    let (first, last) = (first.get(), end.get().saturating_sub(1));
    too_much(format!("{why}. Try with this block range [{first:#x}, {last:#x}]."))
}

/// The blocks of a range that there are; nothing where it begins after the last.
fn range(from: u64, to: u64, tip: u64) -> Result<Option<(u64, u64)>, ErrorObjectOwned> {
    if from > to {
        return Err(invalid(format!("invalid block range params: {from} is after {to}")));
    }
    // The genesis has no events.
    let (first, last) = (from.max(1), to.min(tip));
    Ok((first <= last).then_some((first, last)))
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
        assert_eq!(range(0, u64::MAX, 1 << 40).unwrap(), Some((1, 1 << 40)));
        assert_eq!(range(2, 1, 10).unwrap_err().code(), -32_602);
    }

    #[test]
    fn who_asks_for_too_much_is_told_what_to_ask_for() {
        let error = fewer_blocks(
            "query returned more than 10000 results",
            BlockHeight::new(1),
            BlockHeight::new(257),
        );
        assert_eq!(error.code(), -32_005);
        let said = "query returned more than 10000 results. Try with this block range [0x1, 0x100].";
        assert_eq!(error.message(), said);
    }
}
