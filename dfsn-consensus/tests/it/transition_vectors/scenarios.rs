//! Networks in which every kind of message comes by, valid and not.

use std::collections::BTreeMap;

use dfsn_consensus::state::{Phase, Validator};
use dfsn_types::{
    Amount, Attempt, DurationMs, Evidence, Fault, JobId, SecretKey, Timestamp, TransactionKind,
};

use super::case::Case;
use super::harvest::Harvest;
use crate::actions::register;
use crate::evidence::{evidence, leaked};
use crate::network::node::Keys;
use crate::network::setup::{address, model, other_pair, user_key};
use crate::network::{Answering, Behaviour, Network, Seat, Setup, Working, usual_request};

pub(super) fn all() -> BTreeMap<String, Case> {
    let mut harvest = Harvest::default();
    money_and_votes(&mut harvest);
    registrations(&mut harvest);
    requests(&mut harvest);
    witnesses(&mut harvest);
    doubts(&mut harvest);
    jail(&mut harvest);
    leaks(&mut harvest);
    for working in [Working::ContestsBaselessly, Working::Withholds] {
        let mut network = Network::new(&Setup::worker(Behaviour::working(working), 3));
        let job = network.request(0, 1);
        harvest.until(&mut network, |network| network.job_is_over(&job));
    }
    harvest.cases
}

fn quiet() -> Network {
    Network::new(&Setup::worker(Behaviour::HONEST, 3))
}

fn owner(node: usize) -> SecretKey {
    Keys::of(node).owner
}

/// Each in a block of its own.
fn each(harvest: &mut Harvest, network: &mut Network, kinds: Vec<(SecretKey, TransactionKind)>) {
    for (key, kind) in kinds {
        network.send(&key, kind);
        harvest.tick(network);
    }
}

const NO_JOB: JobId = JobId::from_bytes([0xee; 32]);

fn money_and_votes(harvest: &mut Harvest) {
    let mut network = quiet();
    let to = address(&user_key(1));
    let transfer = |amount| TransactionKind::Transfer { to, amount };
    let stake = |amount| TransactionKind::Stake { amount: Amount::from_dfsn(amount) };
    let unstake = |amount| TransactionKind::Unstake { amount: Amount::from_dfsn(amount) };
    let until = Timestamp::new(network.now.get() + 600_000);
    let pause = TransactionKind::PauseJobs { until };
    let (from, to) = (Timestamp::ZERO, Timestamp::new(u64::MAX));
    let release = TransactionKind::ReleaseHolds { fault: Fault::WrongResult, from, to };
    let owned = TransactionKind::ChangeOwner { to: address(&user_key(2)) };
    let mut changed = model(7);
    changed.work.a = 0;
    let register = |record| TransactionKind::RegisterModel(Box::new(record));
    let remove = |number| TransactionKind::RemoveModel { model: model(number).id };
    let kinds = vec![
        (user_key(0), transfer(Amount::DFSN)),
        (user_key(0), transfer(Amount::from_dfsn(1_000_000))),
        (owner(1), stake(10)),
        (owner(1), stake(1_000_000)),
        (owner(1), unstake(10)),
        (owner(1), unstake(1_000_000)),
        (owner(1), pause.clone()),
        (user_key(0), pause),
        (owner(2), release.clone()),
        (user_key(0), release),
        (owner(3), owned.clone()),
        (user_key(1), owned),
        (user_key(0), register(model(7))),
        (user_key(0), register(changed)),
        (user_key(0), remove(7)),
        (user_key(0), remove(7)),
    ];
    each(harvest, &mut network, kinds);
}

fn registrations(harvest: &mut Harvest) {
    let mut network = quiet();
    let both = register(&network, 1, 2, 1, true);
    let kinds = vec![
        (owner(1), both.clone()),
        (user_key(0), both),
        (owner(1), TransactionKind::TestHardware { pair: other_pair() }),
        (owner(2), TransactionKind::TestHardware { pair: other_pair() }),
    ];
    each(harvest, &mut network, kinds);
}

fn requests(harvest: &mut Harvest) {
    let mut network = quiet();
    let mut cheap = usual_request(2);
    cheap.price_per_unit = Amount::from_base_units(1);
    each(harvest, &mut network, vec![(user_key(0), TransactionKind::GenerationRequest(Box::new(cheap)))]);
    let cancelled = network.request(0, 3);
    harvest.tick(&mut network);
    let of = |job| {
        [
            TransactionKind::CancelRequest { job },
            TransactionKind::Receipt { job },
            TransactionKind::RequestAudit { job },
        ]
    };
    network.send(&user_key(0), TransactionKind::CancelRequest { job: cancelled });
    harvest.tick(&mut network);
    each(harvest, &mut network, of(NO_JOB).map(|kind| (user_key(0), kind)).into());
    let job = network.request(0, 1);
    harvest.until(&mut network, |network| network.job_is_over(&job));
}

/// A requester who never says that the pictures are there.
fn witnesses(harvest: &mut Harvest) {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 4));
    network.sends_receipts = false;
    let job = network.request(0, 1);
    harvest.until(&mut network, |network| network.job_is_over(&job));
}

/// A result that stands for some time, and is doubted.
fn doubts(harvest: &mut Harvest) {
    let mut seats = vec![Seat::new(Behaviour::HONEST)];
    seats.extend((0..4).map(|_| Seat::auditor(Behaviour::auditing(Answering::Absent))));
    let mut setup = Setup::of(seats);
    setup.params.windows.challenge_ms = DurationMs::new(600_000);
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    harvest.until(&mut network, |network| network.phase(&job) == Some(&Phase::Standing));
    each(harvest, &mut network, vec![(user_key(0), TransactionKind::RequestAudit { job })]);
    harvest.ticks(&mut network, 3);
}

/// A worker that is jailed, asks to be let out too early, and again.
fn jail(harvest: &mut Harvest) {
    let mut setup = Setup::worker(Behaviour::working(Working::Mute), 3);
    setup.params.windows.jail_ms = DurationMs::new(300_000);
    let mut network = Network::new(&setup);
    network.request(0, 1);
    let worker = network.address(0);
    harvest.until(&mut network, |network| {
        network.state().validators.get(&worker).is_some_and(Validator::is_jailed)
    });
    each(harvest, &mut network, vec![(owner(0), TransactionKind::Unjail)]);
    network.now = network.now.after(DurationMs::new(600_000));
    // A block, so that its time has come at the next one's parent.
    let later = (user_key(1), crate::network::forge::transfer());
    each(harvest, &mut network, vec![later, (owner(0), TransactionKind::Unjail)]);
}

/// An answer that is given away, announced twice and shown twice.
fn leaks(harvest: &mut Harvest) {
    let (mut network, job, opening) = leaked();
    let evidence: Evidence = evidence(job, &opening);
    assert!(matches!(&evidence, Evidence::EarlyOpening { attempt, .. } if *attempt == Attempt::FIRST));
    let note = evidence.note(network.state().chain.genesis, &address(&owner(1)));
    let announced = TransactionKind::EvidenceNote { note };
    let shown = TransactionKind::SubmitEvidence(Box::new(evidence));
    let kinds = vec![
        (owner(2), shown.clone()),
        (owner(1), announced.clone()),
        (owner(1), announced),
        (owner(1), shown),
    ];
    each(harvest, &mut network, kinds);
}
