//! Where what is: transactions by their names and by the accounts that they concern, logs by their topics. It is made from the
//! chain, and made again when it is lost.

mod logs;

use dfsn_client::transport::{LogPage, LogQuery};
use dfsn_client::view::{HistoryEntry, HistoryPage, HistoryQuery, Place};
use dfsn_consensus::store::{KvStore, StoreError, WriteBatch};
use dfsn_types::{
    Address, Block, BlockHeight, ChainIdentity, Event, SignedTransaction, Transaction, TransactionId,
    TransactionKind,
};

/// Key of the height up to which blocks are indexed in this form; an index in another one is made again.
const UP_TO: &[u8] = b"h3";
/// First byte of the keys of transactions.
const TRANSACTION: u8 = b't';
/// First byte of the keys of accounts' histories.
const HISTORY: u8 = b'a';

/// Entries of one batch while an index is made again.
const LINES_MAX: usize = 16_384;

/// An index in a store of its own, a batch a block.
#[derive(Debug)]
pub(crate) struct Index<S> {
    store: S,
    up_to: BlockHeight,
}

impl<S: KvStore> Index<S> {
    /// Goes on from what is in a store.
    pub(crate) fn open(store: S) -> Result<Self, StoreError> {
        let up_to = store.get(UP_TO)?.and_then(|bytes| height(&bytes)).unwrap_or_default();
        Ok(Self { store, up_to })
    }

    /// The last block that is indexed.
    pub(crate) const fn up_to(&self) -> BlockHeight {
        self.up_to
    }

    /// Adds the next block, with what it caused.
    pub(crate) fn add(
        &mut self,
        block: &Block,
        events: &[Event],
        chain: &ChainIdentity,
    ) -> Result<(), StoreError> {
        let mut lines = Lines::default();
        lines.add(block, events, chain);
        self.write(lines)
    }

    /// Adds several blocks, all of them or none.
    pub(crate) fn write(&mut self, lines: Lines) -> Result<(), StoreError> {
        let Lines { mut batch, up_to: Some(up_to) } = lines else { return Ok(()) };
        batch.put(UP_TO, up_to.get().to_be_bytes());
        self.store.write(batch)?;
        self.up_to = up_to;
        Ok(())
    }

    /// Blocks with logs of some topics.
    pub(crate) fn logs(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        logs::page(&self.store, query)
    }

    /// The block of a transaction.
    pub(crate) fn height_of(&self, id: &TransactionId) -> Result<Option<BlockHeight>, StoreError> {
        Ok(self.store.get(&transaction_key(id))?.and_then(|bytes| height(&bytes)))
    }

    /// A page of an account's history.
    pub(crate) fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        let mut prefix = vec![HISTORY];
        prefix.extend(query.address.as_bytes());
        let start = query.before.map(|place| history_key(&query.address, place));
        let found = self.store.iterate(&prefix, start.as_deref().unwrap_or(&prefix))?;
        let mut page = HistoryPage { entries: Vec::new(), next: None };
        for entry in found {
            let (key, value) = entry?;
            let place = key.get(prefix.len()..).and_then(place);
            let (Some(place), Ok(id)) = (place, <[u8; 32]>::try_from(value)) else { continue };
            if query.before == Some(place) {
                continue;
            }
            if page.entries.len() == query.page_len() {
                page.next = page.entries.last().map(|entry: &HistoryEntry| entry.place);
                break;
            }
            page.entries.push(HistoryEntry { place, id: TransactionId::from_bytes(id) });
        }
        Ok(page)
    }
}

/// What is written of blocks.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    batch: WriteBatch,
    up_to: Option<BlockHeight>,
}

impl Lines {
    /// Adds the block after the last one.
    pub(crate) fn add(&mut self, block: &Block, events: &[Event], chain: &ChainIdentity) {
        let (at, batch) = (block.header().height, &mut self.batch);
        for (index, transaction) in (0..).zip(block.body().transactions.iter()) {
            let (id, place) = (transaction.id(), Place { height: at, index });
            batch.put(transaction_key(&id), at.get().to_be_bytes());
            let Some((sender, to)) = parties(transaction, chain) else { continue };
            batch.put(history_key(&sender, place), *id.as_bytes());
            if let Some(to) = to.filter(|to| *to != sender) {
                batch.put(history_key(&to, place), *id.as_bytes());
            }
        }
        logs::add(batch, at, events);
        self.up_to = Some(at);
    }

    /// Whether they should be written before there are more of them.
    pub(crate) fn are_many(&self) -> bool {
        self.batch.puts.len() >= LINES_MAX
    }
}

/// Who sends, and to whom coins go. The block was verified, so that what a native envelope claims is true.
fn parties(transaction: &SignedTransaction, chain: &ChainIdentity) -> Option<(Address, Option<Address>)> {
    let to = |transaction: &Transaction| match transaction.kind {
        TransactionKind::Transfer { to, .. } => Some(to),
        _ => None,
    };
    match transaction {
        SignedTransaction::Native(native) => Some((native.claimed_sender(), to(native.transaction()))),
        SignedTransaction::Ethereum(_) => {
            let verified = transaction.clone().verify(chain).ok()?;
            Some((verified.sender(), to(verified.transaction())))
        }
    }
}

/// The newest comes first.
fn history_key(address: &Address, place: Place) -> Vec<u8> {
    let mut key = vec![HISTORY];
    key.extend(address.as_bytes());
    key.extend((!place.height.get()).to_be_bytes());
    key.extend((!place.index).to_be_bytes());
    key
}

fn place(bytes: &[u8]) -> Option<Place> {
    let (height, index) = bytes.split_at_checked(8)?;
    let height = BlockHeight::new(!u64::from_be_bytes(height.try_into().ok()?));
    Some(Place { height, index: !u32::from_be_bytes(index.try_into().ok()?) })
}

fn transaction_key(id: &TransactionId) -> Vec<u8> {
    let mut key = vec![TRANSACTION];
    key.extend(id.as_bytes());
    key
}

fn height(bytes: &[u8]) -> Option<BlockHeight> {
    Some(BlockHeight::new(u64::from_be_bytes(bytes.try_into().ok()?)))
}
