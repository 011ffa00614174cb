//! The life of a job when everybody is honest.

use dfsn_consensus::state::{Outcome, Phase, Stage};
use dfsn_types::{Amount, Event};

use crate::network::{BUILDER, Behaviour, Network, Setup};

#[test]
fn request_is_drawn_accepted_committed_audited_and_settled() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let before: Vec<Amount> = (0..4).map(|node| network.wealth(node)).collect();
    let money = network.state().balance(&network.user(0));
    let job = network.request(0, 42);
    let outcome = network.finish(&job, 60);

    let worker = network.address(0);
    assert!(matches!(outcome, Outcome::Settled { worker: paid, .. } if paid == worker), "{outcome:?}");
    assert_eq!(network.slashes(), []);
    let (price, fee) = (network.job(&job).price, network.job(&job).audit_fee);
    // 90 % to the worker, of which each of three auditors gets its fee; 5 % to the builder; the rest burned.
    let part = Amount::from_base_units(price.base_units() * 9 / 10);
    let fees = fee.checked_mul(3).unwrap();
    assert_eq!(network.wealth(0).checked_sub(before[0]), part.checked_sub(fees));
    for (auditor, before) in before.iter().enumerate().skip(1) {
        assert_eq!(network.wealth(auditor).checked_sub(*before), Some(fee));
    }
    let built = network.state().balance(&BUILDER);
    assert!(
        built >= Amount::from_base_units(price.base_units() / 20),
        "the builder's share and tips: {built}"
    );
    let paid = money.checked_sub(network.state().balance(&network.user(0))).unwrap();
    let fees: u128 = network.receipts.values().map(|receipt| receipt.fee.base_units()).sum();
    assert_eq!(paid.base_units(), price.base_units() + fees, "the user pays the price and its fees");
}

#[test]
fn stages_follow_each_other_and_no_stage_is_skipped() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let job = network.request(0, 1);
    network.finish(&job, 60);
    let names: Vec<&str> = network.events.iter().filter_map(name).collect();
    let audits = ["claimed", "claimed", "claimed", "answered", "answered", "answered"];
    let order =
        [&["requested", "drawn", "accepted", "committed"], &audits[..], &["opened", "settled"]].concat();
    let without_receipt: Vec<&str> = names.into_iter().filter(|name| *name != "delivered").collect();
    assert_eq!(without_receipt, order);
}

fn name(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::JobRequested { .. } => "requested",
        Event::JobDrawn { .. } => "drawn",
        Event::JobAccepted { .. } => "accepted",
        Event::JobCommitted { .. } => "committed",
        Event::AuditClaimed { .. } => "claimed",
        Event::AuditAnswered { .. } => "answered",
        Event::AuditOpened { .. } => "opened",
        Event::Delivered { .. } => "delivered",
        Event::JobSettled { .. } => "settled",
        _ => return None,
    })
}

#[test]
fn quiet_chain_finishes_a_job() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    assert!(!network.seal(60_000).unwrap(), "a quiet chain without jobs builds nothing");
    let job = network.request(0, 1);
    let outcome = network.finish(&job, 60);
    assert!(matches!(outcome, Outcome::Settled { .. }));
    // Nothing but heartbeats closed the windows, and with no job left the chain is quiet again.
    assert!(
        network
            .blocks
            .iter()
            .any(|block| block.body().duties.is_empty() && block.body().transactions.is_empty())
    );
    network.ticks(3);
    assert!(!network.seal(60_000).unwrap());
}

#[test]
fn settled_only_when_delivered() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    network.sends_receipts = false;
    let before = network.wealth(0);
    let job = network.request(0, 1);
    network.until(|network| is_delivering(network, &job));
    network.tick();
    assert_eq!(network.wealth(0), before, "an audited result is not paid before it is delivered");
    network.sends_receipts = true;
    let outcome = network.finish(&job, 5);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    assert!(network.wealth(0) > before);
}

fn is_delivering(network: &Network, job: &dfsn_types::JobId) -> bool {
    let stage = network.state().jobs.get(job).map(|job| &job.stage);
    matches!(stage, Some(Stage::Committed(committed)) if committed.phase == Phase::Delivering)
}
