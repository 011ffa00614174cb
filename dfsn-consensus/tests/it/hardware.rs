//! Hardware tests: how a newcomer's pair becomes active.

use dfsn_consensus::state::Outcome;
use dfsn_types::{
    Amount, ComputeUpdate, DurationMs, Event, Fault, JobId, PairOffer, PairStatus, RefundReason,
    TransactionKind,
};

use crate::network::node::Keys;
use crate::network::setup::{pair, registration};
use crate::network::{Answering, Behaviour, Network, Seat, Setup, Working};

/// Node 0 has stake and keys but no pair; four others serve the pair.
pub(crate) fn setup(behaviour: Behaviour) -> Setup {
    let mut seats = vec![Seat { serves: false, ..Seat::new(behaviour) }];
    seats.extend((0..4).map(|_| Seat::new(Behaviour::HONEST)));
    Setup::of(seats)
}

pub(crate) fn newcomer(behaviour: Behaviour) -> Network {
    registered(&setup(behaviour))
}

/// Node 0 has registered the pair, which is on trial.
pub(crate) fn registered(setup: &Setup) -> Network {
    let mut network = Network::new(setup);
    let keys = Keys::of(0);
    let offers = vec![PairOffer { pair: pair(), capacity: 1, min_price: Amount::ZERO }];
    let registration = registration(&keys, offers);
    let chain = &network.state().chain;
    let possession = registration
        .prove_possession(chain, &keys.address(), &keys.duty, &keys.compute, &keys.vrf())
        .unwrap();
    let update = ComputeUpdate { registration, possession };
    let id = network.send(&keys.owner, TransactionKind::RegisterCompute(Box::new(update)));
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.failed_rule(&id), None);
    assert_eq!(status(&network), PairStatus::Trial);
    network
}

fn status(network: &Network) -> PairStatus {
    network.state().validators.get(&network.address(0)).unwrap().pairs[&pair()].status
}

fn test(network: &mut Network) -> JobId {
    let id = network.send(&Keys::of(0).owner, TransactionKind::TestHardware { pair: pair() });
    dfsn_types::Domain::JobId.hash(&id).into()
}

#[test]
fn tst_05_two_right_answers_activate_a_pair() {
    let mut network = newcomer(Behaviour::HONEST);
    let (before, fees) = (network.wealth(0), network.fees());
    let job = test(&mut network);
    let outcome = network.finish(&job, 60);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    assert_eq!(status(&network), PairStatus::Active);
    let activated = Event::PairActivated { validator: network.address(0), pair: pair() };
    assert!(network.events.contains(&activated));
    // It paid its four auditors and its transaction, nothing else.
    let paid = network.job(&job).audit_fee.checked_mul(4).unwrap();
    let fee = network.fees().checked_sub(fees).unwrap();
    assert_eq!(before.checked_sub(network.wealth(0)), paid.checked_add(fee));
}

#[test]
fn tst_05_too_few_answers_leave_a_pair_on_trial() {
    let mut network = newcomer(Behaviour::HONEST);
    for auditor in 2..5 {
        network.nodes[auditor].behaviour = Behaviour::auditing(Answering::Absent);
    }
    let job = test(&mut network);
    assert_eq!(network.finish(&job, 60), Outcome::Refunded(RefundReason::Untested));
    assert_eq!(status(&network), PairStatus::Trial);
    assert_eq!(network.slashes(), []);
    let again = test(&mut network);
    assert!(
        network.seal(1_000).unwrap() && network.state().jobs.contains_key(&again),
        "it may be asked for again"
    );
}

#[test]
fn tst_06_failed_test_costs_its_deposit() {
    let mut network = newcomer(Behaviour::working(Working::Garbage));
    let (before, fees) = (network.wealth(0), network.fees());
    let job = test(&mut network);
    assert_eq!(network.finish(&job, 100), Outcome::TestFailed);
    assert_eq!(status(&network), PairStatus::Trial);
    let deposit = network.job(&job).audit_fee.checked_mul(8).unwrap();
    let fee = network.fees().checked_sub(fees).unwrap();
    assert_eq!(before.checked_sub(network.wealth(0)), deposit.checked_add(fee));
    assert_eq!(
        network.slashes(),
        [(network.address(0), Fault::WrongResult, Amount::ZERO)],
        "a test locks nothing"
    );
}

#[test]
fn tst_05_test_with_one_answer_gives_the_rest_of_its_deposit_back() {
    let mut network = newcomer(Behaviour::HONEST);
    for auditor in 1..4 {
        network.nodes[auditor].behaviour = Behaviour::auditing(Answering::Silent);
    }
    let (before, fees) = (network.wealth(0), network.fees());
    let job = test(&mut network);
    assert_eq!(network.finish(&job, 100), Outcome::Refunded(RefundReason::Untested));
    assert_eq!(status(&network), PairStatus::Trial);
    let fee = network.fees().checked_sub(fees).unwrap();
    let paid = fee.checked_add(network.job(&job).audit_fee);
    assert_eq!(before.checked_sub(network.wealth(0)), paid, "its transaction, and the one who answered");
}

#[test]
fn tst_04_prompt_and_seed_come_from_the_beacon() {
    let mut network = newcomer(Behaviour::HONEST);
    let job = test(&mut network);
    network.until(|network| network.state().jobs.contains_key(&job));
    assert_eq!(network.job(&job).params.prompt().as_str(), "", "unknown when it is asked for");
    network.until(|network| network.job(&job).worker().is_some());
    let prompt = network.job(&job).params.prompt().as_str();
    assert!(["a fox", "a boat"].contains(&prompt), "{prompt}");
    assert_ne!(network.job(&job).params.seed(), 0);
}

#[test]
fn aud_01_vrf_key_younger_than_its_warm_up_audits_nothing() {
    let mut network = newcomer(Behaviour::HONEST);
    let job = test(&mut network);
    network.finish(&job, 60);
    assert_eq!(status(&network), PairStatus::Active);
    // Node 0 kept the key of genesis, node 1 takes a new one: only node 1 has to wait.
    rotate_vrf(&mut network, 1);
    let claimants = claimants(&mut network, 1);
    assert!(!claimants.contains(&network.address(1)));
    network.seal(3_600_000).unwrap();
    let claimants = claimants_after(&mut network);
    assert!(claimants.contains(&network.address(1)), "after an hour it counts");
}

fn rotate_vrf(network: &mut Network, node: usize) {
    let (keys, fresh) = (Keys::of(node), Keys::of(60));
    let offers = vec![PairOffer { pair: pair(), capacity: 4, min_price: Amount::DFSN }];
    let mut registration = registration(&keys, offers);
    registration.vrf_key = fresh.vrf().public_key();
    let chain = &network.state().chain;
    let possession = registration
        .prove_possession(chain, &keys.address(), &keys.duty, &keys.compute, &fresh.vrf())
        .unwrap();
    let update = ComputeUpdate { registration, possession };
    let id = network.send(&keys.owner, TransactionKind::RegisterCompute(Box::new(update)));
    network.seal(1_000).unwrap();
    assert_eq!(network.failed_rule(&id), None);
    network.nodes[node].use_vrf(fresh.vrf());
}

fn claimants(network: &mut Network, seed: u32) -> Vec<dfsn_types::Address> {
    let job = network.request(0, seed);
    network.finish(&job, 60);
    let claims = network.events.iter().filter_map(|event| match event {
        Event::AuditClaimed { job: claimed, auditor, .. } if *claimed == job => Some(*auditor),
        _ => None,
    });
    claims.collect()
}

/// As [`claimants`], with a worker other than node 1 and a heartbeat in between so that the timestamp has moved on.
fn claimants_after(network: &mut Network) -> Vec<dfsn_types::Address> {
    network.now = network.now.after(DurationMs::new(3_600_000));
    claimants(network, 2)
}
