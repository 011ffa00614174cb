//! Waiting transactions in the order in which a block takes them.

use std::collections::{BTreeMap, BinaryHeap};

use dfsn_types::{Amount, Nonce, TransactionId, VerifiedTransaction};

use crate::state::ChainState;

/// The next transaction of one sender, ordered by its tip.
pub(super) struct Candidate<'a> {
    tip: Amount,
    transaction: &'a VerifiedTransaction,
    waiting: &'a BTreeMap<Nonce, VerifiedTransaction>,
}

impl Candidate<'_> {
    fn key(&self) -> (Amount, TransactionId) {
        (self.tip, self.transaction.id())
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Candidate<'_> {}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl<'a> Candidate<'a> {
    pub(super) fn of(
        state: &ChainState,
        waiting: &'a BTreeMap<Nonce, VerifiedTransaction>,
        nonce: Nonce,
    ) -> Option<Self> {
        let transaction = waiting.get(&nonce)?;
        let inner = transaction.transaction();
        let above = inner.max_fee_per_gas.checked_sub(state.tip.base_fee_per_gas)?;
        let tip = inner.max_priority_fee_per_gas.min(above);
        Some(Self { tip, transaction, waiting })
    }
}

pub(super) struct Ready<'a> {
    pub(super) state: &'a ChainState,
    pub(super) heap: BinaryHeap<Candidate<'a>>,
}

impl<'a> Iterator for Ready<'a> {
    type Item = &'a VerifiedTransaction;

    fn next(&mut self) -> Option<Self::Item> {
        let Candidate { transaction, waiting, .. } = self.heap.pop()?;
        let after = transaction.transaction().nonce.next();
        self.heap.extend(Candidate::of(self.state, waiting, after));
        Some(transaction)
    }
}
