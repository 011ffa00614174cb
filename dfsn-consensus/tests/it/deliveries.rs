//! Pictures that arrive, by the word of the requester or of witnesses, and pictures that do not.

use dfsn_consensus::DutyError;
use dfsn_consensus::state::{Outcome, Phase, Supply};
use dfsn_types::{Amount, BasisPoints, DutyKind, Event, JobId, RefundReason};

use crate::network::{Behaviour, Network, Setup, Working};

/// An honest worker, four others, and a requester who never says that the pictures are there.
fn silent_requester(working: Working) -> (Network, JobId) {
    let mut network = Network::new(&Setup::worker(Behaviour::working(working), 4));
    network.sends_receipts = false;
    let job = network.request(0, 1);
    (network, job)
}

fn is_witnessing(network: &Network, job: &JobId) -> bool {
    matches!(network.phase(job), Some(Phase::Witnessing(_)))
}

#[test]
fn dlv_03_two_of_three_witnesses_are_a_delivery() {
    let (mut network, job) = silent_requester(Working::Honest);
    let (worker, burned) = (network.wealth(0), Supply::of(network.state()).burned);
    let outcome = network.finish(&job, 100);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    assert!(network.wealth(0) > worker, "the worker is paid without a receipt");
    let stored: Vec<_> =
        network.events.iter().filter(|event| matches!(event, Event::Stored { .. })).collect();
    assert!((2..=3).contains(&stored.len()), "{stored:?}");
    // Each has 50 bps of the price, out of what would be burned.
    let price = network.job(&job).price;
    let share = BasisPoints::new(50).unwrap().of(price);
    let of = |bps: u16| BasisPoints::new(bps).unwrap().of(price);
    let rest = price.checked_sub(of(9_000)).unwrap().checked_sub(of(500)).unwrap();
    let witnesses = 2;
    let expected = rest.checked_sub(share.checked_mul(witnesses).unwrap()).unwrap();
    let base_fees = Supply::of(network.state()).burned.checked_sub(burned).unwrap().checked_sub(expected);
    assert!(base_fees.is_some_and(|fees| fees < network.fees()), "what is left of the price is burned");
}

#[test]
fn dlv_02_witnesses_are_others_than_worker_and_requester() {
    for seed in 0..8 {
        let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 5));
        network.sends_receipts = false;
        for node in &mut network.nodes {
            node.behaviour.stores = false;
        }
        let job = network.request(0, seed);
        network.until(|network| is_witnessing(network, &job));
        let Some(Phase::Witnessing(witnesses)) = network.phase(&job) else { panic!("witnesses are asked") };
        assert_eq!((witnesses.drawn.len(), witnesses.draw), (3, 1));
        assert!(!witnesses.drawn.contains(&network.address(0)));
    }
}

#[test]
fn dlv_03_only_drawn_witnesses_are_heard_once() {
    let (mut network, job) = silent_requester(Working::Honest);
    for node in &mut network.nodes {
        node.behaviour.stores = false;
    }
    network.until(|network| is_witnessing(network, &job));
    let Some(Phase::Witnessing(witnesses)) = network.phase(&job) else { panic!("witnesses are asked") };
    let drawn = witnesses.drawn.clone();
    let is_drawn = |network: &Network, node: usize| drawn.contains(&network.address(node));
    let stranger = (0..5).find(|node| !is_drawn(&network, *node)).unwrap();
    let witness = (0..5).find(|node| is_drawn(&network, *node)).unwrap();
    let stored =
        |network: &Network, node| network.try_duty(&network.signed_duty(node, &job, DutyKind::Stored));
    assert!(matches!(stored(&network, stranger), Err(DutyError::NotAwaited { .. })));
    network.duty(witness, &job, DutyKind::Stored);
    assert!(!network.job(&job).delivered, "one of three is not enough");
    assert!(matches!(stored(&network, witness), Err(DutyError::NotAwaited { .. })), "nor one of them twice");
}

#[test]
fn withheld_image() {
    // The worker hands the pictures to nobody: two draws of witnesses later the requester has its money back.
    let (mut network, job) = silent_requester(Working::Honest);
    for node in &mut network.nodes {
        node.behaviour.stores = false;
    }
    let worker = network.wealth(0);
    assert_eq!(network.finish(&job, 200), Outcome::Refunded(RefundReason::Undelivered));
    let draws = network.events.iter().filter(|event| matches!(event, Event::WitnessesDrawn { .. }));
    assert_eq!(draws.count(), 2);
    assert_eq!((network.wealth(0), network.slashes()), (worker, vec![]), "unpaid, and not slashed");
}

#[test]
fn dlv_01_receipt_is_in_time_while_witnesses_are_asked() {
    let (mut network, job) = silent_requester(Working::Honest);
    for node in &mut network.nodes {
        node.behaviour.stores = false;
    }
    network.until(|network| is_witnessing(network, &job));
    network.sends_receipts = true;
    let outcome = network.finish(&job, 5);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
}

#[test]
fn dlv_04_too_few_validators_to_ask() {
    // Three validators: two besides the worker are enough, one is not.
    for (others, settles) in [(2, true), (1, false)] {
        let mut setup = Setup::worker(Behaviour::HONEST, others);
        setup.params.sortition.rate_ramp = dfsn_types::Ppm::new(1_000_000);
        let mut network = Network::new(&setup);
        network.sends_receipts = false;
        let mut request = crate::network::usual_request(1);
        request.unaudited = true;
        let job = network.request_with(0, request);
        let outcome = network.finish(&job, 200);
        assert_eq!(matches!(outcome, Outcome::Settled { .. }), settles, "{others} others: {outcome:?}");
    }
}

#[test]
fn witnesses_cost_the_requester_nothing() {
    let (mut network, job) = silent_requester(Working::Honest);
    let money = network.state().balance(&network.user(0));
    network.finish(&job, 100);
    let paid = money.checked_sub(network.state().balance(&network.user(0)));
    assert_eq!(paid, network.job(&job).price.checked_add(network.fees()));
    assert_ne!(network.job(&job).price, Amount::ZERO);
}
