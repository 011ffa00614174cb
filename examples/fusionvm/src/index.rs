//! Where what is: transactions by their names. It is made from the chain, and made again when it is lost.

use dfsn_consensus::store::{KvStore, StoreError, WriteBatch};
use dfsn_types::{Block, BlockHeight, TransactionId};

/// Key of the height up to which blocks are indexed.
const UP_TO: &[u8] = b"h";
/// First byte of the keys of transactions.
const TRANSACTION: u8 = b't';

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

    /// Adds the next block.
    pub(crate) fn add(&mut self, block: &Block) -> Result<(), StoreError> {
        let at = block.header().height;
        let mut batch = WriteBatch::default();
        for transaction in block.body().transactions.iter() {
            batch.put(transaction_key(&transaction.id()), at.get().to_be_bytes());
        }
        batch.put(UP_TO, at.get().to_be_bytes());
        self.store.write(batch)?;
        self.up_to = at;
        Ok(())
    }

    /// The block of a transaction.
    pub(crate) fn height_of(&self, id: &TransactionId) -> Result<Option<BlockHeight>, StoreError> {
        Ok(self.store.get(&transaction_key(id))?.and_then(|bytes| height(&bytes)))
    }
}

fn transaction_key(id: &TransactionId) -> Vec<u8> {
    let mut key = vec![TRANSACTION];
    key.extend(id.as_bytes());
    key
}

fn height(bytes: &[u8]) -> Option<BlockHeight> {
    Some(BlockHeight::new(u64::from_be_bytes(bytes.try_into().ok()?)))
}
