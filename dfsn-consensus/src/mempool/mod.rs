//! What waits for a block: transactions by sender and nonce, duties in their own lane. Bounded in every direction.

mod after_block;
mod error;
mod ready;
mod room;
mod slot;

use std::collections::{BTreeMap, BTreeSet};

use dfsn_types::{
    Address, Amount, Attempt, BlockHeight, DutyId, JobId, Nonce, SignedDuty, TransactionId,
    VerifiedTransaction, codec,
};

pub use after_block::Dropped;
pub use error::MempoolError;

use crate::error::IncludeError;
use crate::state::ChainState;
use crate::transition::{check_author, check_data, check_sender, check_sender_at};
use ready::{Candidate, Ready};
use slot::DutySlot;

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
    /// Bytes of duties in all.
    pub duty_bytes: usize,
    /// Blocks after which a duty that no block took is dropped.
    pub duty_blocks: u64,
}

impl Default for MempoolLimits {
    fn default() -> Self {
        Self {
            transactions: 8_192,
            bytes: 32 << 20,
            per_sender: 64,
            duties: 4_096,
            duty_bytes: 16 << 20,
            duty_blocks: 64,
        }
    }
}

/// The pool of one node. Pure: time and state come with each call.
#[derive(Clone, Debug, Default)]
pub struct Mempool {
    limits: MempoolLimits,
    senders: BTreeMap<Address, BTreeMap<Nonce, VerifiedTransaction>>,
    ids: BTreeSet<TransactionId>,
    bytes: usize,
    duties: BTreeMap<u64, WaitingDuty>,
    duty_bytes: usize,
    duty_ids: BTreeSet<DutyId>,
    slots: BTreeMap<DutySlot, u64>,
    /// Duties of open attempts that a block took.
    spent: BTreeMap<DutyId, (JobId, Attempt)>,
    next_duty: u64,
    dropped: Dropped,
}

#[derive(Clone, Debug)]
struct WaitingDuty {
    id: DutyId,
    slot: DutySlot,
    duty: SignedDuty,
    bytes: usize,
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
        let expected = next_nonce(state, &sender);
        if nonce < expected {
            return Err(MempoolError::NonceUsed { sender, actual: nonce, expected });
        }
        let limit = self.limits.per_sender;
        if usize::try_from(nonce.saturating_sub(expected).get()).unwrap_or(usize::MAX) >= limit {
            return Err(MempoolError::NonceAhead { sender, actual: nonce, expected, limit });
        }
        self.check_payable(state, &transaction)?;
        match self.waiting(&sender, nonce) {
            Some(old) => {
                check_replacement(old, &transaction)?;
                let bytes = self.bytes.saturating_sub(old.byte_len()).saturating_add(transaction.byte_len());
                if bytes > self.limits.bytes {
                    return Err(MempoolError::Full);
                }
            }
            None => self.make_room(state, &transaction)?,
        }
        self.remove(&sender, nonce);
        self.bytes = self.bytes.saturating_add(transaction.byte_len());
        self.ids.insert(id);
        self.senders.entry(sender).or_default().insert(nonce, transaction);
        Ok(())
    }

    fn waiting(&self, sender: &Address, nonce: Nonce) -> Option<&VerifiedTransaction> {
        self.senders.get(sender)?.get(&nonce)
    }

    fn remove(&mut self, sender: &Address, nonce: Nonce) {
        let Some(waiting) = self.senders.get_mut(sender) else { return };
        if let Some(old) = waiting.remove(&nonce) {
            self.ids.remove(&old.id());
            self.bytes = self.bytes.saturating_sub(old.byte_len());
        }
        if waiting.is_empty() {
            self.senders.remove(sender);
        }
    }

    /// Whether a block could hold it at some base fee, and the sender can pay for all that it lets wait: else the pool would be
    /// filled at no cost (rule MEM-06).
    fn check_payable(
        &self,
        state: &ChainState,
        transaction: &VerifiedTransaction,
    ) -> Result<(), MempoolError> {
        let (sender, nonce) = (transaction.sender(), transaction.transaction().nonce);
        check_fit(state, transaction).map_err(MempoolError::Include)?;
        let others = self.senders.get(&sender).into_iter().flatten();
        let others = others.filter(|(other, _)| **other != nonce).map(|(_, waiting)| highest_fee(waiting));
        let fee = others.fold(highest_fee(transaction), add);
        let balance = state.balance(&sender);
        if fee > balance {
            Err(MempoolError::Include(IncludeError::Balance { fee, balance }))
        } else {
            Ok(())
        }
    }

    /// Adds a duty; one that waits already changes nothing, another of the same kind by the same validator makes way.
    ///
    /// # Errors
    /// [`MempoolError::Duty`] when its attempt is not open or its validator did not sign it, [`MempoolError::Full`] when too many
    /// wait; the pool is unchanged.
    pub fn add_duty(&mut self, state: &ChainState, duty: SignedDuty) -> Result<(), MempoolError> {
        let id = duty.id();
        if self.duty_ids.contains(&id) {
            return Ok(());
        }
        // Else anybody could fill the lane in other validators' names, and make them miss their deadlines.
        check_author(state, &duty).map_err(MempoolError::Duty)?;
        check_data(state, duty.duty()).map_err(MempoolError::Duty)?;
        let (slot, bytes) = (DutySlot::of(duty.duty()), codec::encode(&duty).len());
        // What a block took is public: sent again by anybody, it must neither push out what its validator sends now nor ask for
        // blocks.
        if self.spent.contains_key(&id) {
            return Ok(());
        }
        match self.slots.get(&slot).copied() {
            Some(place) => self.remove_duty(place),
            None if self.duties.len() >= self.limits.duties => return Err(MempoolError::Full),
            None => {}
        }
        if self.duty_bytes.saturating_add(bytes) > self.limits.duty_bytes {
            return Err(MempoolError::Full);
        }
        self.duty_bytes = self.duty_bytes.saturating_add(bytes);
        self.duty_ids.insert(id);
        self.slots.insert(slot, self.next_duty);
        self.duties.insert(self.next_duty, WaitingDuty { id, slot, duty, bytes, since: state.tip.height });
        self.next_duty = self.next_duty.saturating_add(1);
        Ok(())
    }

    fn remove_duty(&mut self, place: u64) {
        if let Some(old) = self.duties.remove(&place) {
            self.duty_ids.remove(&old.id);
            self.slots.remove(&old.slot);
            self.duty_bytes = self.duty_bytes.saturating_sub(old.bytes);
        }
    }

    /// The first nonce from the account's own on that nothing waits for: that of its next transaction.
    pub fn next_nonce(&self, state: &ChainState, sender: &Address) -> Nonce {
        let (first, waiting) = (next_nonce(state, sender), self.senders.get(sender));
        let waiting = waiting.into_iter().flat_map(|waiting| waiting.range(first..));
        waiting.fold(first, |next, (nonce, _)| if *nonce == next { next.next() } else { next })
    }

    /// A transaction that waits.
    pub fn transaction(&self, id: &TransactionId) -> Option<&VerifiedTransaction> {
        if !self.ids.contains(id) {
            return None;
        }
        self.senders.values().flat_map(BTreeMap::values).find(|waiting| waiting.id() == *id)
    }

    /// Duties, oldest first.
    pub fn duties(&self) -> impl Iterator<Item = &SignedDuty> {
        self.duties.values().map(|waiting| &waiting.duty)
    }

    /// Transactions that may run now, best-paying sender first, each sender's in order of nonces.
    pub fn ready<'a>(&'a self, state: &'a ChainState) -> impl Iterator<Item = &'a VerifiedTransaction> {
        let heads = self
            .senders
            .iter()
            .filter_map(|(sender, waiting)| Candidate::of(state, waiting, next_nonce(state, sender)));
        Ready { state, heap: heads.collect() }
    }

    /// Whether a block is wanted for what waits: a duty, or a transaction that is includable now.
    pub fn wants_block(&self, state: &ChainState) -> bool {
        let mut heads =
            self.senders.iter().filter_map(|(sender, waiting)| waiting.get(&next_nonce(state, sender)));
        !self.duties.is_empty() || heads.any(|head| check_sender(state, head).is_ok())
    }

    /// What was dropped so far.
    pub const fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.duties.is_empty()
    }

    /// Number of transactions and of duties that wait.
    pub fn len(&self) -> (usize, usize) {
        (self.ids.len(), self.duties.len())
    }
}

fn next_nonce(state: &ChainState, sender: &Address) -> Nonce {
    state.accounts.get(sender).map(|account| account.nonce).unwrap_or_default()
}

/// Whether a block could hold a transaction at some base fee.
fn check_fit(state: &ChainState, transaction: &VerifiedTransaction) -> Result<(), IncludeError> {
    check_sender_at(state, transaction, state.params.chain.base_fee_floor).map(|_| ())
}

/// What a transaction costs at most in fees.
fn highest_fee(transaction: &VerifiedTransaction) -> Amount {
    let inner = transaction.transaction();
    inner.max_fee_per_gas.checked_mul(inner.gas_limit.get()).unwrap_or(Amount::from_base_units(u128::MAX))
}

fn add(sum: Amount, fee: Amount) -> Amount {
    sum.checked_add(fee).unwrap_or(Amount::from_base_units(u128::MAX))
}

fn check_replacement(old: &VerifiedTransaction, new: &VerifiedTransaction) -> Result<(), MempoolError> {
    let (old, new) = (old.transaction(), new.transaction());
    let tenth = old.max_fee_per_gas.split(10).max(Amount::from_base_units(1));
    let needed = add(old.max_fee_per_gas, tenth);
    // Rule MEM-03. What was worth a place for its tip keeps it.
    if new.max_fee_per_gas < needed || new.max_priority_fee_per_gas < old.max_priority_fee_per_gas {
        let tip = old.max_priority_fee_per_gas;
        return Err(MempoolError::Underpriced { nonce: new.nonce, needed, tip });
    }
    Ok(())
}
