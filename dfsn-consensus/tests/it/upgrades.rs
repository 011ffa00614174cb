//! Rules that change at a time that was announced.

use dfsn_consensus::state::Phase;
use dfsn_consensus::store::MemoryStore;
use dfsn_consensus::vm::{ChainVm, Vm, VmConfig, VmError};
use dfsn_consensus::{Mempool, MempoolLimits, RULE_VERSION, Rules, UpgradeError};
use dfsn_types::{
    Amount, BoundedVec, ConsensusParams, DurationMs, PairStatus, RuleVersion, Timestamp, TransactionKind,
    Upgrade, UpgradeSchedule, UpgradeScheduleError, ValidatorStatus,
};

use crate::network::setup::{START, pair, sealer, user_key};
use crate::network::{BUILDER, Behaviour, Network, Setup};

const DAY_MS: u64 = 86_400_000;

fn after(ms: u64) -> Timestamp {
    START.after(DurationMs::new(ms))
}

/// An upgrade that was announced in time.
fn upgrade(activation: Timestamp, version: u64, new_params: Option<ConsensusParams>) -> Upgrade {
    let announced = Timestamp::new(activation.get() - UpgradeSchedule::NOTICE_MS.get());
    Upgrade { announced, activation, rule_version: RuleVersion::new(version), new_params }
}

fn schedule(upgrades: Vec<Upgrade>) -> Result<UpgradeSchedule, UpgradeScheduleError> {
    UpgradeSchedule::new(BoundedVec::new(upgrades).unwrap_or_default())
}

fn rules(upgrades: Vec<Upgrade>) -> Rules {
    Rules::new(schedule(upgrades).unwrap()).unwrap()
}

fn transfer(network: &mut Network) {
    let kind = TransactionKind::Transfer { to: BUILDER, amount: Amount::from_base_units(1) };
    network.send(&user_key(2), kind);
}

#[test]
fn upg_01_upgrades_follow_each_other() {
    let (first, later) = (after(1_000), after(2_000));
    assert!(schedule(vec![upgrade(first, 2, None), upgrade(later, 2, None)]).is_ok());
    for (second, error) in [
        (upgrade(first, 2, None), UpgradeScheduleError::Order { activation: first, before: first }),
        (
            upgrade(later, 1, None),
            UpgradeScheduleError::Version {
                activation: later,
                version: RuleVersion::FIRST,
                before: RuleVersion::new(2),
            },
        ),
    ] {
        assert_eq!(schedule(vec![upgrade(first, 2, None), second]), Err(error));
    }
    assert!(schedule(vec![upgrade(first, 0, None)]).is_err(), "there is no version 0");
}

#[test]
fn upg_02_upgrades_are_announced_a_week_before() {
    let mut hasty = upgrade(after(0), 2, None);
    hasty.announced = hasty.announced.after(DurationMs::new(1));
    let (activation, announced) = (hasty.activation, hasty.announced);
    assert_eq!(schedule(vec![hasty]), Err(UpgradeScheduleError::Notice { activation, announced }));
}

#[test]
fn upg_03_numbers_out_of_bounds_are_refused_when_the_schedule_is_loaded() {
    let mut params = ConsensusParams::default();
    params.windows.claim_ms = DurationMs::ZERO;
    let error = Rules::new(schedule(vec![upgrade(after(0), 1, Some(params))]).unwrap()).unwrap_err();
    assert!(matches!(error, UpgradeError::Params { error, .. } if error.name == "claim_ms"), "{error}");
}

#[test]
fn upg_03_new_numbers_are_in_force_from_the_first_block_of_their_time() {
    let mut setup = Setup::worker(Behaviour::HONEST, 4);
    setup.seats[1].stake = Amount::from_dfsn(5_000);
    let mut params = setup.params.clone();
    params.economics.stake_min = Amount::from_dfsn(3_000);
    params.chain.clock_step_ms = DurationMs::new(1_000);
    setup.rules = rules(vec![upgrade(after(100_000), 1, Some(params.clone()))]);
    let mut network = Network::new(&setup);
    transfer(&mut network);
    network.seal(99_999).unwrap();
    assert_eq!(network.state().params, setup.params, "not a moment earlier");
    let clock = network.state().tip.clock;
    transfer(&mut network);
    network.seal(1).unwrap();
    assert_eq!(network.state().params, params);
    assert_eq!(network.state().upgraded_at, after(100_000));
    transfer(&mut network);
    network.seal(60_000).unwrap();
    assert_eq!(network.state().tip.clock, clock.after(DurationMs::new(1 + 1_000)), "the step is another one");

    // Who has too little now is given the same three days as after a penalty.
    let record = |network: &Network, node: usize| {
        network.state().validators.get(&network.address(node)).unwrap().clone()
    };
    assert!(!record(&network, 0).serves(&pair(), params.economics.stake_min));
    assert!(record(&network, 1).serves(&pair(), params.economics.stake_min));
    assert_eq!(record(&network, 0).under_minimum_since, Some(after(100_000)));
    transfer(&mut network);
    network.seal(3 * DAY_MS).unwrap();
    assert_eq!(record(&network, 0).status(), ValidatorStatus::Exiting);
    assert_eq!(record(&network, 0).pairs[&pair()].status, PairStatus::Trial);
    assert_eq!(record(&network, 1).status(), ValidatorStatus::Bonded);
}

#[test]
fn upg_03_several_upgrades_may_be_due_in_one_block() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    let mut numbers = Vec::new();
    for step in 1..4 {
        let mut params = setup.params.clone();
        params.chain.clock_step_ms = DurationMs::new(step * 1_000);
        numbers.push(upgrade(after(step * 10_000), 1, Some(params)));
    }
    // One that is older than the network is in force from its first block on.
    let before = upgrade(Timestamp::new(START.get() - 1), 1, None);
    setup.rules = rules([vec![before], numbers].concat());
    let mut network = Network::new(&setup);
    transfer(&mut network);
    network.seal(1_000).unwrap();
    assert_eq!(network.state().upgraded_at.get(), START.get() - 1);
    transfer(&mut network);
    network.seal(DAY_MS).unwrap();
    assert_eq!(network.state().upgraded_at, after(30_000));
    assert_eq!(network.state().params.chain.clock_step_ms, DurationMs::new(3_000));
}

#[test]
fn upg_03_open_jobs_live_through_an_upgrade() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    let mut params = setup.params.clone();
    params.penalties.collateral_prices = 200;
    params.penalties.answer_fees = 20;
    params.windows.claim_ms = DurationMs::new(60_000);
    setup.rules = rules(vec![upgrade(after(70_000), 1, Some(params))]);
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Claiming));
    assert!(network.state().upgraded_at == Timestamp::ZERO, "the job was there before");
    let outcome = network.finish(&job, 100);
    assert_eq!(network.state().upgraded_at, after(70_000));
    assert!(matches!(outcome, dfsn_consensus::state::Outcome::Settled { .. }), "{outcome:?}");
    assert_eq!(network.slashes(), []);
}

fn node(setup: &Setup, rules: Rules) -> ChainVm<MemoryStore> {
    let config = VmConfig {
        only_builder: Some(sealer().public_key()),
        builder_key: sealer(),
        fee_recipient: BUILDER,
        beacon: None,
        rules,
    };
    ChainVm::open(MemoryStore::default(), &setup.state(), Mempool::new(MempoolLimits::default()), config)
        .unwrap()
}

#[test]
fn upg_04_node_stops_before_rules_it_does_not_know_and_blames_no_block() {
    let setup = Setup::worker(Behaviour::HONEST, 3);
    let mut network = Network::new(&setup);
    transfer(&mut network);
    network.seal(99_999).unwrap();
    transfer(&mut network);
    network.seal(1).unwrap();
    let next = RULE_VERSION.get() + 1;
    let rules = rules(vec![upgrade(after(100_000), next, None)]);
    assert_eq!(
        rules.unknown().map(|upgrade| upgrade.activation),
        Some(after(100_000)),
        "it can tell beforehand"
    );
    assert_eq!(Rules::default().unknown(), None);
    let mut old = node(&setup, rules);
    let [before, after_it] = network.blocks.as_slice() else { panic!("two blocks") };
    old.verify(before.clone(), network.now).unwrap();
    old.accept(&before.hash()).unwrap();
    let stopped = old.verify(after_it.clone(), network.now).unwrap_err();
    let VmError::Upgrade(error @ UpgradeError::UnknownVersion { activation, version }) = stopped else {
        panic!("{stopped}")
    };
    assert_eq!((activation, version.get()), (after(100_000), next));
    assert!(error.to_string().contains(&format!("install a release that knows {next}")), "{error}");
    // Nor does it build one.
    let waiting = crate::network::forge::signed(
        old.state(),
        &user_key(0),
        TransactionKind::Transfer { to: BUILDER, amount: Amount::DFSN },
        |_| {},
    );
    old.submit_transaction(waiting.signed().clone()).unwrap();
    assert!(matches!(old.build(network.now), Err(VmError::Upgrade(_))));
    assert_eq!(old.last_accepted(), before.hash());
    assert!(old.build(after(99_999)).unwrap().is_some(), "before that it goes on");
}

#[test]
fn upg_05_state_that_went_past_an_upgrade_is_not_built_upon() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    transfer(&mut network);
    network.seal(100_000).unwrap();
    let rules = rules(vec![upgrade(after(50_000), 1, None)]);
    let (activation, tip) = (after(50_000), after(100_000));
    assert_eq!(
        rules.at(network.state(), after(110_000)).unwrap_err(),
        UpgradeError::Missed { activation, tip }
    );
}
