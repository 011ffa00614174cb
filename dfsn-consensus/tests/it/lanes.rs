//! Block space: lanes that do not take each other's place.

use dfsn_consensus::state::{Outcome, Phase};
use dfsn_consensus::{DutyError, MempoolError};
use dfsn_types::{Amount, DutyKind, SecretKey};

use crate::network::forge::transfer;
use crate::network::node::Keys;
use crate::network::setup::user_key;
use crate::network::{Answering, Behaviour, FIRST_AUDIT, Network, Seat, Setup, Working};

#[test]
fn blk_08_claims_of_one_block_are_bounded() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.chain.claims_max = 1;
    for seat in &mut setup.seats[1..] {
        seat.behaviour = Behaviour::auditing(Answering::Absent);
    }
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Claiming));
    let alpha = network.state().sortition(network.job(&job)).unwrap().alpha;
    let mut block = network.open_block();
    let claim = |node: usize| {
        let proof = Keys::of(node).vrf().prove(alpha.as_bytes()).unwrap();
        network.signed_duty(node, &job, DutyKind::ClaimAudit { seat: FIRST_AUDIT, proof })
    };
    assert_eq!(block.apply_duty(&claim(1)), Ok(()));
    assert_eq!(block.apply_duty(&claim(2)), Err(DutyError::LaneFull("duty")));
}

#[test]
fn claims_over_the_bound_of_a_block_come_in_the_next() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.chain.claims_max = 1;
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    let outcome = network.finish(&job, 60);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    assert_eq!(network.slashes(), []);
    let earned = (1..4).filter(|node| network.wealth(*node) > Amount::from_dfsn(2_100)).count();
    assert_eq!(earned, 3, "all three audited");
}

#[test]
fn stuffed_blocks_do_not_delay_duties() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.chain.gas_limit = dfsn_types::Gas::new(500_000);
    setup.users = 12;
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.tick();
    network.sends_receipts = false;
    for _ in 0..12 {
        // More transfers than a block holds, each dearer than the last, wait at every block.
        for user in 2..12 {
            for _ in 0..5 {
                network.send(&user_key(user), transfer());
            }
        }
        network.tick();
    }
    let delivering = matches!(network.phase(&job), Some(Phase::Delivering));
    assert!(delivering, "every duty found its place: {:?}", network.phase(&job));
    assert!(network.blocks.iter().filter(|block| block.header().gas_used.get() > 450_000).count() > 8);
    assert_eq!(network.slashes(), []);
}

#[test]
fn request_flood() {
    // Sixty requests at once, more than the workers can take: nobody is slashed, paused or jailed, all are served or refunded.
    let mut seats = vec![Seat::new(Behaviour::HONEST), Seat::new(Behaviour::HONEST)];
    seats.extend((0..3).map(|_| Seat::auditor(Behaviour::HONEST)));
    for seat in &mut seats {
        seat.capacity = 2;
    }
    let mut network = Network::new(&Setup::of(seats));
    let mut jobs = Vec::new();
    for user in 0..2 {
        jobs.extend((0..30).map(|seed| network.request(user, seed)));
    }
    network.until(|network| {
        network.state().jobs.len() == 60 && network.state().jobs.values().all(|job| job.is_ended())
    });
    assert_eq!(network.slashes(), []);
    assert!(
        network
            .state()
            .validators
            .values()
            .all(|validator| !validator.paused && validator.jailed_until.is_none())
    );
    let settled =
        jobs.iter().filter(|job| matches!(network.outcome(job), Some(Outcome::Settled { .. }))).count();
    assert!(settled >= 30, "{settled} of 60 in the time that requests allow");
}

#[test]
fn mem_08_duties_in_another_ones_name_do_not_fill_the_lane() {
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::NeverAccepts), 3));
    let job = network.request(0, 1);
    network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.worker().is_some()));
    let chain = network.state().chain;
    let forged = dfsn_types::Duty {
        validator: network.address(0),
        job,
        attempt: dfsn_types::Attempt::FIRST,
        kind: DutyKind::AcceptJob { draw: 1 },
    };
    let forged = forged.sign(&chain, &SecretKey::from_seed(&[99; 32]));
    let error = network.engine.vm_mut().submit_duty(forged).unwrap_err();
    let refused =
        matches!(&error, dfsn_consensus::vm::VmError::Mempool(MempoolError::Duty(DutyError::Signature(_))));
    assert!(refused, "{error}");
}

#[test]
fn undrawable_requests_do_not_starve_others() {
    // Requests that no stake covers stand first in the queue and use no draw up.
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.chain.draws_max = 1;
    let mut network = Network::new(&setup);
    for seed in 0..5 {
        let mut dear = crate::network::usual_request(seed);
        dear.price_per_unit = Amount::from_base_units(1_000_000_000_000_000);
        network.request_with(0, dear);
    }
    let job = network.request(1, 1);
    let outcome = network.finish(&job, 60);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
}
