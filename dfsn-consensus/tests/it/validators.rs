//! The life of a validator: stake that warms up, jail, leaving, tombstones, owners.

use dfsn_consensus::state::{ChainState, Outcome, Phase, Stage};
use dfsn_consensus::transition::{BlockContext, Execution};
use dfsn_types::{
    Address, Amount, DurationMs, Event, Fault, JobId, PairStatus, SecretKey, TransactionKind,
    TransactionStatus, ValidatorStatus,
};

use crate::failures::{fails, register};
use crate::network::forge::signed;
use crate::network::node::Keys;
use crate::network::setup::{pair, user_key};
use crate::network::{BUILDER, Behaviour, Network, Seat, Setup, Working, usual_request};

const DAY_MS: u64 = 86_400_000;

fn owner(node: usize) -> SecretKey {
    Keys::of(node).owner
}

fn stake(dfsn: u64) -> TransactionKind {
    TransactionKind::Stake { amount: Amount::from_dfsn(dfsn) }
}

fn unstake(dfsn: u64) -> TransactionKind {
    TransactionKind::Unstake { amount: Amount::from_dfsn(dfsn) }
}

/// Sends a transaction that must succeed, in a block of its own.
fn succeeds(network: &mut Network, key: &SecretKey, kind: TransactionKind) {
    let id = network.send(key, kind);
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.failed_rule(&id), None);
}

fn status(network: &Network, node: usize) -> ValidatorStatus {
    network.state().validators.get(&network.address(node)).unwrap().status()
}

/// Lets time pass, and a block be built.
fn pass(network: &mut Network, ms: u64) {
    let transfer = TransactionKind::Transfer { to: BUILDER, amount: Amount::from_base_units(1) };
    network.send(&user_key(2), transfer);
    assert!(network.seal(ms).unwrap());
}

fn open_sortition(network: &mut Network) -> (JobId, Amount) {
    let seed = u32::try_from(network.blocks.len()).unwrap();
    let job = network.request(0, seed);
    network.until(|network| network.phase(&job) == Some(&Phase::Claiming));
    let sortition = network.state().sortition(network.job(&job)).unwrap();
    (job, sortition.stake_eligible)
}

#[test]
fn aud_01_stake_counts_after_its_warm_up() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let auditor = network.address(1);
    network.send(&user_key(1), TransactionKind::Transfer { to: auditor, amount: Amount::from_dfsn(900) });
    network.seal(1_000).unwrap();
    succeeds(&mut network, &owner(1), stake(900));
    let (job, eligible) = open_sortition(&mut network);
    assert_eq!(network.state().validators.get(&auditor).unwrap().stake(), Amount::from_dfsn(2_900));
    let counted = |network: &Network, job: &JobId| {
        network.state().sortition_stake(network.job(job), network.state().validators.get(&auditor).unwrap())
    };
    assert_eq!(counted(&network, &job), Amount::from_dfsn(2_000), "what came lately does not count");
    assert_eq!(eligible, Amount::from_dfsn(6_000));
    // Not even when the hour passes while the job is open.
    pass(&mut network, 3_600_000);
    assert_eq!(counted(&network, &job), Amount::from_dfsn(2_000));
    network.finish(&job, 60);
    let (later, eligible) = open_sortition(&mut network);
    assert_eq!(counted(&network, &later), Amount::from_dfsn(2_900));
    assert_eq!(eligible, Amount::from_dfsn(6_900));
    // What was taken out does not count either, warm or not.
    succeeds(&mut network, &owner(1), unstake(1_500));
    assert_eq!(counted(&network, &later), Amount::from_dfsn(1_400));
}

/// A worker that stays silent and is jailed; its job is over.
fn jailed() -> Network {
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::Mute), 3));
    let job = network.request(0, 1);
    network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.is_ended()));
    assert_eq!(status(&network, 0), ValidatorStatus::Jailed);
    network.nodes[0].behaviour = Behaviour::HONEST;
    network
}

#[test]
fn pen_06_jail_does_not_end_by_itself() {
    let mut network = jailed();
    network.now = network.now.after(DurationMs::new(8 * DAY_MS));
    let job = network.request_with(0, dfsn_types::GenerationRequest { unaudited: true, ..usual_request(9) });
    let outcome = network.finish(&job, 200);
    assert_eq!(outcome, Outcome::Refunded(dfsn_types::RefundReason::Expired), "nobody else works");
    succeeds(&mut network, &owner(0), TransactionKind::Unjail);
    assert_eq!(status(&network, 0), ValidatorStatus::Bonded);
    let job = network.request(0, 10);
    let outcome = network.finish(&job, 60);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
}

#[test]
fn val_01_unjail_too_early_or_without_a_jail_fails() {
    let mut network = jailed();
    fails(&mut network, &owner(0), TransactionKind::Unjail, "VAL-01");
    fails(&mut network, &owner(1), TransactionKind::Unjail, "VAL-01");
    fails(&mut network, &user_key(0), TransactionKind::Unjail, "STK-01");
    let until = network.state().validators.get(&network.address(0)).unwrap().jailed_until.unwrap();
    let left = until.since(network.now).get();
    pass(&mut network, left - 2_000);
    fails(&mut network, &owner(0), TransactionKind::Unjail, "VAL-01");
    succeeds(&mut network, &owner(0), TransactionKind::Unjail);
    assert!(network.events.contains(&Event::Unjailed { validator: network.address(0) }));
}

#[test]
fn tst_07_jailed_validator_asks_for_no_test() {
    let mut network = jailed();
    fails(&mut network, &owner(0), TransactionKind::TestHardware { pair: pair() }, "TST-07");
}

#[test]
fn val_02_who_takes_stake_out_leaves_and_finishes_what_it_accepted() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let job = network.request(0, 1);
    network.until(|network| {
        network.state().jobs.get(&job).is_some_and(|job| matches!(job.stage, Stage::Accepted { .. }))
    });
    let free = network.state().validators.get(&network.address(0)).unwrap().free.amount();
    succeeds(&mut network, &owner(0), TransactionKind::Unstake { amount: free });
    assert_eq!(status(&network, 0), ValidatorStatus::Exiting);
    let outcome = network.finish(&job, 60);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    // It gets nothing new, and stays only with enough stake and another test.
    assert!(
        !network
            .state()
            .validators
            .get(&network.address(0))
            .unwrap()
            .serves(&pair(), Amount::from_dfsn(1_000))
    );
    network.send(
        &user_key(1),
        TransactionKind::Transfer { to: network.address(0), amount: Amount::from_dfsn(950) },
    );
    network.seal(1_000).unwrap();
    succeeds(&mut network, &owner(0), stake(1_000));
    assert_eq!(status(&network, 0), ValidatorStatus::Bonded);
    let record = network.state().validators.get(&network.address(0)).unwrap().pairs[&pair()];
    assert_eq!(record.status, PairStatus::Trial);
    assert_eq!(record.clean_jobs, 1, "what it has behind it stays");
}

#[test]
fn val_02_stake_under_the_minimum_for_three_days_means_to_leave() {
    let mut setup = Setup::worker(Behaviour::working(Working::Mute), 3);
    setup.seats[0].stake = Amount::from_dfsn(1_000);
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.slashes_of(&job).len() == 1);
    let (worker, min) = (network.address(0), Amount::from_dfsn(1_000));
    assert!(network.state().validators.get(&worker).unwrap().stake() < min);
    let active = |network: &Network| {
        network.state().validators.get(&worker).unwrap().pairs[&pair()].status == PairStatus::Active
    };
    pass(&mut network, 3 * DAY_MS - 10_000);
    assert!(
        active(&network) && !network.state().validators.get(&worker).unwrap().exiting,
        "three days to add some"
    );
    pass(&mut network, 10_000);
    assert!(!active(&network) && network.state().validators.get(&worker).unwrap().exiting);
    assert!(network.events.contains(&Event::Exiting { validator: worker }));

    // With enough again in time nothing happens.
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.slashes_of(&job).len() == 1);
    succeeds(&mut network, &owner(0), stake(50));
    pass(&mut network, 4 * DAY_MS);
    assert!(active(&network) && !network.state().validators.get(&worker).unwrap().exiting);
}

/// The next block on a state, with what happens in it.
fn block(state: &ChainState, happens: impl FnOnce(&mut Execution)) -> (ChainState, Vec<TransactionStatus>) {
    let timestamp = state.tip.timestamp.after(DurationMs::new(1_000));
    let context = BlockContext { timestamp, fee_recipient: BUILDER, beacon_proof: None };
    let mut execution = Execution::open(state, &context).unwrap();
    happens(&mut execution);
    let executed = execution.close();
    let statuses = executed.receipts.transactions.into_iter().map(|receipt| receipt.status).collect();
    (executed.state, statuses)
}

#[test]
fn val_03_tombstoned_validator_gets_nothing_new_for_ever() {
    let network = Network::new(&Setup::of(vec![Seat::new(Behaviour::HONEST); 4]));
    let (name, key) = (network.address(0), owner(0));
    let (state, _) = block(network.state(), |block| block.tombstone(name));
    assert_eq!(state.validators.get(&name).unwrap().status(), ValidatorStatus::Tombstoned);
    assert!(!state.validators.get(&name).unwrap().serves(&pair(), Amount::ZERO));
    let refused = TransactionStatus::Failed { rule: dfsn_types::RuleId::new("VAL-03").unwrap() };
    for kind in [stake(1), register(&network, |_| {}), TransactionKind::TestHardware { pair: pair() }] {
        let (_, statuses) = block(&state, |block| {
            block.apply_transaction(&signed(&state, &key, kind, |_| {})).unwrap();
        });
        assert_eq!(statuses.as_slice(), std::slice::from_ref(&refused));
    }
    // What is free may go; with the last of it the record goes, and the account may start anew.
    let (mut state, statuses) = block(&state, |block| {
        block.apply_transaction(&signed(&state, &key, unstake(2_000), |_| {})).unwrap();
    });
    assert_eq!(statuses, [TransactionStatus::Succeeded]);
    assert_eq!(state.validators.get(&name).unwrap().status(), ValidatorStatus::Tombstoned);
    state.tip.timestamp = state.tip.timestamp.after(DurationMs::new(7 * DAY_MS));
    let (state, _) = block(&state, |_| {});
    assert!(!state.validators.contains_key(&name));
    let (state, statuses) = block(&state, |block| {
        block.apply_transaction(&signed(&state, &key, stake(2_000), |_| {})).unwrap();
    });
    assert_eq!(statuses, [TransactionStatus::Succeeded]);
    assert_eq!(state.validators.get(&name).unwrap().status(), ValidatorStatus::Bonded);
    assert!(state.validators.get(&name).unwrap().registration.is_none());
}

fn change_owner(to: Address) -> TransactionKind {
    TransactionKind::ChangeOwner { to }
}

#[test]
fn val_04_validator_changes_its_owner_after_a_week() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let (name, heir) = (network.address(0), network.user(0));
    succeeds(&mut network, &owner(0), change_owner(heir));
    pass(&mut network, 7 * DAY_MS - 2_000);
    assert_eq!(network.state().validators.get(&name).unwrap().owner, name, "not a moment earlier");
    succeeds(&mut network, &owner(0), unstake(500));
    pass(&mut network, 1_000);
    assert_eq!(network.state().validators.get(&name).unwrap().owner, heir);
    assert!(network.events.contains(&Event::OwnerChanged { validator: name, owner: heir }));
    // The old one has nothing to say, the new one has; what was taken out before is paid to the new one.
    fails(&mut network, &owner(0), unstake(1), "STK-01");
    succeeds(&mut network, &user_key(0), unstake(100));
    let before = network.state().balance(&heir);
    pass(&mut network, 7 * DAY_MS);
    let gained = network.state().balance(&heir).checked_sub(before);
    assert_eq!(gained, Some(Amount::from_dfsn(600)));
    // Its name stays, and it works on under its keys.
    let job = network.request(1, 1);
    let outcome = network.finish(&job, 60);
    assert!(matches!(outcome, Outcome::Settled { worker, .. } if worker == name), "{outcome:?}");
}

#[test]
fn val_04_old_owner_takes_a_change_back() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let (name, thief) = (network.address(0), network.user(0));
    succeeds(&mut network, &owner(0), change_owner(thief));
    succeeds(&mut network, &owner(0), change_owner(name));
    assert_eq!(network.state().validators.get(&name).unwrap().owner_change, None);
    pass(&mut network, 8 * DAY_MS);
    assert_eq!(network.state().validators.get(&name).unwrap().owner, name);
    fails(&mut network, &user_key(0), change_owner(thief), "STK-01");
}

#[test]
fn val_04_account_owns_one_validator_at_most() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.economics.stake_min = Amount::from_dfsn(100);
    let mut network = Network::new(&setup);
    let (name, heir) = (network.address(0), network.user(0));
    let other = network.address(1);
    fails(&mut network, &owner(0), change_owner(other), "VAL-04");
    succeeds(&mut network, &owner(0), change_owner(heir));
    // The new owner gets a validator of its own meanwhile: the change lapses.
    succeeds(&mut network, &user_key(0), stake(200));
    pass(&mut network, 8 * DAY_MS);
    assert_eq!(network.state().validators.get(&name).unwrap().owner, name);
    assert_eq!(network.state().validators.get(&name).unwrap().owner_change, None);
    assert_eq!(network.state().owners.get(&heir), Some(&heir));
}

#[test]
fn val_05_name_of_a_validator_that_was_given_away() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let heir = network.user(0);
    succeeds(&mut network, &owner(0), change_owner(heir));
    pass(&mut network, 8 * DAY_MS);
    fails(&mut network, &owner(0), stake(1_000), "VAL-05");
}

#[test]
fn val_06_leaving_forgets_neither_jail_nor_faults() {
    let mut network = jailed();
    let (name, old) =
        (network.address(0), network.state().validators.get(&network.address(0)).unwrap().clone());
    let all = TransactionKind::Unstake { amount: old.free.amount() };
    succeeds(&mut network, &owner(0), all);
    assert_eq!(status(&network, 0), ValidatorStatus::Exited);
    network.send(&user_key(1), TransactionKind::Transfer { to: name, amount: Amount::from_dfsn(950) });
    network.seal(1_000).unwrap();
    succeeds(&mut network, &owner(0), stake(1_000));
    let again = &network.state().validators.get(&name).unwrap();
    assert_eq!(again.status(), ValidatorStatus::Jailed);
    assert_eq!((again.jailed_until, again.missed_deadlines), (old.jailed_until, old.missed_deadlines));
    // Only when everything is paid out and the jail is over does the record go.
    succeeds(&mut network, &owner(0), unstake(1_000));
    pass(&mut network, 7 * DAY_MS - 10_000);
    assert!(network.state().validators.contains_key(&name));
    pass(&mut network, 10_000);
    assert!(!network.state().validators.contains_key(&name));
    assert!(network.events.contains(&Event::Exited { validator: name }));
    assert!(!network.state().owners.contains_key(&name));
}

#[test]
fn val_06_record_outlives_a_jail_that_is_longer_than_the_unbonding() {
    let mut setup = Setup::worker(Behaviour::working(Working::Mute), 3);
    setup.params.windows.unbonding_ms = DurationMs::new(DAY_MS);
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.is_ended()));
    let free = network.state().validators.get(&network.address(0)).unwrap().free.amount();
    succeeds(&mut network, &owner(0), TransactionKind::Unstake { amount: free });
    pass(&mut network, 2 * DAY_MS);
    assert_eq!(network.state().validators.get(&network.address(0)).unwrap().unbonding, Amount::ZERO);
    assert_eq!(status(&network, 0), ValidatorStatus::Exited);
    pass(&mut network, 5 * DAY_MS);
    assert!(!network.state().validators.contains_key(&network.address(0)));
}

#[test]
fn val_06_record_of_a_validator_that_lost_everything_goes_in_time() {
    let mut setup = Setup::worker(Behaviour::working(Working::NeverOpens), 3);
    setup.params.economics.stake_min = Amount::DFSN;
    let network = Network::new(&setup);
    let price = network.state().models.get(&pair().model).unwrap().work_units(&usual_request(1).params);
    let lock = usual_request(1).price_per_unit.checked_mul(price.get()).unwrap().checked_mul(100).unwrap();
    setup.seats[0].stake = lock;
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| !network.slashes_of(&job).is_empty());
    assert_eq!(network.slashes_of(&job), [(network.address(0), Fault::Silence, lock)]);
    assert_eq!(status(&network, 0), ValidatorStatus::Exited);
    pass(&mut network, 6 * DAY_MS);
    assert!(network.state().validators.contains_key(&network.address(0)));
    pass(&mut network, DAY_MS);
    assert!(!network.state().validators.contains_key(&network.address(0)));
}
