//! Whole blocks.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Header, SignedHeader};
use crate::bounded::BoundedVec;
use crate::codec::{self, DecodeError};
use crate::domain::Domain;
use crate::duty::SignedDuty;
use crate::genesis::ChainIdentity;
use crate::hash::{BlockHash, BodyRoot};
use crate::key::{SecretKey, Signature, SignatureError};
use crate::transaction::SignedTransaction;

/// What a block carries, lane by lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockBody {
    /// The duty lane, executed first.
    pub duties: BoundedVec<SignedDuty, 4096>,
    /// The data lane: posted states, executed second.
    pub data: BoundedVec<SignedDuty, 512>,
    /// The user lane.
    pub transactions: BoundedVec<SignedTransaction, 16_384>,
}

impl BlockBody {
    /// Root over the duties.
    pub fn duties_root(&self) -> BodyRoot {
        Domain::BodyRoot.hash(&(0u8, &self.duties)).into()
    }

    /// Root over the posted data.
    pub fn data_root(&self) -> BodyRoot {
        Domain::BodyRoot.hash(&(2u8, &self.data)).into()
    }

    /// Root over the transactions.
    pub fn transactions_root(&self) -> BodyRoot {
        Domain::BodyRoot.hash(&(1u8, &self.transactions)).into()
    }
}

/// Why a block's form is wrong, whatever the state says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BlockError {
    /// Not the canonical form.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The header names other duties than the body has.
    #[error("duties root {actual}, header says {expected}")]
    DutiesRoot {
        /// Root of the body.
        actual: BodyRoot,
        /// Root in the header.
        expected: BodyRoot,
    },
    /// The header names other data than the body has.
    #[error("data root {actual}, header says {expected}")]
    DataRoot {
        /// Root of the body.
        actual: BodyRoot,
        /// Root in the header.
        expected: BodyRoot,
    },
    /// The header names other transactions than the body has.
    #[error("transactions root {actual}, header says {expected}")]
    TransactionsRoot {
        /// Root of the body.
        actual: BodyRoot,
        /// Root in the header.
        expected: BodyRoot,
    },
    /// The builder's signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// A block: header, body, and the builder's signature, which is not part of its name.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    header: Header,
    body: BlockBody,
    signature: Signature,
}

impl Block {
    /// The most bytes of a block: all lanes and the header.
    pub const MAX_BYTES: usize = 1_572_864 + 4_096;

    /// Signs a header for its body.
    pub fn seal(header: Header, body: BlockBody, chain: &ChainIdentity, key: &SecretKey) -> Self {
        let SignedHeader { header, signature } = SignedHeader::seal(header, chain, key);
        Self { header, body, signature }
    }

    /// Decodes the canonical bytes and checks what needs no state: roots and signature.
    ///
    /// # Errors
    /// [`BlockError`] when the form is wrong.
    pub fn decode(bytes: &[u8], chain: &ChainIdentity) -> Result<Self, BlockError> {
        let block: Self = codec::decode(bytes, Self::MAX_BYTES)?;
        block.verify_form(chain)?;
        Ok(block)
    }

    /// Checks that the header belongs to the body and to its builder (rule BLK-01).
    ///
    /// # Errors
    /// [`BlockError`] when it does not.
    pub fn verify_form(&self, chain: &ChainIdentity) -> Result<(), BlockError> {
        self.verify_body()?;
        Ok(self.signed_header().verify(chain)?)
    }

    /// Whether the body is the one that the header names.
    ///
    /// # Errors
    /// [`BlockError`] for the first list that is another.
    pub fn verify_body(&self) -> Result<(), BlockError> {
        let (actual, expected) = (self.body.duties_root(), self.header.duties_root);
        if actual != expected {
            return Err(BlockError::DutiesRoot { actual, expected });
        }
        let (actual, expected) = (self.body.data_root(), self.header.data_root);
        if actual != expected {
            return Err(BlockError::DataRoot { actual, expected });
        }
        let (actual, expected) = (self.body.transactions_root(), self.header.transactions_root);
        if actual != expected {
            return Err(BlockError::TransactionsRoot { actual, expected });
        }
        Ok(())
    }

    /// The block's name.
    pub fn hash(&self) -> BlockHash {
        self.header.hash()
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The header with its signature, for light clients.
    pub fn signed_header(&self) -> SignedHeader {
        SignedHeader { header: self.header.clone(), signature: self.signature }
    }

    /// The body.
    pub const fn body(&self) -> &BlockBody {
        &self.body
    }
}
