//! A signed transaction in either envelope.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{EthereumError, EthereumTransaction, NativeTransaction, TransactionKind, VerifiedTransaction};
use crate::codec::{self, DecodeError};
use crate::genesis::ChainIdentity;
use crate::hash::TransactionId;
use crate::key::SignatureError;
use crate::unit::ChainId;

/// A transaction with its signature, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "most transactions are native: a box each costs more")]
pub enum SignedTransaction {
    /// Borsh bytes under an Ed25519 signature.
    Native(NativeTransaction),
    /// The raw bytes of a wallet's transaction.
    Ethereum(EthereumTransaction),
}

/// Why bytes are no transaction of this network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// Not the canonical form.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// For another network.
    #[error("transaction is for chain {actual}, this is chain {expected}")]
    ChainId {
        /// Chain id it names.
        actual: u64,
        /// Chain id here.
        expected: ChainId,
    },
    /// A wrong signature, or one for another genesis.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Raw bytes that are no Ethereum transaction of the kinds taken here.
    #[error(transparent)]
    Ethereum(#[from] EthereumError),
}

impl SignedTransaction {
    /// The most bytes of one transaction.
    pub const MAX_BYTES: usize = 16_384;

    /// Decodes the canonical bytes. What a wallet sends is [`EthereumTransaction::new`].
    ///
    /// # Errors
    /// [`DecodeError`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, Self::MAX_BYTES)
    }

    /// The transaction's one name (rules HSH-02, ETH-07).
    pub fn id(&self) -> TransactionId {
        match self {
            Self::Native(native) => native.id(),
            Self::Ethereum(ethereum) => ethereum.id(),
        }
    }

    /// What it asks for, whoever signed it; nothing where it is no transaction of any network.
    pub fn kind(&self) -> Option<TransactionKind> {
        match self {
            Self::Native(native) => Some(native.transaction().kind.clone()),
            Self::Ethereum(ethereum) => ethereum.kind(),
        }
    }

    /// Checks form, network and signature (rule TX-01).
    ///
    /// # Errors
    /// [`TransactionError`] when one is wrong.
    pub fn verify(self, chain: &ChainIdentity) -> Result<VerifiedTransaction, TransactionError> {
        match self {
            Self::Native(native) => VerifiedTransaction::native(native, chain),
            Self::Ethereum(ethereum) => VerifiedTransaction::ethereum(ethereum, chain),
        }
    }
}

impl From<NativeTransaction> for SignedTransaction {
    fn from(native: NativeTransaction) -> Self {
        Self::Native(native)
    }
}

impl From<EthereumTransaction> for SignedTransaction {
    fn from(ethereum: EthereumTransaction) -> Self {
        Self::Ethereum(ethereum)
    }
}
