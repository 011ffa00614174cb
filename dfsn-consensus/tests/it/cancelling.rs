//! Requests that are taken back.

use dfsn_consensus::state::{Outcome, Stage};
use dfsn_types::{Amount, Event, JobId, RefundReason, TransactionId, TransactionKind};

use crate::network::setup::user_key;
use crate::network::{Behaviour, Network, Seat, Setup, Working, usual_request};

fn cancel(network: &mut Network, user: usize, job: JobId) -> TransactionId {
    let id = network.send(&user_key(user), TransactionKind::CancelRequest { job });
    network.seal(1_000).unwrap();
    id
}

#[test]
fn can_01_request_is_taken_back_until_it_is_accepted() {
    for drawn in [false, true] {
        let mut network = Network::new(&Setup::worker(Behaviour::working(Working::NeverAccepts), 3));
        let job = network.request(0, 1);
        network.seal(1_000).unwrap();
        if drawn {
            network.until(|network| matches!(network.job(&job).stage, Stage::Drawn { .. }));
        }
        let money = network.state().balance(&network.user(0));
        let id = cancel(&mut network, 0, job);
        assert_eq!(network.failed_rule(&id), None);
        assert_eq!(network.outcome(&job), Some(&Outcome::Refunded(RefundReason::Cancelled)));
        let (price, fee) = (network.job(&job).price, network.state().params.economics.cancel_fee);
        let back = price.checked_sub(fee).unwrap().checked_sub(network.receipts[&id].fee).unwrap();
        assert_eq!(network.state().balance(&network.user(0)), money.checked_add(back).unwrap());
        let record =
            &network.state().validators.get(&network.address(0)).unwrap().pairs[&network.job(&job).pair()];
        assert_eq!(record.open_jobs, 0, "the worker has its place back");
    }
}

#[test]
fn can_01_accepted_requests_and_other_accounts() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let job = network.request(0, 1);
    network.seal(1_000).unwrap();
    let strange = cancel(&mut network, 1, job);
    assert_eq!(network.failed_rule(&strange).as_deref(), Some("RCP-02"));
    network.until(|network| matches!(network.job(&job).stage, Stage::Accepted { .. }));
    let late = cancel(&mut network, 0, job);
    assert_eq!(network.failed_rule(&late).as_deref(), Some("CAN-01"));
    let unknown = cancel(&mut network, 0, JobId::from_bytes([9; 32]));
    assert_eq!(network.failed_rule(&unknown).as_deref(), Some("RCP-01"));
}

#[test]
fn can_02_nothing_is_kept_where_nobody_serves() {
    let seats = (0..4).map(|_| Seat { serves: false, ..Seat::new(Behaviour::HONEST) }).collect();
    let mut network = Network::new(&Setup::of(seats));
    let mut request = usual_request(1);
    request.unaudited = true;
    let job = network.request_with(0, request);
    let money = network.state().balance(&network.user(0));
    network.seal(1_000).unwrap();
    cancel(&mut network, 0, job);
    let paid = money.checked_sub(network.state().balance(&network.user(0)));
    assert_eq!(paid, Some(network.fees()));
    let refund = network.events.iter().find_map(|event| match event {
        Event::JobRefunded { amount, .. } => Some(*amount),
        _ => None,
    });
    assert_eq!(refund, Some(network.job(&job).price));
    assert_ne!(refund, Some(Amount::ZERO));
}
