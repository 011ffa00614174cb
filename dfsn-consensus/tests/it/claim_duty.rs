//! Validators that claim the audits they are chosen for, and those that do not.

use dfsn_consensus::state::{ClaimAccount, Outcome};
use dfsn_types::{Address, Amount, Event, GenerationRequest, Ppm, TransactionKind};

use crate::network::node::Keys;
use crate::network::{Answering, Behaviour, Network, Seat, Setup, Working, usual_request};

/// So many expected claims fill an account; half of them are enough to be judged by.
const WINDOW: u64 = 12_000_000;

fn setup(behaviours: &[Behaviour]) -> Setup {
    let mut setup = Setup::of(behaviours.iter().map(|behaviour| Seat::new(*behaviour)).collect());
    setup.params.sortition.duty_window = Ppm::new(WINDOW);
    setup
}

/// Four honest validators, and a fifth that works and does not audit.
fn with_a_lazy_one() -> Network {
    let mut behaviours = [Behaviour::HONEST; 5];
    behaviours[4].auditing = Answering::Absent;
    Network::new(&setup(&behaviours))
}

fn account(network: &Network, node: usize) -> ClaimAccount {
    network.state().validators.get(&network.address(node)).unwrap().claims
}

fn is_kept(network: &Network, node: usize) -> bool {
    account(network, node).is_kept()
}

/// Runs so many jobs one by one, and says who was drawn for them.
fn run(network: &mut Network, seeds: std::ops::Range<u32>) -> Vec<Address> {
    let before = network.events.len();
    for seed in seeds {
        let job = network.request(seed as usize % 3, seed);
        let outcome = network.finish(&job, 80);
        assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    }
    let drawn = network.events[before..].iter().filter_map(|event| match event {
        Event::JobDrawn { worker, .. } => Some(*worker),
        _ => None,
    });
    drawn.collect()
}

#[test]
fn dta_03_lazy_auditor_is_not_drawn_until_it_has_caught_up() {
    let mut network = with_a_lazy_one();
    let lazy = network.address(4);
    run(&mut network, 0..20);
    assert!(!is_kept(&network, 4));
    assert!((0..4).all(|node| is_kept(&network, node)), "whoever claims keeps its duty");
    let drawn = run(&mut network, 20..35);
    assert!(!drawn.contains(&lazy), "it gets no draws");
    assert_eq!(network.slashes(), [], "and loses nothing else");

    network.nodes[4].behaviour = Behaviour::HONEST;
    let mut seeds = 35..60u32;
    while !is_kept(&network, 4) {
        let seed = seeds.next().expect("it catches up");
        run(&mut network, seed..seed + 1);
    }
    let drawn = run(&mut network, 60..80);
    assert!(drawn.contains(&lazy), "it is drawn again");
}

#[test]
fn dta_03_network_of_lazy_auditors_goes_on() {
    let lazy = Behaviour::auditing(Answering::Absent);
    let mut network = Network::new(&setup(&[lazy; 5]));
    let kept = |network: &Network| (0..5).filter(|node| is_kept(network, *node)).count();
    let mut seeds = 0..60;
    while kept(&network) > 1 {
        let seed = seeds.next().expect("they are found out");
        run(&mut network, seed..seed + 1);
    }
    // Whoever is left is drawn for everything, and audits nothing of it.
    let drawn = run(&mut network, 60..65);
    assert!(drawn.iter().all(|worker| *worker == drawn[0]));
}

#[test]
fn dta_03_last_dutiful_validator_may_be_offline() {
    let lazy = Behaviour::auditing(Answering::Absent);
    let offline = Behaviour::working(Working::NeverAccepts);
    let mut setup = setup(&[offline, lazy, lazy, lazy, lazy]);
    // Nor is it paused, which would help the others.
    setup.params.windows.missed_turns_max = 1_000;
    let mut network = Network::new(&setup);
    let mut seeds = 0..60;
    while (1..5).any(|node| is_kept(&network, node)) {
        let seed = seeds.next().expect("they are found out");
        run(&mut network, seed..seed + 1);
    }
    assert!(is_kept(&network, 0));
    let drawn = run(&mut network, 60..61);
    assert_eq!(drawn[0], network.address(0), "its turn comes first");
    assert!(drawn.len() > 1, "others are drawn when it has passed");
}

#[test]
fn dta_01_account_rises_by_chance_and_claim() {
    let mut network = with_a_lazy_one();
    let account = |network: &Network, node: usize| {
        let account = account(network, node);
        (account.expected().get(), account.claimed().get())
    };
    let half = WINDOW / 2;
    assert!((0..5).all(|node| account(&network, node) == (half, half)), "newcomers have a balanced past");
    let drawn = run(&mut network, 0..1);
    for node in 0..4 {
        let worked = drawn == [network.address(node)];
        let expected = if worked { (half, half) } else { (half + 1_000_000, half + 1_000_000) };
        assert_eq!(account(&network, node), expected, "node {node}");
    }
    let worked = drawn == [network.address(4)];
    assert_eq!(account(&network, 4), if worked { (half, half) } else { (half + 1_000_000, half) });
}

#[test]
fn dta_01_busy_and_unaudited_count_for_nothing() {
    let mut network = with_a_lazy_one();
    let before = account(&network, 4);
    let job = network.request_with(0, GenerationRequest { unaudited: true, ..usual_request(1) });
    network.finish(&job, 80);
    assert!((0..5).all(|node| account(&network, node) == before));

    // All of its stake at work or on its way out: it could not claim.
    let mut setup = setup(&[Behaviour::HONEST; 5]);
    setup.seats[4] = Seat::auditor(Behaviour::auditing(Answering::Absent));
    setup.params.economics.stake_min = Amount::from_base_units(1);
    let mut network = Network::new(&setup);
    let all_but_one = Amount::from_dfsn(2_000).checked_sub(Amount::from_base_units(1)).unwrap();
    network.send(&Keys::of(4).owner, TransactionKind::Unstake { amount: all_but_one });
    network.seal(1_000).unwrap();
    let before = account(&network, 4);
    run(&mut network, 0..5);
    assert_eq!(account(&network, 4), before);
}
