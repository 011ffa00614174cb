//! Cases out of the blocks of a simulated network: each duty and each transaction in a block of its own.

use std::collections::BTreeMap;

use dfsn_consensus::Rule;
use dfsn_consensus::state::ChainState;
use dfsn_consensus::transition::{BlockContext, Execution, state_transition};
use dfsn_types::{
    Block, DurationMs, DutyKind, Gas, SecretKey, SignedDuty, SignedTransaction, TransactionStatus,
};

use super::case::{Case, Outcome};
use crate::network::forge::block;
use crate::network::node::Keys;
use crate::network::setup::{address, user_key};
use crate::network::{BUILDER, Network, TICK_MS};

/// The first of each sort of case that comes by.
#[derive(Default)]
pub(super) struct Harvest {
    pub(super) cases: BTreeMap<String, Case>,
}

impl Harvest {
    /// One tick of a network, everybody acting.
    pub(super) fn tick(&mut self, network: &mut Network) {
        let before = network.state().clone();
        network.act();
        if network.seal(TICK_MS).unwrap() {
            let block = network.blocks.last().unwrap().clone();
            self.take(&before, &block, network.state());
        }
    }

    pub(super) fn ticks(&mut self, network: &mut Network, count: usize) {
        for _ in 0..count {
            self.tick(network);
        }
    }

    pub(super) fn until(&mut self, network: &mut Network, condition: impl Fn(&Network) -> bool) {
        for _ in 0..300 {
            if condition(network) {
                return;
            }
            self.tick(network);
        }
        panic!("the condition never held");
    }

    fn take(&mut self, before: &ChainState, block: &Block, after: &ChainState) {
        let body = block.body();
        if body.duties.is_empty() && body.data.is_empty() && body.transactions.is_empty() {
            let case = Case::new(before, block.clone());
            let Outcome::Accepted(post) = case.run() else { panic!("it was accepted") };
            let quiet = post.receipts.events.is_empty();
            self.add(if quiet { "TIM-05-heartbeat" } else { "TIM-04-closing_windows" }.to_owned(), case);
        }
        for duty in body.duties.iter().chain(body.data.iter()) {
            self.take_duty(before, duty, after);
        }
        for transaction in body.transactions.iter() {
            self.take_transaction(before, transaction);
        }
    }

    fn add(&mut self, name: String, case: Case) {
        self.cases.entry(name).or_insert(case);
    }

    fn has(&self, end: &str) -> bool {
        self.cases.keys().any(|name| name.ends_with(end))
    }

    fn take_duty(&mut self, before: &ChainState, duty: &SignedDuty, after: &ChainState) {
        let kind = duty.duty().kind.name();
        let alone = block(before, vec![duty.clone()], Vec::new(), |_| {});
        if state_transition(before, &alone).is_ok() {
            self.add(format!("BLK-05-{kind}"), Case::new(before, alone));
        }
        // What a block took is not owed any more.
        let end = format!("-{kind}-again");
        let mut next = open(after);
        let again = match &duty.duty().kind {
            DutyKind::PostData(_) => next.apply_data(duty),
            _ => next.apply_duty(duty),
        };
        if let (Err(error), false) = (again, self.has(&end)) {
            let block = block(after, vec![duty.clone()], Vec::new(), |_| {});
            self.add(format!("{}{end}", error.rule()), Case::new(after, block));
        }
    }

    fn take_transaction(&mut self, before: &ChainState, signed: &SignedTransaction) {
        let verified = signed.clone().verify(&before.chain).unwrap();
        let kind = verified.transaction().kind.name();
        let alone = Case::new(before, block(before, Vec::new(), vec![signed.clone()], |_| {}));
        let Outcome::Accepted(post) = alone.run() else { return };
        match &post.receipts.transactions[0].status {
            TransactionStatus::Succeeded => self.add(format!("BLK-06-{kind}"), alone),
            TransactionStatus::Failed { rule } => {
                let end = format!("-{kind}-failed");
                if !self.has(&end) {
                    self.add(format!("{rule}{end}"), alone);
                }
            }
        }
        // The same with too little gas is in no block.
        let Some(key) = keys().find(|key| address(key) == verified.sender()) else { return };
        let mut poor = verified.transaction().clone();
        poor.gas_limit = Gas::new(post.receipts.transactions[0].gas_used.get() - 1);
        let poor = block(before, Vec::new(), vec![poor.sign(&before.chain, &key)], |_| {});
        self.add(format!("TX-04-{kind}-gas_limit"), Case::new(before, poor));
    }
}

fn keys() -> impl Iterator<Item = SecretKey> {
    (0..8).map(|node| Keys::of(node).owner).chain((0..8).map(user_key))
}

fn open(state: &ChainState) -> Execution {
    let timestamp = state.tip.timestamp.after(DurationMs::new(TICK_MS));
    Execution::open(state, &BlockContext { timestamp, fee_recipient: BUILDER, beacon_proof: None }).unwrap()
}
