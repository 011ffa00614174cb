//! One full node: its own chain, pool and clock, all of which may fail.

use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::MemoryStore;
use dfsn_consensus::vm::{Accepted, ChainVm, Vm, VmConfig, VmError};
use dfsn_consensus::{Mempool, MempoolLimits};
use dfsn_types::{Address, Block, BlockHash, SecretKey, Timestamp};

use super::wire::Message;
use crate::network::node::Keys;
use crate::network::setup::seed;

#[derive(Debug)]
pub(crate) struct Peer {
    index: usize,
    pub(crate) vm: ChainVm<MemoryStore>,
    /// What its clock shows beside the time, in ms.
    pub(crate) skew_ms: i64,
    /// Round in which it comes back.
    pub(crate) down_until: u64,
    /// Blocks that were accepted while it was down.
    missed: Vec<Block>,
}

impl Peer {
    pub(crate) fn new(index: usize, state: ChainState, skew_ms: i64) -> Self {
        Self { index, vm: start(index, state), skew_ms, down_until: 0, missed: Vec::new() }
    }

    pub(crate) const fn is_down(&self, round: u64) -> bool {
        round < self.down_until
    }

    pub(crate) fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp::new(now.get().checked_add_signed(self.skew_ms).unwrap())
    }

    /// Comes back from its last accepted state: what waited and what was processing is forgotten.
    pub(crate) fn restart(&mut self) {
        self.vm = start(self.index, self.vm.state().clone());
    }

    pub(crate) fn take(&mut self, message: &Message) {
        // A pool refuses what is old, doubled, too far ahead or nonsense; whoever needs it sends it again.
        let _ = match message {
            Message::Duty(duty) => self.vm.submit_duty(duty.clone()),
            Message::Transaction(transaction) => self.vm.submit_transaction(transaction.clone()).map(|_| ()),
        };
    }

    /// Judges a block as it comes off the wire; false while its time has not come.
    pub(crate) fn verify(&mut self, bytes: &[u8], now: Timestamp) -> bool {
        let block = self.vm.parse(bytes).unwrap();
        match self.vm.verify(block, self.clock(now)) {
            Ok(()) => true,
            Err(VmError::NotYet { .. }) => false,
            Err(error) => panic!("node {} refuses a block that another built: {error}", self.index),
        }
    }

    pub(crate) fn accept(&mut self, hash: &BlockHash) -> Accepted {
        self.vm.accept(hash).unwrap()
    }

    /// Accepts later.
    pub(crate) fn miss(&mut self, block: Block) {
        self.missed.push(block);
    }

    /// Judges and accepts what it missed, as a node that bootstraps.
    pub(crate) fn catch_up(&mut self) {
        for block in core::mem::take(&mut self.missed) {
            let (hash, timestamp) = (block.hash(), block.header().timestamp);
            self.vm.verify(block, timestamp).unwrap();
            self.accept(&hash);
        }
    }
}

fn start(index: usize, state: ChainState) -> ChainVm<MemoryStore> {
    let keys = Keys::of(index);
    let config = VmConfig {
        builder_key: SecretKey::from_seed(&seed(7, index)),
        fee_recipient: Address::from_bytes([0xf0 + u8::try_from(index).unwrap(); 20]),
        only_builder: None,
        // One node builds without a beacon proof.
        beacon: (index > 0).then(|| (keys.address(), keys.vrf())),
        rules: dfsn_consensus::Rules::default(),
    };
    ChainVm::new(state, MemoryStore::default(), Mempool::new(MempoolLimits::default()), config)
}
