//! The native envelope: borsh bytes under an Ed25519 signature.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::TransactionKind;
use crate::address::Address;
use crate::codec::{self, DecodeError};
use crate::domain::Domain;
use crate::genesis::ChainIdentity;
use crate::hash::{GenesisHash, TransactionId};
use crate::key::{PublicKey, SecretKey, Signature, SignatureError, SigningDigest};
use crate::unit::{Amount, ChainId, Gas, Nonce};

/// What an account signs.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// The network.
    pub chain_id: ChainId,
    /// The sender's next nonce.
    pub nonce: Nonce,
    /// The most gas it may use.
    pub gas_limit: Gas,
    /// The most that is paid for one unit of gas, base fee and tip together.
    pub max_fee_per_gas: Amount,
    /// The most that goes to the builder for one unit of gas.
    pub max_priority_fee_per_gas: Amount,
    /// What it does.
    pub kind: TransactionKind,
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
        actual: ChainId,
        /// Chain id here.
        expected: ChainId,
    },
    /// A wrong signature, or one for another genesis.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Transaction {
    /// Signs for the network of `chain`.
    pub fn sign(self, chain: &ChainIdentity, key: &SecretKey) -> SignedTransaction {
        let signature = key.sign(&signing_digest(&chain.genesis, &self));
        SignedTransaction { transaction: self, public_key: key.public_key(), signature }
    }
}

/// A transaction with its signature, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedTransaction {
    transaction: Transaction,
    public_key: PublicKey,
    signature: Signature,
}

impl SignedTransaction {
    /// The most bytes of one transaction.
    pub const MAX_BYTES: usize = 16_384;

    /// Decodes the canonical bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, Self::MAX_BYTES)
    }

    /// Joins a transaction and a signature made elsewhere.
    pub const fn from_parts(transaction: Transaction, public_key: PublicKey, signature: Signature) -> Self {
        Self { transaction, public_key, signature }
    }

    /// What is signed.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The account whose key signed, provided the signature holds.
    pub fn claimed_sender(&self) -> Address {
        Address::from_public_key(&self.public_key)
    }

    /// The transaction's one name. A signature cannot be altered and stay valid, so the name is no more malleable.
    pub fn id(&self) -> TransactionId {
        Domain::TransactionId.hash(self).into()
    }

    /// Checks network and signature (rule TX-01).
    ///
    /// # Errors
    /// [`TransactionError`] when either is wrong.
    pub fn verify(self, chain: &ChainIdentity) -> Result<VerifiedTransaction, TransactionError> {
        let actual = self.transaction.chain_id;
        if actual != chain.chain_id {
            return Err(TransactionError::ChainId { actual, expected: chain.chain_id });
        }
        self.public_key.verify(&signing_digest(&chain.genesis, &self.transaction), &self.signature)?;
        let bytes = codec::encode(&self);
        let id = Domain::TransactionId.hash_bytes(&bytes).into();
        Ok(VerifiedTransaction { id, sender: self.claimed_sender(), byte_len: bytes.len(), signed: self })
    }
}

/// A transaction of this network whose signature holds. Only these enter a mempool or a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTransaction {
    id: TransactionId,
    sender: Address,
    byte_len: usize,
    signed: SignedTransaction,
}

impl VerifiedTransaction {
    /// Its name.
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// Who signed.
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// Bytes of its canonical form.
    pub const fn byte_len(&self) -> usize {
        self.byte_len
    }

    /// What was signed.
    pub const fn transaction(&self) -> &Transaction {
        &self.signed.transaction
    }

    /// The key that signed.
    pub const fn public_key(&self) -> &PublicKey {
        &self.signed.public_key
    }

    /// The signed form, for blocks and gossip.
    pub const fn signed(&self) -> &SignedTransaction {
        &self.signed
    }
}

fn signing_digest(genesis: &GenesisHash, transaction: &Transaction) -> SigningDigest {
    SigningDigest::new(Domain::SignTransaction, &(genesis, transaction))
}
