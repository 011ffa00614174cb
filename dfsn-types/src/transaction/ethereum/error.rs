//! What no Ethereum transaction may be.

use thiserror::Error;

use crate::address::Address;
use crate::bounded::TooLong;
use crate::secp256k1::Secp256k1Error;
use crate::unit::Amount;

/// Why raw bytes are no Ethereum transaction that a block may hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EthereumError {
    /// A blob, set-code or unknown transaction.
    #[error("ETH-01: transaction type {0} is not taken, only legacy ones, type 1 and type 2")]
    Type(u8),
    /// No RLP of the type's fields, or a field that does not fit.
    #[error("ETH-01: malformed: {0}")]
    Malformed(String),
    /// Bytes that encoding would not have written, or bytes behind the end.
    #[error("ETH-01: not the canonical form")]
    NotCanonical,
    /// A legacy transaction from before EIP-155: it holds on every network.
    #[error("ETH-02: signed without a chain id")]
    NoChainId,
    /// An access list that is not empty: there is no storage to name.
    #[error("ETH-03: an access list of {0} entries")]
    AccessList(usize),
    /// Creates a contract.
    #[error("ETH-03: creates a contract, and there are none here")]
    Creation,
    /// More money than there can be.
    #[error("ETH-03: moves more than 2^128 - 1 base units")]
    Value,
    /// A signature from which no key is recovered, or in its second form.
    #[error("SIG-04: {0}")]
    Signature(Secp256k1Error),
    /// Data to an address without code.
    #[error("ETH-04: data to {}: only the system address takes calls", .0.to_eip55())]
    DataToAccount(Address),
    /// Money to the system address, or nothing at all.
    #[error("ETH-04: no data to the system address: call one of its functions")]
    NoFunction,
    /// A function that the system address does not have.
    #[error("ETH-05: no function {}", hex::encode(.0))]
    UnknownFunction([u8; 4]),
    /// A function that reads.
    #[error("ETH-13: {0} is asked by eth_call, it is no transaction")]
    Question(&'static str),
    /// Input that the function's types do not describe.
    #[error("ETH-05: malformed input: {0}")]
    Input(String),
    /// Input that encoding would not have written.
    #[error("ETH-05: input is not the canonical encoding")]
    InputNotCanonical,
    /// Input out of the range of native transactions.
    #[error("ETH-06: {field}: {reason}")]
    Range {
        /// Which argument.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a transaction has no Ethereum form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EthereumCallError {
    /// A kind that the system address has no function for.
    #[error("{0} has no function at the system address, sign it natively")]
    NativeOnly(&'static str),
    /// Moves another value than is said.
    #[error("moves {moved}, not {value}")]
    Value {
        /// What it moves.
        moved: Amount,
        /// What was said.
        value: Amount,
    },
    /// A value of which the ABI's types have no form.
    #[error("{0} has no form in the interface of the system address")]
    NoForm(&'static str),
    /// Too long for a block.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}
