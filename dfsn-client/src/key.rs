//! What a client signs with.

use dfsn_consensus::gas;
use dfsn_types::{
    Address, Amount, ChainIdentity, EthereumCall, EthereumCallError, Gas, Secp256k1SecretKey, SecretKey,
    SignedTransaction, Transaction, TransactionKind,
};

/// The key of an account, of one of two schemes. An account belongs to one key for ever (rule TX-05).
#[derive(Debug)]
pub enum ClientKey {
    /// Signs native transactions.
    Native(SecretKey),
    /// Signs Ethereum transactions, as a wallet of the same key would.
    Ethereum(Secp256k1SecretKey),
}

impl From<SecretKey> for ClientKey {
    fn from(key: SecretKey) -> Self {
        Self::Native(key)
    }
}

impl From<Secp256k1SecretKey> for ClientKey {
    fn from(key: Secp256k1SecretKey) -> Self {
        Self::Ethereum(key)
    }
}

impl ClientKey {
    /// The key's account.
    pub fn address(&self) -> Address {
        match self {
            Self::Native(key) => Address::from_public_key(&key.public_key()),
            Self::Ethereum(key) => key.address(),
        }
    }

    /// Gas of a transaction of this kind in the key's envelope.
    pub(crate) fn gas(&self, kind: &TransactionKind, value: Amount) -> Result<Gas, EthereumCallError> {
        Ok(match self {
            Self::Native(_) => gas::gas_of(kind),
            Self::Ethereum(_) => gas::gas_of_call(kind, EthereumCall::new(kind, value)?.data.len()),
        })
    }

    pub(crate) fn sign(
        &self,
        transaction: Transaction,
        value: Amount,
        chain: &ChainIdentity,
    ) -> Result<SignedTransaction, EthereumCallError> {
        Ok(match self {
            Self::Native(key) => transaction.sign(chain, key),
            Self::Ethereum(key) => transaction.sign_ethereum(value, key)?.into(),
        })
    }
}
