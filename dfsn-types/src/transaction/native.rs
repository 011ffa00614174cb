//! The native envelope: borsh bytes under an Ed25519 signature.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::{SignedTransaction, TransactionError, TransactionKind};
use crate::address::Address;
use crate::domain::Domain;
use crate::genesis::ChainIdentity;
use crate::hash::{GenesisHash, TransactionId};
use crate::key::{PublicKey, SecretKey, Signature, SigningDigest};
use crate::unit::{Amount, ChainId, Gas, Nonce};

/// What an account asks for, whatever the envelope.
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

impl Transaction {
    /// Signs for the network of `chain`, in the native envelope.
    pub fn sign(self, chain: &ChainIdentity, key: &SecretKey) -> SignedTransaction {
        let signature = key.sign(&signing_digest(&chain.genesis, &self));
        NativeTransaction { transaction: self, public_key: key.public_key(), signature }.into()
    }
}

/// A transaction with its Ed25519 signature, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeTransaction {
    transaction: Transaction,
    public_key: PublicKey,
    signature: Signature,
}

impl NativeTransaction {
    /// Joins a transaction and a signature made elsewhere.
    pub const fn from_parts(transaction: Transaction, public_key: PublicKey, signature: Signature) -> Self {
        Self { transaction, public_key, signature }
    }

    /// What is signed.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The key that signed, provided the signature holds.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
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
    pub(super) fn check(&self, chain: &ChainIdentity) -> Result<(), TransactionError> {
        let actual = self.transaction.chain_id;
        if actual != chain.chain_id {
            return Err(TransactionError::ChainId { actual: actual.get(), expected: chain.chain_id });
        }
        Ok(self.public_key.verify(&signing_digest(&chain.genesis, &self.transaction), &self.signature)?)
    }
}

fn signing_digest(genesis: &GenesisHash, transaction: &Transaction) -> SigningDigest {
    SigningDigest::new(Domain::SignTransaction, &(genesis, transaction))
}
