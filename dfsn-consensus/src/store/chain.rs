//! A chain in a store: what is written for a block, and what is read when a node starts.

use core::cmp::Ordering;

use borsh::BorshDeserialize;
use dfsn_types::{Block, BlockHash, BlockHeight, BlockReceipts, GenesisHash, StateRoot, codec};

use super::{EntryName, KvStore, OpenError, ReadError, Table, WriteBatch, state};
use crate::state::ChainState;

/// Number of the layout that this code reads and writes (rule STO-02).
pub const STORE_FORMAT: u32 = 1;

/// The most bytes of the receipts and events of one block.
const RECEIPTS_MAX: usize = 256 << 20;

/// Entries of [`Table::Meta`].
#[derive(Clone, Copy, Debug)]
enum Meta {
    Format = 0,
    Genesis = 1,
    LastAccepted = 2,
}

impl Meta {
    fn key(self) -> Vec<u8> {
        Table::Meta.key(&[self as u8])
    }

    fn read<S: KvStore, T: BorshDeserialize>(self, store: &S) -> Result<Option<T>, ReadError> {
        Table::Meta.read(store, &[self as u8], 32)
    }

    /// Reads what every chain's store has.
    fn need<S: KvStore, T: BorshDeserialize>(self, store: &S) -> Result<T, ReadError> {
        let missing = || ReadError::corrupt(EntryName::new(Table::Meta, &[self as u8]), "missing");
        self.read(store)?.ok_or_else(missing)
    }
}

/// Opens the chain in a store: the last accepted state. An empty store gets the genesis first.
///
/// # Errors
/// [`OpenError`] when the store holds anything but a whole chain of this network, in this format.
pub(crate) fn open<S: KvStore>(store: &mut S, genesis: &ChainState) -> Result<ChainState, OpenError> {
    let Some(found) = Meta::Format.read::<S, u32>(store)? else {
        if has_entries(store)? {
            return Err(OpenError::Foreign);
        }
        store.write(genesis_batch(genesis)).map_err(OpenError::Write)?;
        return Ok(genesis.clone());
    };
    // Rule STO-02: before anything that another format may have elsewhere.
    let known = STORE_FORMAT;
    match found.cmp(&known) {
        Ordering::Less => return Err(OpenError::OlderFormat { found, known }),
        Ordering::Greater => return Err(OpenError::NewerFormat { found, known }),
        Ordering::Equal => {}
    }
    let (found, expected) = (Meta::Genesis.need::<S, GenesisHash>(store)?, genesis.chain.genesis);
    // Rule STO-03.
    if found != expected {
        return Err(OpenError::Genesis { found, expected });
    }
    let state = state::read(store)?;
    let (actual, expected) = (state.root(), expected_root(store, &state, genesis)?);
    // Rule STO-05.
    if actual != expected {
        return Err(OpenError::Root { height: state.tip.height, actual, expected });
    }
    Ok(state)
}

fn has_entries<S: KvStore>(store: &S) -> Result<bool, ReadError> {
    Ok(store.iterate(&[], &[])?.next().transpose()?.is_some())
}

/// The block that the store's state is after.
///
/// # Errors
/// [`ReadError`] when the store cannot say.
pub(crate) fn last_accepted<S: KvStore>(store: &S) -> Result<BlockHash, ReadError> {
    Meta::LastAccepted.need(store)
}

/// The root that the last accepted block promises.
fn expected_root<S: KvStore>(
    store: &S,
    state: &ChainState,
    genesis: &ChainState,
) -> Result<StateRoot, ReadError> {
    let hash = last_accepted(store)?;
    if state.tip.hash != hash {
        let reason = format!("its tip is {}, the last accepted block {hash}", state.tip.hash);
        return Err(ReadError::corrupt(EntryName::new(Table::Scalars, &[]), reason));
    }
    if hash == genesis.tip.hash {
        return Ok(genesis.root());
    }
    let missing = || ReadError::corrupt(EntryName::new(Table::Blocks, hash.as_bytes()), "missing");
    Ok(block(store, &hash)?.ok_or_else(missing)?.header().state_root)
}

fn genesis_batch(genesis: &ChainState) -> WriteBatch {
    let mut batch = state::state_batch(genesis);
    batch.put(Meta::Format.key(), codec::encode(&STORE_FORMAT));
    batch.put(Meta::Genesis.key(), codec::encode(&genesis.chain.genesis));
    batch.put(Meta::LastAccepted.key(), codec::encode(&genesis.tip.hash));
    batch
}

/// All that accepting a block changes (rule STO-01).
pub(crate) fn block_batch(
    block: &Block,
    receipts: &BlockReceipts,
    before: &ChainState,
    after: &ChainState,
) -> WriteBatch {
    let (hash, mut batch) = (block.hash(), WriteBatch::default());
    batch.put(Table::Blocks.entry(&hash), codec::encode(block));
    batch.put(Table::Receipts.entry(&hash), codec::encode(receipts));
    batch.put(Table::Heights.entry(&block.header().height), codec::encode(&hash));
    batch.put(Meta::LastAccepted.key(), codec::encode(&hash));
    state::write_changes(after, before, &mut batch);
    batch
}

/// An accepted block.
///
/// # Errors
/// [`ReadError`] when there is something else in its place.
pub(crate) fn block<S: KvStore>(store: &S, hash: &BlockHash) -> Result<Option<Block>, ReadError> {
    let block: Option<Block> = Table::Blocks.read(store, hash.as_bytes(), Block::MAX_BYTES)?;
    let Some(block) = block else { return Ok(None) };
    let corrupt = |reason| ReadError::corrupt(EntryName::new(Table::Blocks, hash.as_bytes()), reason);
    if block.hash() != *hash {
        return Err(corrupt(format!("holds block {}", block.hash())));
    }
    block.verify_body().map_err(|error| corrupt(error.to_string()))?;
    Ok(Some(block))
}

/// Receipts and events of an accepted block.
///
/// # Errors
/// [`ReadError`] when there is something else in their place.
pub(crate) fn receipts<S: KvStore>(store: &S, hash: &BlockHash) -> Result<Option<BlockReceipts>, ReadError> {
    Table::Receipts.read(store, hash.as_bytes(), RECEIPTS_MAX)
}

/// The accepted block of a height.
///
/// # Errors
/// [`ReadError`] when there is something else in its place.
pub(crate) fn hash_at<S: KvStore>(store: &S, height: BlockHeight) -> Result<Option<BlockHash>, ReadError> {
    Table::Heights.read(store, &height.get().to_be_bytes(), 32)
}

/// Accepted blocks from a height on, in order, each read when it is asked for.
///
/// # Errors
/// [`ReadError`] when the store cannot answer, now or at a block.
pub(crate) fn blocks_from<S: KvStore>(
    store: &S,
    height: BlockHeight,
) -> Result<impl Iterator<Item = Result<Block, ReadError>> + use<'_, S>, ReadError> {
    let hashes = store.iterate(&Table::Heights.key(&[]), &Table::Heights.entry(&height))?;
    Ok(hashes.map(|entry| {
        let (key, value) = entry?;
        let corrupt = |reason: String| {
            ReadError::corrupt(EntryName::new(Table::Heights, key.get(1..).unwrap_or_default()), reason)
        };
        let hash = codec::decode(&value, 32).map_err(|error| corrupt(error.to_string()))?;
        block(store, &hash)?.ok_or_else(|| corrupt(format!("block {hash} is missing")))
    }))
}
