//! Room in a full pool: what makes way for what (rule MEM-05).

use std::collections::BTreeMap;

use dfsn_types::{Address, Amount, Nonce, VerifiedTransaction};

use super::{Mempool, MempoolError, next_nonce};
use crate::state::ChainState;

/// How soon a transaction could run, the latest first. Only what runs costs its sender anything: a transaction makes no way for
/// one that is further from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// A nonce before it is missing.
    BehindGap,
    /// It, or one before it, offers less than the last base fee.
    BehindFee,
    /// Behind others of its sender, which may move the money that it would pay with.
    BehindOthers,
    /// Its sender's next.
    Next,
}

/// What a place is worth: the turn, the tip that is paid at the last base fee, the highest fee.
type Worth = (Turn, Option<Amount>, Amount);

impl Mempool {
    /// In a full pool the last transaction of another sender makes way, the one that is worth least; it must be worth less than the
    /// new one.
    pub(super) fn make_room(
        &mut self,
        state: &ChainState,
        new: &VerifiedTransaction,
    ) -> Result<(), MempoolError> {
        let sender = new.sender();
        let count = self.senders.get(&sender).map_or(0, BTreeMap::len);
        if count >= self.limits.per_sender {
            return Err(MempoolError::SenderFull { sender, count });
        }
        let fits = |transactions: usize, bytes: usize| {
            transactions < self.limits.transactions
                && bytes.saturating_add(new.byte_len()) <= self.limits.bytes
        };
        if fits(self.ids.len(), self.bytes) {
            return Ok(());
        }
        let tails = self.senders.iter().filter(|(other, _)| **other != sender).filter_map(|(_, waiting)| {
            let (nonce, last) = waiting.last_key_value()?;
            Some((worth(state, last, waiting), last.sender(), *nonce, last.byte_len()))
        });
        let none = BTreeMap::new();
        let worth_of_new = worth(state, new, self.senders.get(&sender).unwrap_or(&none));
        let worst: Option<(Worth, Address, Nonce, usize)> = tails.min();
        let Some((_, victim, nonce, len)) = worst.filter(|(theirs, ..)| *theirs < worth_of_new) else {
            return Err(MempoolError::Full);
        };
        if !fits(self.ids.len().saturating_sub(1), self.bytes.saturating_sub(len)) {
            return Err(MempoolError::Full);
        }
        self.remove(&victim, nonce);
        self.dropped.evicted = self.dropped.evicted.saturating_add(1);
        Ok(())
    }
}

/// What a place is worth to a transaction, beside what waits of the same sender.
fn worth(
    state: &ChainState,
    transaction: &VerifiedTransaction,
    waiting: &BTreeMap<Nonce, VerifiedTransaction>,
) -> Worth {
    let (inner, base_fee) = (transaction.transaction(), state.tip.base_fee_per_gas);
    let above = inner.max_fee_per_gas.checked_sub(base_fee);
    let tip = above.map(|above| above.min(inner.max_priority_fee_per_gas));
    let next = next_nonce(state, &transaction.sender());
    let before = || waiting.range(next..inner.nonce).map(|(_, before)| before.transaction());
    let missing = usize::try_from(inner.nonce.saturating_sub(next).get()).ok() != Some(before().count());
    let turn = if missing {
        Turn::BehindGap
    } else if tip.is_none() || before().any(|before| before.max_fee_per_gas < base_fee) {
        Turn::BehindFee
    } else if inner.nonce > next {
        Turn::BehindOthers
    } else {
        Turn::Next
    };
    (turn, tip, inner.max_fee_per_gas)
}
