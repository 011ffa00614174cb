//! One full node: its own chain, pool and clock, all of which may fail.

use dfsn_consensus::state::ChainState;
use dfsn_consensus::vm::{Accepted, ChainVm, Vm, VmConfig, VmError};
use dfsn_consensus::{Mempool, MempoolLimits};
use dfsn_types::{Address, Block, SecretKey, Timestamp};

use super::wire::Message;
use crate::disk::{Cut, Disk};
use crate::network::node::Keys;
use crate::network::setup::seed;

#[derive(Debug)]
pub(crate) struct Peer {
    index: usize,
    genesis: ChainState,
    disk: Disk,
    pub(crate) vm: ChainVm<Disk>,
    /// What its clock shows beside the time, in ms.
    pub(crate) skew_ms: i64,
    /// Round in which it comes back.
    pub(crate) down_until: u64,
    /// Blocks that were accepted while it was down.
    missed: Vec<Block>,
}

impl Peer {
    pub(crate) fn new(index: usize, genesis: ChainState, skew_ms: i64) -> Self {
        let disk = Disk::default();
        let vm = start(index, &disk, &genesis);
        Self { index, genesis, disk, vm, skew_ms, down_until: 0, missed: Vec::new() }
    }

    pub(crate) const fn is_down(&self, round: u64) -> bool {
        round < self.down_until
    }

    pub(crate) fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp::new(now.get().checked_add_signed(self.skew_ms).unwrap())
    }

    /// Comes back from what its disk holds: what waited and what was processing is forgotten.
    pub(crate) fn restart(&mut self) {
        let vm = start(self.index, &self.disk, &self.genesis);
        assert_eq!(vm.state(), self.vm.state(), "node {} comes back where it was", self.index);
        self.vm = vm;
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

    /// Accepts a block, which it judges again if it was down since.
    pub(crate) fn accept(&mut self, block: &Block) -> Accepted {
        self.vm.verify(block.clone(), block.header().timestamp).unwrap();
        self.vm.accept(&block.hash()).unwrap()
    }

    /// Loses its power while it accepts a block, comes back, and accepts it if its disk does not hold it yet.
    pub(crate) fn crash_in_accept(&mut self, block: &Block, cut: Cut) {
        self.vm.verify(block.clone(), block.header().timestamp).unwrap();
        let (before, hash) = (self.vm.state().clone(), block.hash());
        self.disk.cut_next(cut);
        let refused = self.vm.accept(&hash);
        assert!(matches!(refused, Err(VmError::Store(_))), "{refused:?}");
        assert_eq!(*self.vm.state(), before, "what is not known to be written is not accepted");
        self.vm = start(self.index, &self.disk, &self.genesis);
        match cut {
            Cut::Before => {
                assert_eq!(*self.vm.state(), before);
                self.accept(block);
            }
            Cut::After => assert_eq!(self.vm.last_accepted(), hash),
        }
    }

    /// Accepts later.
    pub(crate) fn miss(&mut self, block: Block) {
        self.missed.push(block);
    }

    /// Judges and accepts what it missed, as a node that bootstraps.
    pub(crate) fn catch_up(&mut self) {
        for block in core::mem::take(&mut self.missed) {
            self.accept(&block);
        }
    }
}

fn start(index: usize, disk: &Disk, genesis: &ChainState) -> ChainVm<Disk> {
    let keys = Keys::of(index);
    let config = VmConfig {
        builder_key: SecretKey::from_seed(&seed(7, index)),
        fee_recipient: Address::from_bytes([0xf0 + u8::try_from(index).unwrap(); 20]),
        only_builder: None,
        // One node builds without a beacon proof.
        beacon: (index > 0).then(|| (keys.address(), keys.vrf())),
        rules: dfsn_consensus::Rules::default(),
    };
    ChainVm::open(disk.clone(), genesis, Mempool::new(MempoolLimits::default()), config).unwrap()
}
