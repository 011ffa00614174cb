//! What the rules see of a transaction: the same whatever its envelope.

use super::ethereum::CheckedEthereum;
use super::{EthereumTransaction, NativeTransaction, SignedTransaction, Transaction, TransactionError};
use crate::account_key::AccountKey;
use crate::address::Address;
use crate::codec;
use crate::genesis::ChainIdentity;
use crate::hash::TransactionId;
use crate::unit::Amount;

/// A transaction of this network whose signature holds. Only these enter a mempool or a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTransaction {
    id: TransactionId,
    sender: Address,
    key: AccountKey,
    transaction: Transaction,
    call: Option<CallFrame>,
    signed: SignedTransaction,
}

/// What only an Ethereum transaction says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CallFrame {
    value: Amount,
    data_len: usize,
}

impl VerifiedTransaction {
    pub(super) fn native(native: NativeTransaction, chain: &ChainIdentity) -> Result<Self, TransactionError> {
        native.check(chain)?;
        Ok(Self {
            id: native.id(),
            sender: native.claimed_sender(),
            key: AccountKey::Ed25519(*native.public_key()),
            transaction: native.transaction().clone(),
            call: None,
            signed: native.into(),
        })
    }

    pub(super) fn ethereum(
        ethereum: EthereumTransaction,
        chain: &ChainIdentity,
    ) -> Result<Self, TransactionError> {
        let CheckedEthereum { sender, key, transaction, value, data_len } = ethereum.check(chain)?;
        Ok(Self {
            id: ethereum.id(),
            sender,
            key: AccountKey::Secp256k1(key),
            transaction,
            call: Some(CallFrame { value, data_len }),
            signed: ethereum.into(),
        })
    }

    /// Its name.
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// Who signed.
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// The key that signed.
    pub const fn key(&self) -> AccountKey {
        self.key
    }

    /// What was signed.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What an Ethereum transaction says that it moves, and so must move (rule ETH-08); native ones say it in their kind.
    pub fn value(&self) -> Option<Amount> {
        self.call.map(|call| call.value)
    }

    /// Bytes of an Ethereum transaction's call data, which its gas counts (rule FEE-01).
    pub fn call_data_len(&self) -> Option<usize> {
        self.call.map(|call| call.data_len)
    }

    /// Bytes of its canonical form.
    pub fn byte_len(&self) -> usize {
        codec::encoded_len(&self.signed)
    }

    /// The signed form, for blocks and gossip.
    pub const fn signed(&self) -> &SignedTransaction {
        &self.signed
    }
}
