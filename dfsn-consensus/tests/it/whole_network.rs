//! Whole networks under everything that may go wrong, each from a seed. `DFSN_SIM_SEED=<seed>` runs that one alone, and
//! `DFSN_SIM_BLOCKS=<blocks>` sets how long each runs.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use dfsn_types::{Fault, RefundReason, StateRoot};

use crate::world::{Tally, World};

const SEEDS: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const BLOCKS: u64 = 1_000;

/// Says how to see a failure again.
struct Replay {
    seed: u64,
    blocks: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see this again: DFSN_SIM_SEED={} DFSN_SIM_BLOCKS={}", self.seed, self.blocks);
        }
    }
}

fn run(seed: u64, blocks: u64) -> (Tally, StateRoot) {
    let _replay = Replay { seed, blocks };
    let mut world = World::new(seed);
    world.run(blocks);
    let root = world.state().root();
    (world.tally, root)
}

#[expect(clippy::disallowed_methods, reason = "somebody who looks for a failure says what to run")]
fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// Runs all, as many at a time as there are processors.
fn run_all(seeds: &[u64], blocks: u64) -> Tally {
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(seeds.len()) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (tally, _) = run(*seed, blocks);
                    sum.lock().unwrap().add(&tally);
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

#[test]
fn rules_hold_in_networks_where_everything_fails() {
    let (seed, blocks) = (number("DFSN_SIM_SEED"), number("DFSN_SIM_BLOCKS").unwrap_or(BLOCKS));
    let seeds = seed.map_or_else(|| SEEDS.to_vec(), |seed| vec![seed]);
    let tally = run_all(&seeds, blocks);
    println!("seeds {seeds:?}\n{tally}");
    if seed.is_some() || blocks < BLOCKS {
        return;
    }
    // A run in which nothing went wrong would show nothing.
    for fault in [
        Fault::MissedDeadline,
        Fault::WrongResult,
        Fault::Silence,
        Fault::BaselessContest,
        Fault::WrongAnswer,
        Fault::MissingAnswer,
    ] {
        assert!(tally.slashes.contains_key(&fault), "nobody was slashed for {fault:?}");
    }
    for reason in [RefundReason::AttemptsFailed, RefundReason::Cancelled, RefundReason::Overturned] {
        assert!(tally.refunds.contains_key(&reason), "nobody was refunded for {reason:?}");
    }
    assert!(tally.settled * 2 > tally.requested, "most users get their pictures");
    let Tally { rejected, not_yet, restarts, outages, cuts, halts, lost, .. } = tally;
    for count in [rejected, not_yet, restarts, outages, cuts, halts, lost] {
        assert!(count > 0, "{tally}");
    }
}

#[test]
fn a_seed_gives_the_same_network_again() {
    let (_, root) = run(77, 150);
    let (_, again) = run(77, 150);
    let (_, other) = run(78, 150);
    assert_eq!(root, again);
    assert_ne!(root, other);
}
