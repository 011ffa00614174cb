//! A long run of a mixed network: honest work pays, and no cheat does.

use dfsn_consensus::state::Outcome;
use dfsn_types::{Amount, Fault, StateRoot};

use crate::network::{Answering, Behaviour, Network, Seat, Setup, Working};

const JOBS: u32 = 300;

/// Five honest validators, and three that cheat in different parts.
fn seats() -> Vec<Seat> {
    let mut behaviours = vec![Behaviour::HONEST; 5];
    behaviours.push(Behaviour::working(Working::FewerSteps));
    behaviours.push(Behaviour::working(Working::MissesDeadline));
    behaviours.push(Behaviour::auditing(Answering::Random));
    behaviours.into_iter().map(Seat::new).collect()
}

fn run() -> (Network, Vec<Amount>) {
    let mut setup = Setup::of(seats());
    // The rates that a network has by default, not those that make everybody audit.
    setup.params.sortition = dfsn_types::SortitionParams::default();
    let mut network = Network::new(&setup);
    let before = (0..8).map(|node| network.wealth(node)).collect();
    let mut asked = 0;
    let mut jobs = Vec::new();
    while asked < JOBS || network.state().has_open_jobs() {
        if asked < JOBS && network.state().windows.len() < 24 {
            jobs.push(network.request(asked as usize % 3, asked));
            asked += 1;
        }
        network.tick();
    }
    assert_eq!(network.state().jobs.len(), JOBS as usize);
    let settled =
        jobs.iter().filter(|job| matches!(network.outcome(job), Some(Outcome::Settled { .. }))).count();
    assert!(settled * 10 >= jobs.len() * 9, "{settled} of {JOBS} served");
    (network, before)
}

#[test]
fn honest_validators_gain_and_cheaters_lose_in_300_jobs() {
    let ((network, before), (again, _)) = twice(run);
    let (root, twin): (StateRoot, StateRoot) = (network.state().root(), again.state().root());
    assert_eq!(root, twin, "two runs, one outcome");
    for (node, before) in before.iter().enumerate() {
        let after = network.wealth(node);
        if node < 5 {
            assert!(after > *before, "honest node {node}: {before} became {after}");
        } else {
            assert!(after < *before, "cheating node {node}: {before} became {after}");
        }
    }
    let honest: Vec<_> = (0..5).map(|node| network.address(node)).collect();
    let wronged: Vec<_> = network.slashes().into_iter().filter(|(who, _, _)| honest.contains(who)).collect();
    assert_eq!(wronged, [], "no honest validator was ever slashed");
    for fault in [Fault::WrongResult, Fault::MissedDeadline, Fault::WrongAnswer] {
        assert!(network.slashes().iter().any(|(_, slashed, _)| *slashed == fault), "{fault:?}");
    }
}

/// Both runs at a time, each on a thread of its own.
fn twice<T: Send>(run: impl Fn() -> T + Sync) -> (T, T) {
    std::thread::scope(|scope| {
        let other = scope.spawn(&run);
        let first = run();
        (first, other.join().unwrap())
    })
}
