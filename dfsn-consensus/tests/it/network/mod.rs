//! A simulated network: validators with real keys, a chain that seals at once, a clock that tests turn.

pub(crate) mod behaviour;
pub(crate) mod books;
pub(crate) mod forge;
pub(crate) mod inference;
pub(crate) mod node;
pub(crate) mod setup;

use std::collections::{BTreeMap, BTreeSet};

use dfsn_consensus::state::{ChainState, Job, Outcome, Phase, Stage};
use dfsn_consensus::store::{KvStore, OpenError};
use dfsn_consensus::transition::{BlockContext, Execution, state_transition};
use dfsn_consensus::vm::{ChainVm, InstantSeal, VmConfig, VmError};
use dfsn_consensus::{DutyError, Mempool, MempoolLimits, Rules};
use dfsn_types::{
    Address, Amount, AnswerRef, Block, DurationMs, DutyKind, Event, Fault, Gas, GenerationParams,
    GenerationRequest, ImageSize, JobId, Nonce, SecretKey, SignedDuty, SignedTransaction, Timestamp,
    Transaction, TransactionId, TransactionKind, TransactionReceipt, TransactionStatus,
};

pub(crate) use behaviour::{Answering, Behaviour, Working};
pub(crate) use setup::{Seat, Setup};

use crate::disk::Disk;
use node::{Keys, Node, Served};
use setup::{START, pair, sealer, user_key};

/// Milliseconds between two blocks, unless a test says otherwise: the most that the chain clock moves.
pub(crate) const TICK_MS: u64 = 10_000;
/// Who earns tips and the builder's shares.
pub(crate) const BUILDER: Address = Address::from_bytes([0xb1; 20]);

/// The place of an auditor of the first audit.
pub(crate) const FIRST_AUDIT: dfsn_types::Seat = dfsn_types::Seat::Auditor { round: 1 };

/// An answer of the first audit.
pub(crate) const fn answer_of(auditor: Address, question: u8) -> AnswerRef {
    AnswerRef { round: 1, auditor, question }
}

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) engine: InstantSeal<ChainVm<Disk>>,
    /// What the chain has written.
    pub(crate) disk: Disk,
    pub(crate) nodes: Vec<Node>,
    pub(crate) served: Served,
    pub(crate) now: Timestamp,
    pub(crate) events: Vec<Event>,
    pub(crate) receipts: BTreeMap<TransactionId, TransactionReceipt>,
    pub(crate) blocks: Vec<Block>,
    /// Whether requesters say that their pictures have arrived.
    pub(crate) sends_receipts: bool,
    rules: Rules,
    received: BTreeSet<JobId>,
    nonces: BTreeMap<Address, Nonce>,
}

impl Network {
    pub(crate) fn new(setup: &Setup) -> Self {
        let disk = Disk::default();
        let vm = open(&disk, setup).unwrap();
        let nodes = (0..).zip(&setup.seats).map(|(index, seat)| Node::new(Keys::of(index), seat.behaviour));
        Self {
            engine: InstantSeal::new(vm),
            disk,
            nodes: nodes.collect(),
            served: Served::new(),
            now: START,
            events: Vec::new(),
            receipts: BTreeMap::new(),
            blocks: Vec::new(),
            sends_receipts: true,
            rules: setup.rules.clone(),
            received: BTreeSet::new(),
            nonces: BTreeMap::new(),
        }
    }

    pub(crate) fn state(&self) -> &ChainState {
        self.engine.vm().state()
    }

    pub(crate) fn job(&self, id: &JobId) -> &Job {
        self.state().jobs.get(id).unwrap()
    }

    pub(crate) fn outcome(&self, id: &JobId) -> Option<&Outcome> {
        match &self.job(id).stage {
            Stage::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    pub(crate) fn address(&self, node: usize) -> Address {
        self.nodes[node].address()
    }

    pub(crate) fn wealth(&self, node: usize) -> Amount {
        books::wealth(self.state(), &self.address(node))
    }

    pub(crate) fn user(&self, user: usize) -> Address {
        setup::address(&user_key(user))
    }

    /// Signs a transaction with the account's next nonce and lets it wait.
    pub(crate) fn send(&mut self, key: &SecretKey, kind: TransactionKind) -> TransactionId {
        let signed = self.sign(key, kind);
        self.engine.vm_mut().submit_transaction(signed).unwrap()
    }

    pub(crate) fn sign(&mut self, key: &SecretKey, kind: TransactionKind) -> SignedTransaction {
        let nonce = self.nonces.entry(setup::address(key)).or_default();
        let chain = self.engine.vm().state().chain;
        let transaction = transaction(&chain, *nonce, kind);
        *nonce = nonce.next();
        transaction.sign(&chain, key)
    }

    /// A user's request of the usual size, at this price per unit.
    pub(crate) fn request(&mut self, user: usize, seed: u32) -> JobId {
        self.request_with(user, usual_request(seed))
    }

    pub(crate) fn request_with(&mut self, user: usize, request: GenerationRequest) -> JobId {
        let id = self.send(&user_key(user), TransactionKind::GenerationRequest(Box::new(request)));
        dfsn_types::Domain::JobId.hash(&id).into()
    }

    /// One tick: nodes act on the accepted state, then a block is built if one is wanted.
    pub(crate) fn tick(&mut self) {
        self.advance(TICK_MS);
    }

    pub(crate) fn ticks(&mut self, count: usize) {
        for _ in 0..count {
            self.tick();
        }
    }

    pub(crate) fn advance(&mut self, ms: u64) {
        self.act();
        self.seal(ms).unwrap();
    }

    /// Everybody reacts to the accepted state.
    pub(crate) fn act(&mut self) {
        let state = self.engine.vm().state().clone();
        for node in &mut self.nodes {
            for duty in node.duties(&state, &mut self.served) {
                self.engine.vm_mut().submit_duty(duty).unwrap();
            }
        }
        if self.sends_receipts {
            self.send_receipts(&state);
        }
    }

    fn send_receipts(&mut self, state: &ChainState) {
        for user in 0.. {
            let (key, address) = (user_key(user), self.user(user));
            if !state.accounts.contains_key(&address) {
                return;
            }
            let mine = state.jobs.values().filter(|job| job.requester == address && !job.delivered);
            for job in mine.filter(|job| job.committed().is_some()) {
                if self.received.insert(job.id) {
                    self.send(&key, TransactionKind::Receipt { job: job.id });
                }
            }
            self.received.retain(|id| state.open_job(id).is_some_and(|job| job.committed().is_some()));
        }
    }

    /// Builds, checks and accepts a block `ms` later, if one is wanted.
    pub(crate) fn seal(&mut self, ms: u64) -> Result<bool, VmError> {
        self.now = self.now.after(DurationMs::new(ms));
        let parent = self.state().clone();
        let Some(accepted) = self.engine.seal(self.now)? else { return Ok(false) };
        let parent = self.rules.at(&parent, accepted.block.header().timestamp)?;
        let again = match state_transition(&parent, &accepted.block) {
            Ok(again) => again,
            Err(error) => panic!("a built block verifies on its parent: {error}"),
        };
        assert_eq!(again.receipts, accepted.receipts, "both executions give the same receipts");
        assert_eq!(again.state, *self.state(), "both executions give the same state");
        books::check(self.state());
        self.events.extend(accepted.receipts.events);
        self.receipts.extend(accepted.receipts.transactions.into_iter().map(|receipt| (receipt.id, receipt)));
        self.blocks.push(accepted.block);
        Ok(true)
    }

    /// Ticks until the job has ended, at most `most` times.
    pub(crate) fn finish(&mut self, job: &JobId, most: usize) -> Outcome {
        for _ in 0..most {
            self.tick();
            if let Some(outcome) = self.state().jobs.get(job).and_then(|_| self.outcome(job)) {
                return outcome.clone();
            }
        }
        panic!("job {job} has not ended: {:?}", self.state().jobs.get(job))
    }

    /// Ticks until the condition holds, at most 300 times.
    pub(crate) fn until(&mut self, condition: impl Fn(&Self) -> bool) {
        for _ in 0..300 {
            if condition(self) {
                return;
            }
            self.tick();
        }
        panic!("the condition never held");
    }

    /// Who was slashed for what and by how much, in order.
    pub(crate) fn slashes(&self) -> Vec<(Address, Fault, Amount)> {
        let slash = |event: &Event| match event {
            Event::Slashed { validator, fault, amount, .. } => Some((*validator, *fault, *amount)),
            _ => None,
        };
        self.events.iter().filter_map(slash).collect()
    }

    /// Who was slashed in one job for what and by how much, in order.
    pub(crate) fn slashes_of(&self, id: &JobId) -> Vec<(Address, Fault, Amount)> {
        let slash = |event: &Event| match event {
            Event::Slashed { job, validator, fault, amount, .. } if job == id => {
                Some((*validator, *fault, *amount))
            }
            _ => None,
        };
        self.events.iter().filter_map(slash).collect()
    }

    /// Requests until the beacon draws this node for the first attempt of one, and gives that job.
    pub(crate) fn request_drawn_to(&mut self, node: usize) -> JobId {
        for seed in 0..100 {
            let job = self.request(0, seed);
            self.until(|network| {
                network.state().jobs.get(&job).is_some_and(|job| job.worker().is_some() || job.is_ended())
            });
            if self.job(&job).worker() == Some(self.address(node)) {
                return job;
            }
            self.finish(&job, 100);
        }
        panic!("node {node} was not drawn in 100 requests")
    }

    /// What the rules say of a duty on the accepted state.
    pub(crate) fn try_duty(&self, duty: &SignedDuty) -> Result<(), DutyError> {
        self.open_block().apply_duty(duty)
    }

    /// The next block, not yet filled.
    pub(crate) fn open_block(&self) -> Execution {
        let timestamp = self.now.after(DurationMs::new(TICK_MS));
        Execution::open(self.state(), &BlockContext { timestamp, fee_recipient: BUILDER, beacon_proof: None })
            .unwrap()
    }

    /// Signs a duty of a node in the current attempt of a job, lets it wait, and builds the next block.
    pub(crate) fn duty(&mut self, node: usize, job: &JobId, kind: DutyKind) {
        let signed = self.signed_duty(node, job, kind);
        self.engine.vm_mut().submit_duty(signed).unwrap();
        self.seal(TICK_MS).unwrap();
    }

    pub(crate) fn signed_duty(&self, node: usize, job: &JobId, kind: DutyKind) -> SignedDuty {
        self.nodes[node].sign(&self.state().chain, *job, self.job(job).attempt, kind)
    }

    /// Money that slashes of one job burned.
    pub(crate) fn burned_by_slashes(&self, id: &JobId) -> Amount {
        let burned = self.events.iter().filter_map(|event| match event {
            Event::HoldPaid { job, burned, .. } if job == id => Some(burned.base_units()),
            _ => None,
        });
        Amount::from_base_units(burned.sum())
    }

    /// Fees that transactions have paid so far.
    pub(crate) fn fees(&self) -> Amount {
        Amount::from_base_units(self.receipts.values().map(|receipt| receipt.fee.base_units()).sum())
    }

    /// The phase of a committed job.
    pub(crate) fn phase(&self, id: &JobId) -> Option<&Phase> {
        Some(&self.state().jobs.get(id)?.committed()?.phase)
    }

    /// Whether a job has ended.
    pub(crate) fn job_is_over(&self, id: &JobId) -> bool {
        self.state().jobs.get(id).is_some_and(Job::is_ended)
    }

    /// Whether the first attempt of a job has ended, one way or the other.
    pub(crate) fn attempt_is_over(&self, id: &JobId) -> bool {
        self.state().jobs.get(id).is_some_and(|job| job.is_ended() || job.attempt.get() > 1)
    }

    /// Whether a transaction did what it says; else the rule that it broke.
    pub(crate) fn failed_rule(&self, id: &TransactionId) -> Option<String> {
        match &self.receipts[id].status {
            TransactionStatus::Succeeded => None,
            TransactionStatus::Failed { rule } => Some(rule.to_string()),
        }
    }
}

/// The chain on a disk, as its only builder opens it.
pub(crate) fn open(disk: &Disk, setup: &Setup) -> Result<ChainVm<Disk>, OpenError> {
    open_in(disk.clone(), setup)
}

/// The same in any store.
pub(crate) fn open_in<S: KvStore>(store: S, setup: &Setup) -> Result<ChainVm<S>, OpenError> {
    let config = VmConfig {
        only_builder: Some(sealer().public_key()),
        builder_key: sealer(),
        fee_recipient: BUILDER,
        beacon: None,
        rules: setup.rules.clone(),
    };
    ChainVm::open(store, &setup.state(), Mempool::new(MempoolLimits::default()), config)
}

/// A transaction with fees that the floor of the base fee allows.
pub(crate) fn transaction(
    chain: &dfsn_types::ChainIdentity,
    nonce: Nonce,
    kind: TransactionKind,
) -> Transaction {
    Transaction {
        chain_id: chain.chain_id,
        nonce,
        gas_limit: Gas::new(200_000),
        max_fee_per_gas: Amount::from_base_units(100_000_000_000),
        max_priority_fee_per_gas: Amount::from_base_units(1_000_000_000),
        kind,
    }
}

/// One 64x64 picture of 20 steps, at a price over the minimum.
pub(crate) fn usual_request(seed: u32) -> GenerationRequest {
    GenerationRequest {
        params: usual_params(seed),
        price_per_unit: Amount::from_base_units(1_000_000_000_000),
        expires_ms: DurationMs::new(10_000_000),
        unaudited: false,
    }
}

pub(crate) fn usual_params(seed: u32) -> GenerationParams {
    let size = ImageSize::new(64, 64).unwrap();
    GenerationParams::builder(pair().model, pair().profile, "a red fox", size).seed(seed).build().unwrap()
}
