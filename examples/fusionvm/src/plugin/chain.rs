//! The chain in a thread of its own: what the node's calls do, one after the other.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dfsn_client::transport::Call;
use dfsn_consensus::vm::{ChainVm, Vm, VmError};
use dfsn_types::{BlockHash, BlockHeight, SignedDuty};
use tokio::sync::{mpsc, oneshot, watch};

use super::blocks::BlockView;
use super::gossip::Waiting;
use super::store::RpcStore;
use crate::error::NodeError;
use crate::node::desk::{Desk, system_time};

/// Calls that may wait for the thread.
const WORK_MAX: usize = 4_096;
/// Transactions and duties that others are told of again.
const TOLD_AGAIN: (usize, usize) = (256, 64);

type Work = Box<dyn FnOnce(&mut PluginChain) + Send>;

/// The chain and what goes with it.
pub(super) struct PluginChain {
    pub(super) vm: ChainVm<RpcStore>,
    pub(super) desk: Desk<RpcStore>,
    pub(super) genesis: BlockView,
    /// Whether the node takes part in consensus; before, nothing is built.
    pub(super) is_normal: bool,
    /// Whether a block can be built now.
    pub(super) wants: watch::Sender<bool>,
    /// For other nodes.
    pub(super) outbox: mpsc::Sender<Waiting>,
}

impl PluginChain {
    /// The last accepted block.
    pub(super) fn last_accepted(&self) -> Result<BlockView, VmError> {
        let id = self.vm.last_accepted();
        Ok(self.block(&id)?.unwrap_or_else(|| self.genesis.clone()))
    }

    /// A block that is accepted or processing.
    pub(super) fn block(&self, id: &BlockHash) -> Result<Option<BlockView>, VmError> {
        if *id == self.genesis.id {
            return Ok(Some(self.genesis.clone()));
        }
        if let Some(block) = self.vm.processing_block(id) {
            return Ok(Some(BlockView::of(block)));
        }
        Ok(self.vm.accepted_block(id)?.as_ref().map(BlockView::of))
    }

    /// The accepted block of a height.
    pub(super) fn id_at(&self, height: u64) -> Result<Option<BlockHash>, VmError> {
        if height == 0 {
            return Ok(Some(self.genesis.id));
        }
        Ok(self.vm.block_at(BlockHeight::new(height))?.map(|block| block.hash()))
    }

    /// Reads a block; what it is depends on its bytes alone.
    pub(super) fn parse(&self, bytes: &Bytes) -> Result<BlockView, VmError> {
        if *bytes == self.genesis.bytes {
            return Ok(self.genesis.clone());
        }
        Ok(BlockView::of(&self.vm.parse(bytes)?))
    }

    pub(super) fn build(&mut self) -> Result<Option<BlockView>, VmError> {
        Ok(self.vm.build(system_time())?.as_ref().map(BlockView::of))
    }

    pub(super) fn verify(&mut self, bytes: &Bytes) -> Result<BlockView, VmError> {
        if *bytes == self.genesis.bytes {
            return Ok(self.genesis.clone());
        }
        let block = self.vm.parse(bytes)?;
        let view = BlockView::of(&block);
        self.vm.verify(block, system_time())?;
        Ok(view)
    }

    /// Accepts a block. After a failure the node has to open the chain again: what of the block is on disk is not known.
    pub(super) fn accept(&mut self, id: &BlockHash) -> Result<(), VmError> {
        let start = Instant::now();
        let accepted = self.vm.accept(id)?;
        Ok(self.desk.accepted(&self.vm, accepted, start.elapsed())?)
    }

    /// Takes what another node tells of. What is wrong with it is that node's affair.
    pub(super) fn hear(&mut self, items: Vec<Waiting>) {
        for item in items {
            match item {
                Waiting::Transaction(transaction) => drop(self.vm.submit_transaction(*transaction)),
                Waiting::Duty(duty) => drop(self.vm.submit_duty(*duty)),
            }
        }
    }

    /// Takes a duty of this node's validator, and tells others of it.
    pub(super) fn take_duty(&mut self, duty: SignedDuty) {
        if self.desk.take(&mut self.vm, duty.clone()) {
            self.tell(Waiting::Duty(Box::new(duty)));
        }
    }

    /// Answers a user, and tells others of a new transaction.
    pub(super) fn answer(&mut self, call: Call) {
        if let Some(transaction) = self.desk.answer(&mut self.vm, call) {
            self.tell(Waiting::Transaction(Box::new(transaction)));
        }
    }

    /// Tells others again what waits: they may have been away.
    pub(super) fn tell_again(&self) {
        if !self.is_normal {
            return;
        }
        let (transactions, duties) = TOLD_AGAIN;
        let waiting = self.vm.mempool().ready(self.vm.state()).take(transactions);
        waiting.for_each(|it| self.tell(Waiting::Transaction(Box::new(it.signed().clone()))));
        let waiting = self.vm.mempool().duties().take(duties);
        waiting.for_each(|duty| self.tell(Waiting::Duty(Box::new(duty.clone()))));
    }

    /// A full outbox loses a message: what waits is told again.
    fn tell(&self, item: Waiting) {
        let _ = self.outbox.try_send(item);
    }

    /// A block can be built when something waits and no block is being decided upon: that one may hold it already.
    fn look(&self) {
        let is_free = self.vm.preferred() == self.vm.last_accepted();
        let wants = self.is_normal && is_free && self.vm.wants_block(system_time());
        self.wants.send_if_modified(|before| std::mem::replace(before, wants) != wants);
    }
}

/// Hands work to the thread, which ends when nobody can give it any more.
#[derive(Clone, Debug)]
pub(super) struct ChainThread(mpsc::Sender<Work>);

impl ChainThread {
    /// Starts the thread. `open` runs in it, since the store waits for the node; what it fails with comes back.
    pub(super) async fn start(
        open: impl FnOnce() -> Result<PluginChain, NodeError> + Send + 'static,
    ) -> Result<Self, NodeError> {
        let (sender, mut work) = mpsc::channel::<Work>(WORK_MAX);
        let (opened, is_open) = oneshot::channel();
        let thread = std::thread::Builder::new().name("chain".to_owned());
        let run = move || {
            let mut chain = match open() {
                Ok(chain) => chain,
                Err(error) => return drop(opened.send(Err(error))),
            };
            drop(opened.send(Ok(())));
            while let Some(work) = work.blocking_recv() {
                work(&mut chain);
                chain.look();
            }
        };
        thread.spawn(run).map_err(NodeError::io(Path::new("thread")))?;
        is_open.await.map_err(|_| NodeError::Stopped("chain"))??;
        Ok(Self(sender))
    }

    /// Does something with the chain and waits for it.
    pub(super) async fn ask<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PluginChain) -> R + Send + 'static,
    ) -> Result<R, NodeError> {
        let (reply, answer) = oneshot::channel();
        self.tell(move |chain| drop(reply.send(work(chain)))).await;
        answer.await.map_err(|_| NodeError::Stopped("chain"))
    }

    /// Does something with the chain.
    pub(super) async fn tell(&self, work: impl FnOnce(&mut PluginChain) + Send + 'static) {
        let _ = self.0.send(Box::new(work)).await;
    }
}

/// Looks again whether a block is due, as time goes by, and after so many looks tells others again what waits.
pub(super) async fn tick(chain: ChainThread, every: Duration, again: u32) {
    let mut ticks = tokio::time::interval(every);
    for count in (0..again).cycle() {
        ticks.tick().await;
        let looked = chain.ask(move |chain| {
            if count + 1 == again {
                chain.tell_again();
            }
        });
        if looked.await.is_err() {
            return;
        }
    }
}
