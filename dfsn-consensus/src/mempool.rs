//! What waits for a block: transactions by sender and nonce, duties in their own lane. Bounded in every direction.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use dfsn_types::{
    Address, Amount, BlockHeight, DutyId, Nonce, SignedDuty, TransactionId, VerifiedTransaction,
};
use thiserror::Error;

use crate::state::ChainState;

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MempoolLimits {
    /// Transactions in all.
    pub transactions: usize,
    /// Bytes of transactions in all.
    pub bytes: usize,
    /// Transactions of one sender.
    pub per_sender: usize,
    /// Duties in all.
    pub duties: usize,
    /// Blocks after which a duty that no block took is dropped.
    pub duty_blocks: u64,
}

impl Default for MempoolLimits {
    fn default() -> Self {
        Self { transactions: 8_192, bytes: 32 << 20, per_sender: 64, duties: 4_096, duty_blocks: 64 }
    }
}

/// Why something does not wait.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MempoolError {
    /// It waits already.
    #[error("MEM-01: transaction {0} is already waiting")]
    Known(TransactionId),
    /// The account has used this nonce.
    #[error("MEM-02: nonce {actual} of {sender} is used, the account's next is {expected}")]
    NonceUsed {
        /// The sender.
        sender: Address,
        /// Its nonce.
        actual: Nonce,
        /// The account's.
        expected: Nonce,
    },
    /// Another transaction waits for this nonce, and the new one pays less than a tenth more.
    #[error(
        "MEM-03: to replace the waiting transaction with nonce {nonce}, offer a fee of at least {needed} a gas"
    )]
    Underpriced {
        /// The nonce.
        nonce: Nonce,
        /// What would do.
        needed: Amount,
    },
    /// The sender has too many waiting.
    #[error("MEM-04: {sender} has {count} transactions waiting")]
    SenderFull {
        /// The sender.
        sender: Address,
        /// How many.
        count: usize,
    },
    /// No room.
    #[error("MEM-05: the mempool is full, try again later")]
    Full,
}

/// The pool of one node. Pure: time and state come with each call.
#[derive(Clone, Debug, Default)]
pub struct Mempool {
    limits: MempoolLimits,
    senders: BTreeMap<Address, BTreeMap<Nonce, VerifiedTransaction>>,
    ids: BTreeSet<TransactionId>,
    bytes: usize,
    duties: BTreeMap<u64, WaitingDuty>,
    duty_ids: BTreeSet<DutyId>,
    next_duty: u64,
}

#[derive(Clone, Debug)]
struct WaitingDuty {
    id: DutyId,
    duty: SignedDuty,
    since: BlockHeight,
}

impl Mempool {
    /// An empty pool.
    pub fn new(limits: MempoolLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Adds a transaction.
    ///
    /// # Errors
    /// [`MempoolError`] when it cannot wait here; the pool is unchanged.
    pub fn add_transaction(
        &mut self,
        state: &ChainState,
        transaction: VerifiedTransaction,
    ) -> Result<(), MempoolError> {
        let (id, sender, nonce) = (transaction.id(), transaction.sender(), transaction.transaction().nonce);
        if self.ids.contains(&id) {
            return Err(MempoolError::Known(id));
        }
        let expected = state.accounts.get(&sender).map(|account| account.nonce).unwrap_or_default();
        if nonce < expected {
            return Err(MempoolError::NonceUsed { sender, actual: nonce, expected });
        }
        let waiting = self.senders.get(&sender);
        let replaced = waiting.and_then(|waiting| waiting.get(&nonce));
        match replaced {
            Some(old) => check_replacement(old, &transaction)?,
            None => self.check_room(&sender, waiting.map_or(0, BTreeMap::len), &transaction)?,
        }
        if let Some(old) = self.senders.entry(sender).or_default().insert(nonce, transaction.clone()) {
            self.ids.remove(&old.id());
            self.bytes = self.bytes.saturating_sub(old.byte_len());
        }
        self.ids.insert(id);
        self.bytes = self.bytes.saturating_add(transaction.byte_len());
        Ok(())
    }

    fn check_room(
        &self,
        sender: &Address,
        count: usize,
        transaction: &VerifiedTransaction,
    ) -> Result<(), MempoolError> {
        if count >= self.limits.per_sender {
            return Err(MempoolError::SenderFull { sender: *sender, count });
        }
        let bytes = self.bytes.saturating_add(transaction.byte_len());
        if self.ids.len() >= self.limits.transactions || bytes > self.limits.bytes {
            return Err(MempoolError::Full);
        }
        Ok(())
    }

    /// Adds a duty; one that waits already changes nothing.
    ///
    /// # Errors
    /// [`MempoolError::Full`] when too many wait.
    pub fn add_duty(&mut self, state: &ChainState, duty: SignedDuty) -> Result<(), MempoolError> {
        let id = duty.id();
        if self.duty_ids.contains(&id) {
            return Ok(());
        }
        if self.duties.len() >= self.limits.duties {
            return Err(MempoolError::Full);
        }
        self.duty_ids.insert(id);
        self.duties.insert(self.next_duty, WaitingDuty { id, duty, since: state.tip.height });
        self.next_duty = self.next_duty.saturating_add(1);
        Ok(())
    }

    /// Duties, oldest first.
    pub fn duties(&self) -> impl Iterator<Item = &SignedDuty> {
        self.duties.values().map(|waiting| &waiting.duty)
    }

    /// Transactions that may run now, best-paying sender first, each sender's in order of nonces.
    pub fn ready<'a>(&'a self, state: &'a ChainState) -> impl Iterator<Item = &'a VerifiedTransaction> {
        let next =
            |sender: &Address| state.accounts.get(sender).map(|account| account.nonce).unwrap_or_default();
        let heads =
            self.senders.iter().filter_map(|(sender, waiting)| Candidate::of(state, waiting, next(sender)));
        Ready { state, heap: heads.collect() }
    }

    /// Whether a block is wanted for what waits.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.duties.is_empty()
    }

    /// Number of transactions and of duties that wait.
    pub fn len(&self) -> (usize, usize) {
        (self.ids.len(), self.duties.len())
    }

    /// Drops what an accepted block took or made invalid for good.
    pub fn prune(&mut self, state: &ChainState, included: impl IntoIterator<Item = DutyId>) {
        for (sender, waiting) in &mut self.senders {
            let next = state.accounts.get(sender).map(|account| account.nonce).unwrap_or_default();
            let kept = waiting.split_off(&next);
            for stale in core::mem::replace(waiting, kept).into_values() {
                self.ids.remove(&stale.id());
                self.bytes = self.bytes.saturating_sub(stale.byte_len());
            }
        }
        self.senders.retain(|_, waiting| !waiting.is_empty());
        let included: BTreeSet<DutyId> = included.into_iter().collect();
        let (height, blocks) = (state.tip.height.get(), self.limits.duty_blocks);
        self.duties.retain(|_, waiting| {
            let duty = waiting.duty.duty();
            let open = state.open_job(&duty.job).is_some_and(|job| job.attempt == duty.attempt);
            let fresh = height.saturating_sub(waiting.since.get()) < blocks;
            !included.contains(&waiting.id) && open && fresh
        });
        self.duty_ids = self.duties.values().map(|waiting| waiting.id).collect();
    }
}

fn check_replacement(old: &VerifiedTransaction, new: &VerifiedTransaction) -> Result<(), MempoolError> {
    let fee = |transaction: &VerifiedTransaction| transaction.transaction().max_fee_per_gas;
    let tenth = fee(old).split(10).max(Amount::from_base_units(1));
    let needed = fee(old).checked_add(tenth).unwrap_or(fee(old));
    if fee(new) < needed {
        return Err(MempoolError::Underpriced { nonce: new.transaction().nonce, needed });
    }
    Ok(())
}

/// The next transaction of one sender, ordered by its tip.
struct Candidate<'a> {
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
    fn of(
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

struct Ready<'a> {
    state: &'a ChainState,
    heap: BinaryHeap<Candidate<'a>>,
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
