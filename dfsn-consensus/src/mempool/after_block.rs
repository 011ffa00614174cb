//! The pool after a block was decided (rules MEM-09, MEM-10).

use std::collections::{BTreeMap, BTreeSet};

use dfsn_types::{Amount, Attempt, Block, DutyId, JobId, Nonce, SignedDuty, VerifiedTransaction};

use super::{Mempool, add, check_fit, highest_fee, next_nonce};
use crate::error::IncludeError;
use crate::state::ChainState;
use crate::transition::verify_transactions;

/// How many transactions a pool has dropped that no block took, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Made way in a full pool for what was worth more.
    pub evicted: u64,
    /// Their sender can no longer pay for them and for those before.
    pub unpayable: u64,
    /// Their account belongs to another key now.
    pub pinned: u64,
    /// The rules of an upgrade ask for more gas or a higher fee than they offer.
    pub unfit: u64,
}

impl Mempool {
    /// Drops what an accepted block took, and what can no longer be included in the state after it.
    pub fn block_accepted(&mut self, state: &ChainState, block: &Block) {
        let mut senders = core::mem::take(&mut self.senders);
        for (sender, waiting) in &mut senders {
            let kept = waiting.split_off(&next_nonce(state, sender));
            let used = core::mem::replace(waiting, kept).into_values();
            let gone: Vec<_> = used.chain(self.revalidate(state, state.balance(sender), waiting)).collect();
            for transaction in gone {
                self.ids.remove(&transaction.id());
                self.bytes = self.bytes.saturating_sub(transaction.byte_len());
            }
        }
        senders.retain(|_, waiting| !waiting.is_empty());
        self.senders = senders;
        self.drop_duties(state, block);
    }

    /// Takes out, in order of nonces, what no later block could hold, and from the first on that is not paid for, all.
    fn revalidate(
        &mut self,
        state: &ChainState,
        balance: Amount,
        waiting: &mut BTreeMap<Nonce, VerifiedTransaction>,
    ) -> Vec<VerifiedTransaction> {
        let (mut fees, mut gone, mut kept) = (Amount::ZERO, Vec::new(), BTreeMap::new());
        for (nonce, transaction) in core::mem::take(waiting) {
            let with_this = add(fees, highest_fee(&transaction));
            let count = match check_fit(state, &transaction) {
                Err(IncludeError::KeyPinned { .. }) => &mut self.dropped.pinned,
                Err(IncludeError::Balance { .. }) => &mut self.dropped.unpayable,
                Err(_) => &mut self.dropped.unfit,
                Ok(()) if with_this > balance => &mut self.dropped.unpayable,
                Ok(()) => {
                    fees = with_this;
                    kept.insert(nonce, transaction);
                    continue;
                }
            };
            *count = count.saturating_add(1);
            gone.push(transaction);
        }
        *waiting = kept;
        gone
    }

    /// Drops duties that a block took, whose attempt is over, or that no block wanted for long.
    fn drop_duties(&mut self, state: &ChainState, block: &Block) {
        let is_open =
            |job: &JobId, attempt: Attempt| state.open_job(job).is_some_and(|job| job.attempt == attempt);
        let taken: BTreeSet<DutyId> = duties(block).map(SignedDuty::id).collect();
        self.spent.extend(duties(block).map(|duty| (duty.id(), (duty.duty().job, duty.duty().attempt))));
        self.spent.retain(|_, (job, attempt)| is_open(job, *attempt));
        let (height, blocks) = (state.tip.height.get(), self.limits.duty_blocks);
        self.duties.retain(|_, waiting| {
            let duty = waiting.duty.duty();
            let fresh = height.saturating_sub(waiting.since.get()) < blocks;
            !taken.contains(&waiting.id) && is_open(&duty.job, duty.attempt) && fresh
        });
        self.duty_bytes = self.duties.values().map(|waiting| waiting.bytes).fold(0, usize::saturating_add);
        self.duty_ids = self.duties.values().map(|waiting| waiting.id).collect();
        self.slots = self.duties.iter().map(|(place, waiting)| (waiting.slot, *place)).collect();
    }

    /// Lets wait what was in a block that is not accepted, as far as the pool takes it at the last state.
    pub fn block_rejected(&mut self, state: &ChainState, block: &Block) {
        // A block that was judged holds none whose signature is wrong.
        for transaction in verify_transactions(state, block).unwrap_or_default() {
            // What is in another block by now, waits already or finds no room is refused, and rightly.
            let _ = self.add_transaction(state, transaction);
        }
        for duty in duties(block) {
            let _ = self.add_duty(state, duty.clone());
        }
    }
}

fn duties(block: &Block) -> impl Iterator<Item = &SignedDuty> {
    block.body().duties.iter().chain(block.body().data.iter())
}
