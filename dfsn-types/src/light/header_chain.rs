//! A line of headers, and how far it is final.

use std::collections::VecDeque;

use super::{HeaderChainError, SignedCheckpoint};
use crate::block::{Header, SignedHeader};
use crate::genesis::{ChainIdentity, GenesisConfig};
use crate::hash::{BlockHash, TransactionId};
use crate::key::PublicKey;
use crate::proof::{ReceiptAnswer, ShownReceipt, StateAnswer, StateRecord};
use crate::unit::BlockHeight;

/// Headers that are kept; older ones make way.
pub const HEADERS_MAX: usize = 8_192;

/// What a block is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its builder wrote it. Whether the network keeps it is only told by whoever handed it over.
    Authored {
        /// Whose signature it carries.
        builder: PublicKey,
    },
    /// It lies under a checkpoint that the network signed.
    Final,
}

/// Headers that follow each other, without bodies and without a state (rules CHK-02 to CHK-04).
///
/// It shows of each that its builder signed it, and of those under a checkpoint that the network keeps them. It does not show that
/// what a block did was by the rules: who executes blocks knows that, and a checkpoint says that the sealer did.
///
/// ```
/// use dfsn_types::{BlockHeight, ChainId, ChainIdentity, GenesisHash, HeaderChain, SecretKey};
///
/// let chain = ChainIdentity { chain_id: ChainId::new(7777)?, genesis: GenesisHash::from_bytes([1; 32]) };
/// let sealer = SecretKey::from_seed(&[7; 32]).public_key();
/// let headers = HeaderChain::at_genesis(chain, sealer);
/// assert_eq!(headers.height(), BlockHeight::ZERO);
/// assert!(headers.header(BlockHeight::ZERO).is_none(), "the genesis has no header");
/// # Ok::<(), dfsn_types::ChainIdError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeaderChain {
    chain: ChainIdentity,
    sealer: PublicKey,
    /// The block before the first header.
    base: (BlockHeight, BlockHash),
    headers: VecDeque<(BlockHash, Header)>,
    last_final: (BlockHeight, BlockHash),
}

impl HeaderChain {
    /// Starts at block 0 of a network that is known by its whole genesis.
    pub fn of_genesis(genesis: &GenesisConfig) -> Self {
        let chain = ChainIdentity { chain_id: genesis.chain_id, genesis: genesis.hash() };
        Self::at_genesis(chain, genesis.sealer)
    }

    /// Starts at block 0 of a network that is known by name and sealer.
    pub fn at_genesis(chain: ChainIdentity, sealer: PublicKey) -> Self {
        Self::at(chain, sealer, BlockHeight::ZERO, BlockHash::from_bytes(*chain.genesis.as_bytes()))
    }

    /// Starts at a checkpoint, so that a newcomer need not read all headers before it.
    ///
    /// # Errors
    /// [`HeaderChainError::Signature`] when the sealer did not sign it.
    pub fn at_checkpoint(
        chain: ChainIdentity,
        sealer: PublicKey,
        signed: &SignedCheckpoint,
    ) -> Result<Self, HeaderChainError> {
        let checkpoint = signed.verify(&chain, &sealer)?;
        Ok(Self::at(chain, sealer, checkpoint.height, checkpoint.hash))
    }

    fn at(chain: ChainIdentity, sealer: PublicKey, height: BlockHeight, hash: BlockHash) -> Self {
        let base = (height, hash);
        Self { chain, sealer, base, headers: VecDeque::new(), last_final: base }
    }

    /// Adds the next header.
    ///
    /// # Errors
    /// [`HeaderChainError`] when it does not follow the last one, or its builder did not sign it.
    pub fn append(&mut self, signed: &SignedHeader) -> Result<(), HeaderChainError> {
        let header = &signed.header;
        let (actual, expected) = (header.height, self.height().next());
        if actual != expected {
            return Err(HeaderChainError::Height { actual, expected });
        }
        let (actual, expected) = (header.parent, self.tip());
        if actual != expected {
            return Err(HeaderChainError::Parent { height: header.height, actual, expected });
        }
        let (actual, parent) = (header.timestamp, self.headers.back().map(|(_, parent)| parent.timestamp));
        if let Some(parent) = parent.filter(|parent| actual < *parent) {
            return Err(HeaderChainError::Timestamp { actual, parent });
        }
        signed.verify(&self.chain)?;
        self.headers.push_back((header.hash(), header.clone()));
        if self.headers.len() > HEADERS_MAX
            && let Some((hash, oldest)) = self.headers.pop_front()
        {
            self.base = (oldest.height, hash);
        }
        Ok(())
    }

    /// Takes a checkpoint: the block that it names and all before it are final.
    ///
    /// # Errors
    /// [`HeaderChainError`] when the sealer did not sign it, or when the block is not among these headers.
    pub fn finalise(&mut self, signed: &SignedCheckpoint) -> Result<(), HeaderChainError> {
        let checkpoint = signed.verify(&self.chain, &self.sealer)?;
        let height = checkpoint.height;
        let Some(here) = self.hash_at(height) else {
            return Err(HeaderChainError::NotHere { height, from: self.base.0, to: self.height() });
        };
        let (last_final, _) = self.last_final;
        if here != checkpoint.hash && height <= last_final {
            return Err(HeaderChainError::Contradiction { height, signed: here, other: checkpoint.hash });
        }
        if here != checkpoint.hash {
            return Err(HeaderChainError::OtherBlock { height, checkpoint: checkpoint.hash, header: here });
        }
        if height > last_final {
            self.last_final = (height, here);
        }
        Ok(())
    }

    /// Drops the headers above `height`, so that others can follow there.
    ///
    /// # Errors
    /// [`HeaderChainError::Final`] when final ones are among them, [`HeaderChainError::NotHere`] for a height without a header.
    pub fn rewind(&mut self, height: BlockHeight) -> Result<(), HeaderChainError> {
        let (last_final, _) = self.last_final;
        if height < last_final {
            return Err(HeaderChainError::Final { height, last_final });
        }
        if self.hash_at(height).is_none() {
            return Err(HeaderChainError::NotHere { height, from: self.base.0, to: self.height() });
        }
        self.headers.retain(|(_, header)| header.height <= height);
        Ok(())
    }

    /// Height of the last block.
    pub fn height(&self) -> BlockHeight {
        self.headers.back().map_or(self.base.0, |(_, header)| header.height)
    }

    /// Name of the last block.
    pub fn tip(&self) -> BlockHash {
        self.headers.back().map_or(self.base.1, |(hash, _)| *hash)
    }

    /// Height of the last block that is final.
    pub const fn final_height(&self) -> BlockHeight {
        self.last_final.0
    }

    /// A header that is kept.
    pub fn header(&self, height: BlockHeight) -> Option<&Header> {
        self.entry(height).map(|(_, header)| header)
    }

    /// What is known of the block of a kept header.
    pub fn standing(&self, height: BlockHeight) -> Option<Standing> {
        let header = self.header(height)?;
        let is_final = height <= self.final_height();
        Some(if is_final { Standing::Final } else { Standing::Authored { builder: header.builder } })
    }

    /// What the state after block `height` holds under a key, and what that block is known to be.
    ///
    /// # Errors
    /// [`HeaderChainError::NotHere`] for a height without a header, [`HeaderChainError::Proof`] when the answer does not show it.
    pub fn check_state<'a, R: StateRecord>(
        &self,
        height: BlockHeight,
        key: &R::Key,
        answer: &'a StateAnswer<R>,
    ) -> Result<(Option<&'a R>, Standing), HeaderChainError> {
        let (header, standing) = self.kept(height)?;
        Ok((answer.verify(&header.state_root, key)?, standing))
    }

    /// Place and receipt of a transaction in block `height`, or that it is not there, and what that block is known to be.
    ///
    /// # Errors
    /// As [`Self::check_state`].
    pub fn check_receipt<'a>(
        &self,
        height: BlockHeight,
        id: &TransactionId,
        answer: &'a ReceiptAnswer,
    ) -> Result<(ShownReceipt<'a>, Standing), HeaderChainError> {
        let (header, standing) = self.kept(height)?;
        Ok((answer.verify(&header.receipts_root, id)?, standing))
    }

    fn kept(&self, height: BlockHeight) -> Result<(&Header, Standing), HeaderChainError> {
        let missing = HeaderChainError::NotHere { height, from: self.base.0, to: self.height() };
        self.header(height).zip(self.standing(height)).ok_or(missing)
    }

    fn entry(&self, height: BlockHeight) -> Option<&(BlockHash, Header)> {
        let above = height.get().checked_sub(self.base.0.get())?.checked_sub(1)?;
        self.headers.get(usize::try_from(above).ok()?)
    }

    fn hash_at(&self, height: BlockHeight) -> Option<BlockHash> {
        if height == self.base.0 {
            return Some(self.base.1);
        }
        self.entry(height).map(|(hash, _)| *hash)
    }
}
