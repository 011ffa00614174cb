//! What a chain does beside its engine, whichever that is: answer, index, count, tell.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dfsn_client::transport::{Call, Notification, TransportError};
use dfsn_client::view::ReceiptInfo;
use dfsn_consensus::MempoolError;
use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::{KvStore, StoreError};
use dfsn_consensus::vm::{Accepted, ChainVm, VmError};
use dfsn_types::{
    Block, BlockHeight, SignedDuty, SignedTransaction, Timestamp, TransactionId, TransactionReceipt,
};
use tokio::sync::{broadcast, mpsc, watch};

use crate::error::NodeError;
use crate::index::{Index, Lines};
use crate::metrics::ChainMetrics;
use crate::node::RecentStates;

/// Blocks that are looked through for open disputes after a restart.
const LOOK_BACK: u64 = 4_096;

/// The index, and everybody who follows the chain.
#[derive(Debug)]
pub(crate) struct Desk<S> {
    pub(crate) index: Index<S>,
    pub(crate) publisher: broadcast::Sender<Arc<Notification>>,
    pub(crate) states: watch::Sender<Arc<ChainState>>,
    pub(crate) recent: Arc<RecentStates>,
    /// Blocks with something in their data lane, for validators. Where nobody takes them they are dropped.
    pub(crate) posted: mpsc::Sender<Arc<Block>>,
    pub(crate) metrics: Arc<ChainMetrics>,
}

impl<S: KvStore> Desk<S> {
    /// Indexes blocks that the index lacks: it is new, or the power went between both writes.
    pub(crate) fn catch_up(&mut self, vm: &ChainVm<S>) -> Result<(), NodeError> {
        let tip = vm.state().tip.height;
        if self.index.up_to() > tip {
            return Err(failed(&format!("it is of another chain, {} blocks long", self.index.up_to())));
        }
        let mut lines = Lines::default();
        for block in vm.blocks_from(self.index.up_to().next())? {
            let block = block?;
            let missing = || failed(&format!("the chain lacks what block {} caused", block.header().height));
            let receipts = vm.receipts(&block.hash())?.ok_or_else(missing)?;
            lines.add(&block, &receipts.events, &vm.state().chain);
            if lines.are_many() {
                let full = std::mem::take(&mut lines);
                self.index.write(full).map_err(|error| failed(&error))?;
            }
        }
        self.index.write(lines).map_err(|error| failed(&error))?;
        self.post_again(vm)
    }

    /// Shows validators the data lanes of the latest blocks once more: what they had noted is gone.
    fn post_again(&self, vm: &ChainVm<S>) -> Result<(), NodeError> {
        if !vm.state().has_open_jobs() {
            return Ok(());
        }
        let first = vm.state().tip.height.get().saturating_sub(LOOK_BACK);
        for block in vm.blocks_from(BlockHeight::new(first))? {
            self.post(&Arc::new(block?));
        }
        Ok(())
    }

    fn post(&self, block: &Arc<Block>) {
        if !block.body().data.is_empty() && self.posted.try_send(Arc::clone(block)).is_err() {
            tracing::debug!(height = %block.header().height, "nobody takes what a block shows");
        }
    }

    /// Indexes an accepted block and tells of it.
    pub(crate) fn accepted(
        &mut self,
        vm: &ChainVm<S>,
        accepted: Accepted,
        took: Duration,
    ) -> Result<(), StoreError> {
        self.index.add(&accepted.block, &accepted.receipts.events, &vm.state().chain)?;
        self.metrics.sealed(&accepted, vm.mempool().len(), took);
        let Accepted { block, receipts } = accepted;
        let (height, block) = (block.header().height, Arc::new(block));
        self.post(&block);
        let state = Arc::new(vm.state().clone());
        let (receipts, events) = (receipts.transactions, receipts.events);
        let notification = Arc::new(Notification::Block { height, receipts, events });
        // Nobody sees the state in between: who was told of a block is answered from the state after it or a later one, and who
        // sees a state was told of all its blocks.
        self.states.send_modify(|shown| {
            // There may be no subscribers.
            let _ = self.publisher.send(notification);
            self.recent.push(Arc::clone(&state));
            *shown = state;
        });
        Ok(())
    }

    /// Lets a validator's duty wait. One that came too late is the validator's affair, not the chain's. Says whether it waits.
    pub(crate) fn take(&self, vm: &mut ChainVm<S>, duty: SignedDuty) -> bool {
        let (validator, kind) = (duty.duty().validator, duty.duty().kind.name());
        let taken = vm.submit_duty(duty);
        if let Err(error) = &taken {
            tracing::warn!(%validator, kind, %error, "a duty was not taken");
        }
        taken.is_ok()
    }

    /// Answers a caller; one that no longer waits loses its answer. Gives back a transaction that has begun to wait.
    pub(crate) fn answer(&self, vm: &mut ChainVm<S>, call: Call) -> Option<SignedTransaction> {
        match call.answer(vm) {
            Some(Call::Submit(transaction, reply)) => {
                let (id, copy) = (transaction.id(), transaction.clone());
                let (result, is_new) = match vm.submit_transaction(transaction) {
                    // The id is the key: the same transaction again is no second one.
                    Err(VmError::Mempool(MempoolError::Known(_))) => (Ok(id), false),
                    Err(VmError::Mempool(full @ MempoolError::Full)) => {
                        (Err(TransportError::Busy(full.to_string())), false)
                    }
                    Err(error) => (Err(TransportError::Refused(error.to_string())), false),
                    Ok(id) => (Ok(id), true),
                };
                self.metrics.submitted(result.is_ok());
                drop(reply.send(result));
                return is_new.then_some(copy);
            }
            Some(Call::Receipt(id, reply)) => drop(reply.send(self.receipt(vm, &id))),
            Some(Call::History(query, reply)) => {
                drop(reply.send(self.index.history(&query).map_err(|error| away(&error))));
            }
            Some(Call::Logs(query, reply)) => {
                drop(reply.send(self.index.logs(&query).map_err(|error| away(&error))));
            }
            // Pictures are answered by the handle.
            _ => {}
        }
        None
    }

    fn receipt(&self, vm: &ChainVm<S>, id: &TransactionId) -> Result<Option<ReceiptInfo>, TransportError> {
        let Some(height) = self.index.height_of(id).map_err(|error| away(&error))? else { return Ok(None) };
        let receipt = receipt_at(vm, height, id).map_err(|error| away(&error))?;
        Ok(receipt.map(|receipt| ReceiptInfo { height, receipt }))
    }
}

fn away(error: &dyn std::fmt::Display) -> TransportError {
    tracing::error!(%error, "the index cannot be read");
    TransportError::Closed
}

fn receipt_at<S: KvStore>(
    vm: &ChainVm<S>,
    height: BlockHeight,
    id: &TransactionId,
) -> Result<Option<TransactionReceipt>, VmError> {
    let Some(block) = vm.block_at(height)? else { return Ok(None) };
    let receipts = vm.receipts(&block.hash())?;
    Ok(receipts.and_then(|receipts| receipts.transactions.into_iter().find(|receipt| receipt.id == *id)))
}

pub(super) fn failed(reason: &dyn std::fmt::Display) -> NodeError {
    NodeError::Index { path: "index".into(), reason: reason.to_string() }
}

/// The time of this machine, as blocks count it.
pub fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
