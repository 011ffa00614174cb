//! Penalties wait before they are paid out.

use dfsn_consensus::state::Supply;
use dfsn_types::{Amount, DurationMs, Event, JobId};

use crate::network::{Behaviour, Network, Setup, Working};

const WEEK_MS: u64 = 604_800_000;

/// A wrong result whose penalty is held for a week.
fn convicted() -> (Network, JobId) {
    let mut setup = Setup::worker(Behaviour::working(Working::Garbage), 3);
    setup.params.windows.hold_ms = DurationMs::new(WEEK_MS);
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.attempt_is_over(&job));
    (network, job)
}

fn paid(network: &Network) -> Option<(Amount, Amount)> {
    network.events.iter().find_map(|event| match event {
        Event::HoldPaid { paid, burned, .. } => Some((*paid, *burned)),
        _ => None,
    })
}

#[test]
fn hld_01_penalty_is_held_before_anybody_has_it() {
    let (network, job) = convicted();
    let penalty = network.job(&job).price.checked_mul(10).unwrap();
    assert_eq!(Supply::of(network.state()).held, penalty);
    assert_eq!(network.state().holds.len(), 1);
    assert_eq!(paid(&network), None);
}

#[test]
fn hld_02_penalty_is_paid_out_when_its_time_is_over() {
    let (mut network, job) = convicted();
    let penalty = network.job(&job).price.checked_mul(10).unwrap();
    let before: Vec<Amount> = (1..4).map(|node| network.wealth(node)).collect();
    network.until(|network| network.job_is_over(&job));
    network.request(1, 2);
    network.seal(WEEK_MS / 2).unwrap();
    assert_eq!(paid(&network), None, "half a week is too early");
    network.request(1, 3);
    network.seal(WEEK_MS).unwrap();
    let (rewards, burned) = paid(&network).unwrap();
    assert_eq!(rewards.checked_add(burned), Some(penalty));
    assert_eq!(
        rewards,
        penalty.split(2).split(3).checked_mul(3).unwrap(),
        "half of it to three who were right"
    );
    for (node, before) in (1..4).zip(before) {
        assert!(network.wealth(node) >= before.checked_add(penalty.split(6)).unwrap());
    }
    assert_eq!(Supply::of(network.state()).held, Amount::ZERO);
}
