//! One receipt or one event of a block.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::ProofError;
use crate::block::{BlockReceipts, Event, ReceiptMaps, TransactionReceipt};
use crate::codec;
use crate::hash::{Hash, ReceiptsRoot, TransactionId};
use crate::merkle::MerkleProof;

/// Place of a transaction in its block, from 0, and its receipt; nothing for a transaction that is not there.
pub type ShownReceipt<'a> = Option<(u32, &'a TransactionReceipt)>;

/// The receipt of one transaction in a block, or that the block does not hold the transaction (rule PRF-05).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptAnswer {
    /// Its place in the block, from 0, and the receipt; nothing if the transaction is not in the block.
    pub receipt: Option<(u32, TransactionReceipt)>,
    /// Transactions in the block.
    pub transactions: u32,
    /// Root over the receipts, by transaction.
    pub receipts: Hash,
    /// Root over the events, by place.
    pub events: Hash,
    /// The way of the transaction through the receipts.
    pub proof: MerkleProof,
}

impl ReceiptAnswer {
    /// Place and receipt of a transaction in the block with this receipts root, or that it is not there.
    ///
    /// # Errors
    /// [`ProofError`] when this does not show it.
    pub fn verify(&self, root: &ReceiptsRoot, id: &TransactionId) -> Result<ShownReceipt<'_>, ProofError> {
        check_root(root, self.transactions, &self.receipts, &self.events)?;
        let receipt = self.receipt.as_ref().map(|(index, receipt)| (*index, receipt));
        if let Some((_, receipt)) = receipt.filter(|(_, receipt)| receipt.id != *id) {
            return Err(ProofError::OtherTransaction(receipt.id));
        }
        let value = receipt.map(|receipt| codec::encode(&receipt));
        self.proof.verify(&self.receipts, id, value.as_deref())?;
        Ok(receipt)
    }
}

/// One event of a block, or that the block has no event at this place (rule PRF-05).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventAnswer {
    /// The event; nothing if the block has fewer.
    pub event: Option<Event>,
    /// Transactions in the block.
    pub transactions: u32,
    /// Root over the receipts, by transaction.
    pub receipts: Hash,
    /// Root over the events, by place.
    pub events: Hash,
    /// The way of the place through the events.
    pub proof: MerkleProof,
}

impl EventAnswer {
    /// The event at a place, from 0, of the block with this receipts root, or that it has none there.
    ///
    /// # Errors
    /// [`ProofError`] when this does not show it.
    pub fn verify(&self, root: &ReceiptsRoot, index: u32) -> Result<Option<&Event>, ProofError> {
        check_root(root, self.transactions, &self.receipts, &self.events)?;
        let value = self.event.as_ref().map(codec::encode);
        self.proof.verify(&self.events, &index, value.as_deref())?;
        Ok(self.event.as_ref())
    }
}

impl BlockReceipts {
    /// Shows the receipt of a transaction, or that there is none.
    pub fn prove_receipt(&self, id: &TransactionId) -> ReceiptAnswer {
        let ReceiptMaps { transactions, receipts, events } = self.maps();
        let (receipt, proof) = (receipts.get(id).cloned(), receipts.prove(id));
        ReceiptAnswer { receipt, transactions, receipts: receipts.root(), events: events.root(), proof }
    }

    /// Shows the event at a place, or that there is none.
    pub fn prove_event(&self, index: u32) -> EventAnswer {
        let ReceiptMaps { transactions, receipts, events } = self.maps();
        let (event, proof) = (events.get(&index).cloned(), events.prove(&index));
        EventAnswer { event, transactions, receipts: receipts.root(), events: events.root(), proof }
    }
}

fn check_root(
    root: &ReceiptsRoot,
    transactions: u32,
    receipts: &Hash,
    events: &Hash,
) -> Result<(), ProofError> {
    let actual = BlockReceipts::root_of(transactions, receipts, events);
    if actual == *root { Ok(()) } else { Err(ProofError::ReceiptsRoot { actual, expected: *root }) }
}
