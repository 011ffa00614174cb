//! Blocks that break one rule each, and upgrades.

use dfsn_consensus::state::ChainState;
use dfsn_types::{
    Amount, BeaconProof, BlockHash, BlockHeight, BodyRoot, BoundedVec, ChainId, DurationMs, Gas, Header,
    Nonce, ReceiptsRoot, RuleVersion, SignedTransaction, StateRoot, Timestamp, Transaction, Upgrade,
    UpgradeSchedule,
};

use super::case::Case;
use crate::network::forge::{block, signed, transfer};
use crate::network::node::Keys;
use crate::network::setup::{START, user_key};
use crate::network::{Behaviour, Setup, TICK_MS};

fn genesis() -> ChainState {
    Setup::worker(Behaviour::HONEST, 3).state()
}

pub(super) fn all() -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    cases.extend(headers());
    cases.extend(transactions());
    cases.extend(upgrades());
    cases.into_iter().map(|(name, case)| (name.to_owned(), case)).collect()
}

fn headers() -> Vec<(&'static str, Case)> {
    type Edit = fn(&mut Header);
    let edits: [(&'static str, Edit); 9] = [
        ("BLK-01-other_body", |header| header.transactions_root = BodyRoot::from_bytes([1; 32])),
        ("BLK-02-other_parent", |header| header.parent = BlockHash::from_bytes([1; 32])),
        ("BLK-02-other_height", |header| header.height = BlockHeight::new(7)),
        ("BLK-03-other_base_fee", |header| header.base_fee_per_gas = Amount::from_base_units(1)),
        ("BLK-07-gas_used", |header| header.gas_used = Gas::new(20_999)),
        ("BLK-07-receipts_root", |header| header.receipts_root = ReceiptsRoot::from_bytes([1; 32])),
        ("BLK-07-state_root", |header| header.state_root = StateRoot::from_bytes([1; 32])),
        ("TIM-01-before_parent", |header| header.timestamp = Timestamp::new(START.get() - 1)),
        ("BEA-02-proof_over_something_else", |header| {
            let keys = Keys::of(0);
            let proof = keys.vrf().prove(b"another beacon").unwrap();
            header.beacon_proof = Some(BeaconProof { validator: keys.address(), proof });
        }),
    ];
    let pre = genesis();
    let transfer = signed(&pre, &user_key(0), transfer(), |_| {}).signed().clone();
    let case = |edit: Edit| Case::new(&pre, block(&pre, Vec::new(), vec![transfer.clone()], edit));
    edits.into_iter().map(|(name, edit)| (name, case(edit))).collect()
}

fn transactions() -> Vec<(&'static str, Case)> {
    let pre = genesis();
    let with =
        |transactions: Vec<SignedTransaction>| Case::new(&pre, block(&pre, Vec::new(), transactions, |_| {}));
    let edited = |edit: fn(&mut Transaction)| {
        with(vec![signed(&pre, &user_key(0), transfer(), edit).signed().clone()])
    };
    let mut foreign = pre.chain;
    foreign.chain_id = ChainId::new(1).unwrap();
    let foreign = crate::network::transaction(&foreign, Nonce::ZERO, transfer()).sign(&foreign, &user_key(0));
    vec![
        ("TX-01-other_network", with(vec![foreign])),
        ("TX-02-nonce_ahead", edited(|transaction| transaction.nonce = Nonce::new(1))),
        (
            "TX-03-fee_under_base_fee",
            edited(|transaction| {
                transaction.max_fee_per_gas = Amount::from_base_units(1);
                transaction.max_priority_fee_per_gas = Amount::ZERO;
            }),
        ),
        ("TX-03-tip_over_fee", edited(|transaction| transaction.max_priority_fee_per_gas = Amount::DFSN)),
        ("TX-04-fee_over_balance", edited(|transaction| transaction.max_fee_per_gas = Amount::DFSN)),
    ]
}

fn upgrades() -> Vec<(&'static str, Case)> {
    let pre = genesis();
    let at = |ms: u64, version: u64, cheaper: bool| {
        let activation = START.after(DurationMs::new(ms));
        let announced = Timestamp::new(activation.get() - UpgradeSchedule::NOTICE_MS.get());
        let mut params = pre.params.clone();
        params.economics.price_min = Amount::from_base_units(1);
        let rule_version = RuleVersion::new(version);
        Upgrade { announced, activation, rule_version, new_params: cheaper.then_some(params) }
    };
    let case = |parent: &ChainState, upgrade: Upgrade| {
        let upgrades = UpgradeSchedule::new(BoundedVec::new(vec![upgrade]).unwrap()).unwrap();
        let rules = dfsn_consensus::Rules::new(upgrades.clone()).unwrap();
        let time = parent.tip.timestamp.after(DurationMs::new(TICK_MS));
        let state = rules.at(parent, time).map_or_else(|_| parent.clone(), |state| state.into_owned());
        Case { pre: parent.clone(), upgrades, block: block(&state, Vec::new(), Vec::new(), |_| {}) }
    };
    let mut later = pre.clone();
    later.tip.height = BlockHeight::new(1);
    later.tip.timestamp = START.after(DurationMs::new(1_000));
    vec![
        ("UPG-03-new_parameters", case(&pre, at(TICK_MS, 1, true))),
        ("UPG-03-not_yet", case(&pre, at(TICK_MS + 1, 1, true))),
        ("UPG-04-unknown_version", case(&pre, at(TICK_MS, 2, false))),
        ("UPG-05-missed", case(&later, at(500, 1, true))),
    ]
}
