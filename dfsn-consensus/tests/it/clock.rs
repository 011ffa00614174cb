//! Time: the chain clock, windows, halts, jail and unbonding.

use dfsn_consensus::state::{Outcome, Phase};
use dfsn_types::{Amount, DurationMs, TransactionKind};

use crate::network::node::Keys;
use crate::network::setup::user_key;
use crate::network::{BUILDER, Behaviour, Network, Seat, Setup, Working};

#[test]
fn halt_of_one_hour_slashes_nobody() {
    // The chain stands for an hour at every stage of a job, one job a stage; the clock moves 10 s each time.
    for stop in 0..12 {
        let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
        let job = network.request(0, 1);
        network.ticks(stop);
        let clock = network.state().tip.clock;
        network.seal(3_600_000).unwrap();
        assert!(network.state().tip.clock.get() - clock.get() <= 10_000);
        let outcome = network.finish(&job, 60);
        assert!(matches!(outcome, Outcome::Settled { .. }), "stopped after {stop}: {outcome:?}");
        assert_eq!(network.slashes(), [], "stopped after {stop}");
    }
}

#[test]
fn tim_03_window_closes_after_its_end_and_enough_blocks() {
    for (ms, blocks) in [(1_000, 31), (10_000, 6), (60_000, 6)] {
        let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
        let job = network.request(0, 1);
        network.until(|network| network.phase(&job) == Some(&Phase::Claiming));
        let opened = network.state().tip.height.get();
        while network.phase(&job) == Some(&Phase::Claiming) {
            network.act();
            // A heartbeat comes after 5 s at the earliest: faster blocks need something to hold.
            network.send(&user_key(1), TransactionKind::Transfer { to: BUILDER, amount: Amount::DFSN });
            network.seal(ms).unwrap();
        }
        // 30 s on the clock of the parent, and six blocks at least.
        assert_eq!(network.state().tip.height.get() - opened, blocks, "blocks of {ms} ms");
    }
}

#[test]
fn tim_04_windows_close_in_order_and_at_most_so_many_a_block() {
    let mut setup = Setup::worker(Behaviour::working(Working::NeverAccepts), 3);
    setup.params.chain.expiries_max = 2;
    setup.seats[0].min_price = Amount::DFSN;
    let mut network = Network::new(&setup);
    for seed in 0..5 {
        let mut request = crate::network::usual_request(seed);
        request.expires_ms = DurationMs::new(20_000);
        network.request_with(0, request);
    }
    let mut open = vec![5];
    for _ in 0..12 {
        network.tick();
        let left = network.state().jobs.values().filter(|job| !job.is_ended()).count();
        if open.last() != Some(&left) {
            open.push(left);
        }
    }
    assert_eq!(open, [5, 3, 1, 0], "two a block, the rest waits");
    let refunded = network.events.iter().filter_map(|event| match event {
        dfsn_types::Event::JobRefunded { job, .. } => Some(*job),
        _ => None,
    });
    let ids: Vec<_> = refunded.collect();
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(ids, sorted, "equal ends in order of ids");
}

#[test]
fn all_jailed_chain_goes_on() {
    let mut network = Network::new(&Setup::of(vec![Seat::new(Behaviour::working(Working::Mute)); 4]));
    let job = network.request(0, 1);
    network.until(|network| network.job_is_over(&job) || network.attempt_is_over(&job));
    for seed in 2..40 {
        if jailed(&network) == 4 {
            break;
        }
        // Too few are left to audit: what else is asked for goes unaudited, and still runs.
        let request =
            dfsn_types::GenerationRequest { unaudited: true, ..crate::network::usual_request(seed) };
        let job = network.request_with(0, request);
        network.until(|network| {
            network.state().jobs.get(&job).is_some_and(|job| job.is_ended()) || jailed(network) == 4
        });
    }
    let jailed = jailed(&network);
    assert!(jailed >= 2, "{jailed} jailed");
    let to = network.user(2);
    let before = network.state().balance(&to);
    network.send(&user_key(1), TransactionKind::Transfer { to, amount: Amount::DFSN });
    network.tick();
    assert_eq!(network.state().balance(&to).checked_sub(before), Some(Amount::DFSN));
}

fn jailed(network: &Network) -> usize {
    network.state().validators.values().filter(|validator| validator.is_jailed()).count()
}

#[test]
fn stk_04_unbonded_stake_is_paid_after_its_time() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let (owner, before) = (network.address(0), network.state().balance(&network.address(0)));
    let id = network.send(&Keys::of(0).owner, TransactionKind::Unstake { amount: Amount::from_dfsn(500) });
    network.tick();
    let fee = network.receipts[&id].fee;
    assert_eq!(network.state().balance(&owner), before.checked_sub(fee).unwrap());
    assert_eq!(network.state().validators.get(&owner).unwrap().stake(), Amount::from_dfsn(1_500));
    network.now = network.now.after(DurationMs::new(604_790_000 - 1));
    network.send(&user_key(0), TransactionKind::Transfer { to: BUILDER, amount: Amount::DFSN });
    network.seal(0).unwrap();
    assert_eq!(network.state().balance(&owner), before.checked_sub(fee).unwrap(), "not a moment earlier");
    network.send(&user_key(0), TransactionKind::Transfer { to: BUILDER, amount: Amount::DFSN });
    network.seal(10_001).unwrap();
    let paid = before.checked_sub(fee).unwrap().checked_add(Amount::from_dfsn(500)).unwrap();
    assert_eq!(network.state().balance(&owner), paid);
}

#[test]
fn stk_05_locks_outlive_an_unbonding_and_a_jail() {
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::NeverOpens), 3));
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    let worker = network.address(0);
    let lock = network.job(&job).price.checked_mul(100).unwrap();
    let free = network.state().validators.get(&worker).unwrap().free.amount();
    network.send(&Keys::of(0).owner, TransactionKind::Unstake { amount: free });
    network.until(|network| network.attempt_is_over(&job) || network.job_is_over(&job));
    assert_eq!(network.slashes(), [(worker, dfsn_types::Fault::Silence, lock)], "the lock was not to be had");
}

#[test]
fn job_05_records_leave_the_state_after_their_time() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let job = network.request(0, 1);
    network.finish(&job, 60);
    network.now = network.now.after(DurationMs::new(604_800_000));
    network.send(&user_key(0), TransactionKind::Transfer { to: BUILDER, amount: Amount::DFSN });
    network.tick();
    assert!(!network.state().jobs.contains_key(&job));
}
