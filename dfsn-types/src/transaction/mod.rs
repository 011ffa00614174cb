//! Transactions: what accounts sign and pay for.

mod kind;
mod signed;

pub use kind::{ComputeUpdate, GenerationRequest, TransactionKind};
pub use signed::{SignedTransaction, Transaction, TransactionError, VerifiedTransaction};
