//! Blocks.

mod body;
mod header;
mod receipt;

pub use body::{Block, BlockBody, BlockError};
pub use header::{BeaconProof, Header, SignedHeader};
pub(crate) use receipt::ReceiptMaps;
pub use receipt::{BlockReceipts, Event, Fault, RefundReason, RuleId, TransactionReceipt, TransactionStatus};
