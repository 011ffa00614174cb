//! Transactions: what accounts sign and pay for, in one of two envelopes.

mod ethereum;
mod kind;
mod native;
mod signed;
mod verified;

pub use ethereum::{
    EthereumCall, EthereumCallError, EthereumError, EthereumLog, EthereumQuestion, EthereumTransaction,
    NATIVE_ONLY, SYSTEM_ADDRESS, event_causes,
};
pub use kind::{ComputeUpdate, GenerationRequest, TransactionKind};
pub use native::{NativeTransaction, Transaction};
pub use signed::{SignedTransaction, TransactionError};
pub use verified::VerifiedTransaction;
