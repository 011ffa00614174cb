//! The DFSN chain behind the [`Vm`] interface.

use std::collections::BTreeMap;

use dfsn_types::{
    Address, BeaconProof, Block, BlockError, BlockHash, BlockHeight, BlockReceipts, Checkpoint, DecodeError,
    DurationMs, PublicKey, SecretKey, SignedCheckpoint, SignedDuty, SignedTransaction, Timestamp,
    TransactionError, TransactionId, VrfSecretKey,
};
use thiserror::Error;

use super::Vm;
use crate::builder::build_block;
use crate::error::BlockRuleError;
use crate::mempool::{Mempool, MempoolError};
use crate::rules::{Rules, UpgradeError};
use crate::state::ChainState;
use crate::store::{KvStore, OpenError, ReadError, StoreError, chain};
use crate::transition::{BlockContext, Transition, beacon_alpha, state_transition, verify_beacon};

/// A block is not judged while its timestamp is further ahead of the clock than this (rule TIM-02).
const FUTURE_MS: DurationMs = DurationMs::new(10_000);
/// Children of the last accepted block, and theirs, that may be processing at a time.
const PROCESSING_MAX: usize = 64;

/// Why a [`ChainVm`] refuses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VmError {
    /// No block of this network.
    #[error(transparent)]
    Form(#[from] BlockError),
    /// The block is invalid for ever.
    #[error(transparent)]
    Invalid(#[from] BlockRuleError),
    /// The rules of the block's time are not known here: it is not invalid, and other nodes go on.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// The block cannot be judged yet: it is not invalid.
    #[error("TIM-02: timestamp {timestamp} is more than 10 s after {now}, not yet valid")]
    NotYet {
        /// The block's.
        timestamp: Timestamp,
        /// The clock's.
        now: Timestamp,
    },
    /// A block by somebody who does not build here.
    #[error("BLK-10: built by {actual}, only {expected} builds here")]
    Builder {
        /// Who built it.
        actual: PublicKey,
        /// Who may.
        expected: PublicKey,
    },
    /// A block that is neither accepted last nor processing.
    #[error("block {0} is not processing")]
    Unknown(BlockHash),
    /// Too many undecided blocks.
    #[error("{PROCESSING_MAX} blocks are processing, decide some first")]
    TooManyProcessing,
    /// A transaction that is not of this network.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// Bytes that are no message of this network.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The mempool does not take it.
    #[error(transparent)]
    Mempool(#[from] MempoolError),
    /// Storage fails to write.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is not where this chain is.
    #[error(
        "STO-06: the store is at block {found}, this chain at {expected}: a write that failed has arrived, or \
         another process writes to it; open the chain again"
    )]
    StoreMoved {
        /// The store's last block.
        found: BlockHash,
        /// The chain's.
        expected: BlockHash,
    },
    /// Storage fails to read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// An accepted block and what it caused.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The block.
    pub block: Block,
    /// Its receipts and events.
    pub receipts: BlockReceipts,
}

/// Who builds blocks here.
#[derive(Debug)]
pub struct VmConfig {
    /// Signs headers.
    pub builder_key: SecretKey,
    /// Earns the tips.
    pub fee_recipient: Address,
    /// The only key whose blocks are taken (rule BLK-10): the genesis sealer under instant seal; nobody in particular where an
    /// engine of many machines decides who builds.
    pub only_builder: Option<PublicKey>,
    /// Adds to the beacon while this validator is registered with this key.
    pub beacon: Option<(Address, VrfSecretKey)>,
    /// Upgrades of the network.
    pub rules: Rules,
}

/// The chain of one node: the last accepted state, processing blocks above it, and what waits.
#[derive(Debug)]
pub struct ChainVm<S> {
    config: VmConfig,
    store: S,
    accepted: ChainState,
    processing: BTreeMap<BlockHash, (Block, Transition)>,
    preferred: BlockHash,
    mempool: Mempool,
}

impl<S: KvStore> ChainVm<S> {
    /// Goes on from the last accepted state in a store; an empty one gets the genesis (rules STO-01 to STO-06).
    ///
    /// # Errors
    /// [`OpenError`] when the store holds anything but a whole chain of this network, in this format.
    pub fn open(
        mut store: S,
        genesis: &ChainState,
        mempool: Mempool,
        config: VmConfig,
    ) -> Result<Self, OpenError> {
        let accepted = chain::open(&mut store, genesis)?;
        let preferred = accepted.tip.hash;
        Ok(Self { config, store, accepted, processing: BTreeMap::new(), preferred, mempool })
    }

    /// The state after the last accepted block.
    pub const fn state(&self) -> &ChainState {
        &self.accepted
    }

    /// Where the chain is kept.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Ends the chain here and gives back where it is kept.
    pub fn into_store(self) -> S {
        self.store
    }

    /// What waits for a block.
    pub const fn mempool(&self) -> &Mempool {
        &self.mempool
    }

    /// Checks a transaction and lets it wait.
    ///
    /// # Errors
    /// [`VmError`] when it is not of this network or the mempool does not take it.
    pub fn submit_transaction(&mut self, transaction: SignedTransaction) -> Result<TransactionId, VmError> {
        let verified = transaction.verify(&self.accepted.chain)?;
        let id = verified.id();
        self.mempool.add_transaction(&self.accepted, verified)?;
        Ok(id)
    }

    /// Lets a duty wait; it is checked when a block is built.
    ///
    /// # Errors
    /// [`VmError`] when the mempool does not take it.
    pub fn submit_duty(&mut self, duty: SignedDuty) -> Result<(), VmError> {
        Ok(self.mempool.add_duty(&self.accepted, duty)?)
    }

    /// Whether a block is wanted at `now` (rule TIM-05): something waits, or jobs are open and the heartbeat is due.
    pub fn wants_block(&self, now: Timestamp) -> bool {
        let quiet_for = now.since(self.accepted.tip.timestamp);
        let heartbeat = self.accepted.has_open_jobs() && quiet_for >= self.accepted.params.chain.heartbeat_ms;
        self.mempool.wants_block(&self.accepted) || heartbeat
    }

    /// The block that the next one is built on.
    pub const fn preferred(&self) -> BlockHash {
        self.preferred
    }

    /// A block that is verified and not decided upon.
    pub fn processing_block(&self, hash: &BlockHash) -> Option<&Block> {
        self.processing.get(hash).map(|(block, _)| block)
    }

    /// An accepted block.
    ///
    /// # Errors
    /// [`VmError::Read`] when the store cannot answer or holds something else in its place.
    pub fn accepted_block(&self, hash: &BlockHash) -> Result<Option<Block>, VmError> {
        Ok(chain::block(&self.store, hash)?)
    }

    /// The accepted block of a height; the genesis is none.
    ///
    /// # Errors
    /// [`VmError::Read`] when the store cannot answer or holds something else in its place.
    pub fn block_at(&self, height: BlockHeight) -> Result<Option<Block>, VmError> {
        let Some(hash) = chain::hash_at(&self.store, height)? else { return Ok(None) };
        self.accepted_block(&hash)
    }

    /// Receipts and events of an accepted block.
    ///
    /// # Errors
    /// [`VmError::Read`] when the store cannot answer or holds something else in their place.
    pub fn receipts(&self, hash: &BlockHash) -> Result<Option<BlockReceipts>, VmError> {
        Ok(chain::receipts(&self.store, hash)?)
    }

    /// Accepted blocks from a height on, in order. Each is read when it is asked for, so that a long chain takes no more memory
    /// than a block; who serves them to others stops after a number of bytes.
    ///
    /// # Errors
    /// [`VmError::Read`] when the store cannot answer, now or at a block.
    pub fn blocks_from(
        &self,
        height: BlockHeight,
    ) -> Result<impl Iterator<Item = Result<Block, VmError>> + use<'_, S>, VmError> {
        Ok(chain::blocks_from(&self.store, height)?.map(|block| Ok(block?)))
    }

    /// The word of the network's sealer that the last accepted block is final (rule CHK-01); nothing where somebody else seals.
    pub fn checkpoint(&self) -> Option<SignedCheckpoint> {
        let ChainState { chain, sealer, tip, .. } = &self.accepted;
        let key = &self.config.builder_key;
        let is_sealer = key.public_key() == *sealer && self.config.only_builder == Some(*sealer);
        is_sealer.then(|| Checkpoint { height: tip.height, hash: tip.hash }.sign(chain, key))
    }

    fn parent_state(&self, hash: &BlockHash) -> Option<&ChainState> {
        if *hash == self.accepted.tip.hash {
            return Some(&self.accepted);
        }
        self.processing.get(hash).map(|(_, transition)| &transition.state)
    }

    /// A proof that the rules take; none while the validator is not registered with this key, or its key is too young.
    fn beacon_proof(&self, parent: &ChainState, timestamp: Timestamp) -> Option<BeaconProof> {
        let (validator, key) = self.config.beacon.as_ref()?;
        let height = parent.tip.height.next();
        let proof = key.prove(beacon_alpha(parent, height).as_bytes()).ok()?;
        let proof = BeaconProof { validator: *validator, proof };
        verify_beacon(parent, &proof, height, timestamp).is_ok().then_some(proof)
    }
}

impl<S: KvStore> Vm for ChainVm<S> {
    type Error = VmError;

    fn last_accepted(&self) -> BlockHash {
        self.accepted.tip.hash
    }

    fn parse(&self, bytes: &[u8]) -> Result<Block, VmError> {
        Ok(Block::decode(bytes, &self.accepted.chain)?)
    }

    fn build(&mut self, now: Timestamp) -> Result<Option<Block>, VmError> {
        if !self.wants_block(now) {
            return Ok(None);
        }
        if self.processing.len() >= PROCESSING_MAX {
            return Err(VmError::TooManyProcessing);
        }
        let parent = self.parent_state(&self.preferred).ok_or(VmError::Unknown(self.preferred))?;
        let timestamp = now.max(parent.tip.timestamp);
        let parent = &*self.config.rules.at(parent, timestamp)?;
        let context = BlockContext {
            timestamp,
            fee_recipient: self.config.fee_recipient,
            beacon_proof: self.beacon_proof(parent, timestamp),
        };
        let (block, transition) = build_block(parent, &self.mempool, &context, &self.config.builder_key)?;
        self.processing.insert(block.hash(), (block.clone(), transition));
        Ok(Some(block))
    }

    fn verify(&mut self, block: Block, now: Timestamp) -> Result<(), VmError> {
        let (hash, timestamp) = (block.hash(), block.header().timestamp);
        if self.processing.contains_key(&hash) {
            return Ok(());
        }
        let actual = block.header().builder;
        if let Some(expected) = self.config.only_builder.filter(|expected| *expected != actual) {
            return Err(VmError::Builder { actual, expected });
        }
        if timestamp > now.after(FUTURE_MS) {
            return Err(VmError::NotYet { timestamp, now });
        }
        if self.processing.len() >= PROCESSING_MAX {
            return Err(VmError::TooManyProcessing);
        }
        let parent = block.header().parent;
        let state = self.parent_state(&parent).ok_or(VmError::Unknown(parent))?;
        let transition = state_transition(&*self.config.rules.at(state, timestamp)?, &block)?;
        self.processing.insert(hash, (block, transition));
        Ok(())
    }

    fn accept(&mut self, hash: &BlockHash) -> Result<Accepted, VmError> {
        let is_child = |(block, _): &&(Block, Transition)| block.header().parent == self.accepted.tip.hash;
        let Some((block, transition)) = self.processing.get(hash).filter(is_child) else {
            return Err(VmError::Unknown(*hash));
        };
        // Rule STO-06: a write that failed before may have arrived all the same.
        let (found, expected) = (chain::last_accepted(&self.store)?, self.accepted.tip.hash);
        if found != expected {
            return Err(VmError::StoreMoved { found, expected });
        }
        let Transition { state, receipts } = transition;
        self.store.write(chain::block_batch(block, receipts, &self.accepted, state))?;
        let Some((block, transition)) = self.processing.remove(hash) else {
            return Err(VmError::Unknown(*hash));
        };
        self.accepted = transition.state;
        self.mempool.block_accepted(&self.accepted, &block);
        if !self.processing.contains_key(&self.preferred) {
            self.preferred = *hash;
        }
        Ok(Accepted { block, receipts: transition.receipts })
    }

    fn reject(&mut self, hash: &BlockHash) {
        if let Some((block, _)) = self.processing.remove(hash) {
            self.mempool.block_rejected(&self.accepted, &block);
        }
        if self.preferred == *hash {
            self.preferred = self.accepted.tip.hash;
        }
    }

    fn set_preference(&mut self, hash: &BlockHash) -> Result<(), VmError> {
        if self.parent_state(hash).is_none() {
            return Err(VmError::Unknown(*hash));
        }
        self.preferred = *hash;
        Ok(())
    }
}
