//! What Active stake decides: pauses, and penalties that go back.

use dfsn_consensus::state::{Outcome, Phase, Supply};
use dfsn_types::{
    Amount, BlockHeight, DurationMs, Event, Fault, Guardian, JobId, SecretKey, Timestamp, TransactionKind,
};

use crate::failures::fails;
use crate::network::node::Keys;
use crate::network::setup::{address, pair, user_key};
use crate::network::{BUILDER, Behaviour, Network, Seat, Setup, Working, usual_request};

const HOUR_MS: u64 = 3_600_000;

fn owner(node: usize) -> SecretKey {
    Keys::of(node).owner
}

fn pause(until: Timestamp) -> TransactionKind {
    TransactionKind::PauseJobs { until }
}

fn request() -> TransactionKind {
    TransactionKind::GenerationRequest(Box::new(usual_request(77)))
}

fn succeeds(network: &mut Network, key: &SecretKey, kind: TransactionKind) {
    let id = network.send(key, kind);
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.failed_rule(&id), None);
}

fn pass(network: &mut Network, ms: u64) {
    let transfer = TransactionKind::Transfer { to: BUILDER, amount: Amount::from_base_units(1) };
    network.send(&user_key(2), transfer);
    assert!(network.seal(ms).unwrap());
}

fn paused(network: &Network) -> bool {
    network.state().pause(network.now).is_some()
}

/// Four validators with a quarter of the stake each.
fn network() -> Network {
    Network::new(&Setup::of(vec![Seat::new(Behaviour::HONEST); 4]))
}

fn in_hours(network: &Network, hours: u64) -> Timestamp {
    network.now.after(DurationMs::new(hours * HOUR_MS))
}

#[test]
fn gov_01_only_active_stake_has_a_vote() {
    let mut setup = Setup::of(vec![Seat::new(Behaviour::HONEST); 4]);
    setup.seats.push(Seat {
        serves: false,
        stake: Amount::from_dfsn(100_000),
        ..Seat::new(Behaviour::HONEST)
    });
    let mut network = Network::new(&setup);
    let until = in_hours(&network, 1);
    fails(&mut network, &user_key(0), pause(until), "GOV-01");
    fails(&mut network, &owner(4), pause(until), "GOV-01");
    // What serves no pair does not count on the other side either.
    succeeds(&mut network, &owner(0), pause(until));
    succeeds(&mut network, &owner(1), pause(until));
    assert!(paused(&network));
}

#[test]
fn gov_02_pause_of_more_than_a_day() {
    let mut network = network();
    let until = in_hours(&network, 24).after(DurationMs::new(1_001));
    fails(&mut network, &owner(0), pause(until), "GOV-02");
    let until = in_hours(&network, 24);
    succeeds(&mut network, &owner(0), pause(until));
}

#[test]
fn gov_03_half_of_the_active_stake_pauses_jobs_and_lets_them_go_on() {
    let mut network = network();
    let until = in_hours(&network, 2);
    succeeds(&mut network, &owner(0), pause(until));
    assert!(!paused(&network));
    // Voting twice, or for something else, is not enough.
    succeeds(&mut network, &owner(0), pause(until));
    let other = in_hours(&network, 3);
    succeeds(&mut network, &owner(1), pause(other));
    assert!(!paused(&network));
    succeeds(&mut network, &owner(2), pause(until));
    assert_eq!(network.state().paused_until, Some(until));
    assert!(network.events.contains(&Event::JobsPaused { until }));
    // Counted votes are gone; others stand.
    let votes: Vec<bool> =
        network.state().validators.values().map(|validator| validator.votes.pause.is_some()).collect();
    assert_eq!(votes.iter().filter(|vote| **vote).count(), 1);

    let now = network.now;
    succeeds(&mut network, &owner(0), pause(now));
    assert!(paused(&network));
    succeeds(&mut network, &owner(3), pause(Timestamp::ZERO));
    assert!(!paused(&network), "all times that are over mean the same");
    assert!(network.events.contains(&Event::JobsResumed));
    succeeds(&mut network, &user_key(0), request());
}

#[test]
fn gov_03_votes_count_for_their_time() {
    // Two quarters of the stake vote, so many milliseconds after each other.
    let is_paused_after = |gap: u64| {
        let mut setup = Setup::of(vec![Seat::new(Behaviour::HONEST); 4]);
        setup.params.governance.vote_ms = DurationMs::new(HOUR_MS);
        let mut network = Network::new(&setup);
        let until = in_hours(&network, 24);
        succeeds(&mut network, &owner(0), pause(until));
        pass(&mut network, gap - 1_000);
        succeeds(&mut network, &owner(1), pause(until));
        paused(&network)
    };
    assert!(is_paused_after(HOUR_MS - 1));
    assert!(!is_paused_after(HOUR_MS));
}

#[test]
fn gov_04_guardian_pauses_alone_until_its_height() {
    let mut setup = Setup::of(vec![Seat::new(Behaviour::HONEST); 4]);
    let account = address(&user_key(0));
    setup.guardian = Some(Guardian { account, until_height: BlockHeight::new(3) });
    let mut network = Network::new(&setup);
    let until = in_hours(&network, 1);
    fails(&mut network, &user_key(1), pause(until), "GOV-01");
    succeeds(&mut network, &user_key(0), pause(until));
    assert!(paused(&network));
    succeeds(&mut network, &user_key(0), pause(Timestamp::ZERO));
    assert!(!paused(&network));
    assert_eq!(network.state().tip.height, BlockHeight::new(3));
    let until = in_hours(&network, 1);
    fails(&mut network, &user_key(0), pause(until), "GOV-01");
}

/// A network that is paused for so many hours, by half of its stake.
fn pause_for(network: &mut Network, hours: u64) {
    let until = in_hours(network, hours);
    succeeds(network, &owner(0), pause(until));
    succeeds(network, &owner(1), pause(until));
    assert!(paused(network));
}

#[test]
fn gov_05_nothing_new_begins_and_no_window_closes_while_jobs_are_paused() {
    let mut network = network();
    let job = network.request(0, 1);
    network.until(|network| {
        network.state().jobs.get(&job).is_some_and(|job| job.worker().is_some() && job.committed().is_none())
    });
    pause_for(&mut network, 12);
    fails(&mut network, &user_key(1), request(), "GOV-05");
    fails(&mut network, &owner(0), TransactionKind::TestHardware { pair: pair() }, "GOV-05");
    let clock = network.state().tip.clock;
    for _ in 0..40 {
        pass(&mut network, 600_000);
    }
    assert_eq!(network.state().tip.clock, clock, "hours pass, and the clock stands");
    assert_eq!(network.slashes(), []);
    // Money moves all the same.
    succeeds(&mut network, &owner(2), TransactionKind::Unstake { amount: Amount::DFSN });
    succeeds(&mut network, &owner(2), TransactionKind::Stake { amount: Amount::DFSN });
    let until = network.state().paused_until.unwrap();
    let left = until.since(network.now).get();
    pass(&mut network, left - 2_000);
    fails(&mut network, &user_key(1), request(), "GOV-05");
    // The clock goes on by what is over of the pause.
    let outcome = network.finish(&job, 100);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    assert_eq!(network.slashes(), []);
}

#[test]
fn gov_05_clock_goes_on_from_the_end_of_the_pause() {
    let mut network = network();
    pause_for(&mut network, 1);
    let (clock, until) = (network.state().tip.clock, network.state().paused_until.unwrap());
    let left = until.since(network.now).get();
    pass(&mut network, left + 3_000);
    assert_eq!(network.state().tip.clock, clock.after(DurationMs::new(3_000)));
}

#[test]
fn gov_05_duties_of_running_jobs_go_on_while_jobs_are_paused() {
    let mut network = network();
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    pause_for(&mut network, 2);
    let outcome = network.finish(&job, 100);
    assert!(paused(&network));
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
}

/// Five validators; the first accepts and commits nothing, and its penalty is held for a week.
fn with_a_held_penalty() -> (Network, JobId) {
    let mut setup = Setup::worker(Behaviour::working(Working::MissesDeadline), 4);
    setup.params.windows.hold_ms = DurationMs::new(7 * 24 * HOUR_MS);
    setup.seats[0].stake = Amount::from_dfsn(1_000);
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.slashes_of(&job).len() == 1);
    (network, job)
}

fn release(from: Timestamp, to: Timestamp) -> TransactionKind {
    TransactionKind::ReleaseHolds { fault: Fault::MissedDeadline, from, to }
}

#[test]
fn gov_06_two_thirds_of_the_active_stake_give_a_class_of_penalties_back() {
    let (mut network, job) = with_a_held_penalty();
    let worker = network.address(0);
    let held = Supply::of(network.state()).held;
    assert_eq!(held, network.slashes_of(&job)[0].2);
    let record = |network: &Network| network.state().validators.get(&worker).unwrap().clone();
    let stake = record(&network).stake();
    assert!(record(&network).under_minimum_since.is_some());
    // The one that lost has too little stake to vote: two of four are not enough, three are.
    let (from, to) = (Timestamp::ZERO, network.now);
    fails(&mut network, &owner(0), release(from, to), "GOV-01");
    succeeds(&mut network, &owner(1), release(from, to));
    succeeds(&mut network, &owner(2), release(from, to));
    assert_eq!(Supply::of(network.state()).held, held);
    succeeds(&mut network, &owner(3), release(from, to));
    assert_eq!(Supply::of(network.state()).held, Amount::ZERO);
    assert_eq!(record(&network).stake(), stake.checked_add(held).unwrap());
    assert_eq!(record(&network).under_minimum_since, None, "with its stake back it stays");
    assert!(
        network
            .events
            .iter()
            .any(|event| matches!(event, Event::HoldReleased { validator, .. } if *validator == worker))
    );
    assert!(network.state().validators.values().all(|validator| validator.votes.is_empty()));
}

#[test]
fn gov_06_penalties_of_another_time_or_of_none_stay_held() {
    let (mut network, _) = with_a_held_penalty();
    let held = Supply::of(network.state()).held;
    let (from, to) = (network.now.after(DurationMs::new(1)), in_hours(&network, 1));
    fails(&mut network, &owner(1), release(to, from), "GOV-06");
    for node in 1..4 {
        succeeds(&mut network, &owner(node), release(from, to));
    }
    assert_eq!(Supply::of(network.state()).held, held, "it was imposed before");
}
