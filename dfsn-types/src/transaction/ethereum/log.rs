//! Events as the logs of a contract at the system address (rules ETH-11, ETH-12).

use super::event_abi;
use crate::block::{Block, BlockReceipts, Event, RefundReason, TransactionStatus};
use crate::hash::Hash;
use crate::transaction::{SignedTransaction, TransactionKind};

/// An event in the form that Ethereum's clients read: what they find it by, and the rest in ABI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EthereumLog {
    /// The hash of the event's signature, then its indexed fields; at most four.
    pub topics: Vec<Hash>,
    /// Its other fields.
    pub data: Vec<u8>,
}

impl EthereumLog {
    /// The log of an event, as IDfsn.sol declares it (rule ETH-11).
    pub fn of(event: &Event) -> Self {
        let log = event_abi::log_data(event);
        let topics = log.topics().iter().map(|topic| Hash::from_bytes(topic.0)).collect();
        Self { topics, data: log.data.to_vec() }
    }
}

/// The transaction that caused each event of a block, by its place there; nothing for events of duties and closing windows (rule
/// ETH-12).
pub fn event_causes(block: &Block, receipts: &BlockReceipts) -> Vec<Option<usize>> {
    let succeeded = |(place, transaction): (usize, _)| {
        let status = receipts.transactions.get(place).map(|receipt| &receipt.status);
        (status == Some(&TransactionStatus::Succeeded)).then_some((place, transaction))
    };
    let cause = |event: &Event| {
        let mut transactions = block.body().transactions.iter().enumerate().filter_map(succeeded);
        transactions.find(|(_, transaction)| has_caused(transaction, event)).map(|(place, _)| place)
    };
    receipts.events.iter().map(|event| if may_be_caused(event) { cause(event) } else { None }).collect()
}

/// Spares most blocks the reading of their transactions.
const fn may_be_caused(event: &Event) -> bool {
    matches!(
        event,
        Event::JobRequested { .. }
            | Event::JobRefunded { reason: RefundReason::Cancelled, .. }
            | Event::Delivered { .. }
            | Event::AuditRequested { .. }
    )
}

fn has_caused(transaction: &SignedTransaction, event: &Event) -> bool {
    if let Event::JobRequested { job, .. } = event {
        return transaction.id().job_id() == *job;
    }
    match (transaction.kind(), event.job()) {
        (Some(TransactionKind::CancelRequest { job }), Some(of)) => {
            job == of && matches!(event, Event::JobRefunded { .. })
        }
        (Some(TransactionKind::Receipt { job }), Some(of)) => {
            job == of && matches!(event, Event::Delivered { .. })
        }
        (Some(TransactionKind::RequestAudit { job }), Some(of)) => {
            job == of && matches!(event, Event::AuditRequested { .. })
        }
        _ => false,
    }
}
