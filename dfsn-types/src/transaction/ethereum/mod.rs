//! The Ethereum envelope: what wallets sign and send (rules ETH-01 to ETH-08).
//!
//! Raw bytes of a legacy, EIP-2930 or EIP-1559 transaction. Without data it moves money to an account; with data it calls
//! a function of [`SYSTEM_ADDRESS`], each of which is one kind of transaction.

mod abi;
mod call;
mod convert;
mod envelope;
mod error;
mod event_abi;
mod log;
mod question;

pub use call::{EthereumCall, NATIVE_ONLY, SYSTEM_ADDRESS};
pub use error::{EthereumCallError, EthereumError};
pub use log::{EthereumLog, event_causes};
pub use question::EthereumQuestion;

use alloy_primitives::keccak256;
use borsh::io::{Error, ErrorKind, Read, Result as IoResult};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{SignedTransaction, Transaction, TransactionError, TransactionKind};
use crate::address::Address;
use crate::bounded::TooLong;
use crate::genesis::ChainIdentity;
use crate::hash::TransactionId;
use crate::secp256k1::{Secp256k1PublicKey, Secp256k1SecretKey};
use crate::unit::{Amount, Gas, Nonce};

/// The raw bytes of an Ethereum transaction, as `eth_sendRawTransaction` takes them. Only their number is checked yet.
///
/// ```
/// use dfsn_types::{Amount, Address, ChainId, ChainIdentity, EthereumTransaction, Gas, GenesisHash, Nonce};
/// use dfsn_types::{Secp256k1SecretKey, SignedTransaction, Transaction, TransactionKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let chain = ChainIdentity { chain_id: ChainId::new(7777)?, genesis: GenesisHash::from_bytes([1; 32]) };
/// let key = Secp256k1SecretKey::from_bytes(&[7; 32])?;
/// let transfer = Transaction {
///     chain_id: chain.chain_id,
///     nonce: Nonce::ZERO,
///     gas_limit: Gas::new(21_000),
///     max_fee_per_gas: Amount::from_base_units(50_000_000_000),
///     max_priority_fee_per_gas: Amount::ZERO,
///     kind: TransactionKind::Transfer { to: Address::from_bytes([9; 20]), amount: Amount::DFSN },
/// };
/// let raw = transfer.sign_ethereum(Amount::DFSN, &key)?.as_bytes().to_vec();
///
/// let verified = SignedTransaction::from(EthereumTransaction::new(raw)?).verify(&chain)?;
/// assert_eq!((verified.sender(), verified.transaction()), (key.address(), &transfer));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct EthereumTransaction(Vec<u8>);

/// What a valid Ethereum transaction says.
pub(super) struct CheckedEthereum {
    pub(super) sender: Address,
    pub(super) key: Secp256k1PublicKey,
    pub(super) transaction: Transaction,
    pub(super) value: Amount,
    pub(super) data_len: usize,
}

impl EthereumTransaction {
    /// The most raw bytes: those of [`SignedTransaction::MAX_BYTES`] without the variant's number and the length.
    pub const MAX_BYTES: usize = SignedTransaction::MAX_BYTES - 5;

    /// Takes raw bytes that are few enough.
    ///
    /// # Errors
    /// [`TooLong`] above [`Self::MAX_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, TooLong> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(TooLong { actual: bytes.len(), max: Self::MAX_BYTES });
        }
        Ok(Self(bytes))
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash that wallets know it by: Keccak-256 of the raw bytes (rule ETH-07).
    pub fn id(&self) -> TransactionId {
        TransactionId::from_bytes(keccak256(&self.0).0)
    }

    /// What it asks for, whoever signed it; nothing where it is no transaction of any network.
    pub(super) fn kind(&self) -> Option<TransactionKind> {
        envelope::decode(&self.0).ok()?.call.kind().ok()
    }

    /// Checks everything that needs no state; the signature, which costs most, comes last.
    pub(super) fn check(&self, chain: &ChainIdentity) -> Result<CheckedEthereum, TransactionError> {
        let envelope = envelope::decode(&self.0)?;
        let (actual, expected) = (envelope.chain_id, chain.chain_id);
        if actual != expected.get() {
            return Err(TransactionError::ChainId { actual, expected });
        }
        let (value, data_len) = (envelope.call.value, envelope.call.data.len());
        let kind = envelope.call.kind()?;
        let (key, sender) = envelope.signature.recover(&envelope.digest).map_err(EthereumError::Signature)?;
        let transaction = Transaction {
            chain_id: expected,
            nonce: Nonce::new(envelope.nonce),
            gas_limit: Gas::new(envelope.gas_limit),
            max_fee_per_gas: Amount::from_base_units(envelope.max_fee_per_gas),
            max_priority_fee_per_gas: Amount::from_base_units(envelope.max_priority_fee_per_gas),
            kind,
        };
        Ok(CheckedEthereum { sender, key, transaction, value, data_len })
    }
}

impl Transaction {
    /// Signs in the Ethereum envelope, as an EIP-1559 transaction that moves `value`: the amount of a transfer or of a stake,
    /// the price of a request, the deposit of a test, else nothing (rule ETH-08).
    ///
    /// # Errors
    /// [`EthereumCallError`] when the kind has no such form or moves another value.
    pub fn sign_ethereum(
        &self,
        value: Amount,
        key: &Secp256k1SecretKey,
    ) -> Result<EthereumTransaction, EthereumCallError> {
        let call = EthereumCall::new(&self.kind, value)?;
        let bytes = envelope::sign(self, call, key);
        EthereumTransaction::new(bytes).map_err(EthereumCallError::TooLong)
    }
}

impl BorshDeserialize for EthereumTransaction {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        let length = u32::deserialize_reader(reader)?;
        let actual = usize::try_from(length).unwrap_or(usize::MAX);
        if actual > Self::MAX_BYTES {
            let too_long = TooLong { actual, max: Self::MAX_BYTES };
            return Err(Error::new(ErrorKind::InvalidData, too_long.to_string()));
        }
        // Grows as bytes arrive: a claimed length alone takes no memory.
        let mut bytes = Vec::new();
        reader.by_ref().take(u64::from(length)).read_to_end(&mut bytes)?;
        if bytes.len() < actual {
            return Err(Error::new(ErrorKind::UnexpectedEof, "raw bytes are cut short"));
        }
        Ok(Self(bytes))
    }
}

impl Serialize for EthereumTransaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for EthereumTransaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str> as Deserialize<'de>>::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let bytes = hex::decode(digits).map_err(serde::de::Error::custom)?;
        Self::new(bytes).map_err(serde::de::Error::custom)
    }
}
