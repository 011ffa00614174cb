//! Random things that random actors do, valid and not.

use dfsn_types::{
    Amount, AnswerDigest, Attempt, BoundedVec, ComputeUpdate, DurationMs, DutyKind, Fault, GenerationParams,
    ImageSize, JobId, Nonce, PairOffer, ResultCommitment, SecretKey, StateDigest, Timestamp, TraceRoot,
    TransactionKind, VrfProof,
};
use proptest::prelude::*;

use crate::network::forge::signed;
use crate::network::node::Keys;
use crate::network::setup::{model, other_pair, pair, registration, user_key};
use crate::network::{Answering, Behaviour, FIRST_AUDIT, Network, Working, answer_of, usual_request};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Everybody reacts, and time passes.
    Tick {
        ms: u64,
    },
    /// Time passes and nobody reacts.
    Halt {
        ms: u64,
    },
    Transfer {
        from: usize,
        to: usize,
        amount: u128,
    },
    Stake {
        node: usize,
        dfsn: u64,
    },
    Unstake {
        node: usize,
        dfsn: u64,
    },
    Register {
        node: usize,
        capacity: u8,
        vrf: usize,
        both: bool,
    },
    Unjail {
        node: usize,
    },
    ChangeOwner {
        from: usize,
        to: usize,
    },
    Pause {
        from: usize,
        hours: u64,
    },
    Release {
        from: usize,
        fault: usize,
    },
    RegisterModel {
        from: usize,
        number: u8,
    },
    RemoveModel {
        from: usize,
        number: u8,
    },
    Test {
        node: usize,
        other: bool,
    },
    Request {
        user: usize,
        seed: u32,
        steps: u16,
        images: u8,
        price: u64,
        expires_ms: u64,
        unaudited: bool,
    },
    Receipt {
        user: usize,
        job: usize,
    },
    Cancel {
        user: usize,
        job: usize,
    },
    Object {
        user: usize,
        job: usize,
    },
    WrongNonce {
        nonce: u64,
    },
    Duty {
        node: usize,
        job: usize,
        attempt: u8,
        kind: u8,
        number: u8,
    },
}

/// Who acts: validators, then users.
const ACTORS: usize = 8;

pub(crate) fn action() -> impl Strategy<Value = Action> {
    let (node, user) = (0..5usize, 0..3usize);
    prop_oneof![
        8 => prop_oneof![Just(1_000u64), Just(10_000), Just(60_000)].prop_map(|ms| Action::Tick { ms }),
        1 => prop_oneof![Just(0u64), Just(3_600_000), Just(700_000_000)].prop_map(|ms| Action::Halt { ms }),
        1 => (0..ACTORS, 0..ACTORS, prop_oneof![Just(0), 1..u128::MAX, Just(1_000_000_000_000_000_000)])
            .prop_map(|(from, to, amount)| Action::Transfer { from, to, amount }),
        1 => (node.clone(), 0..1_500u64).prop_map(|(node, dfsn)| Action::Stake { node, dfsn }),
        1 => (node.clone(), 0..2_500u64).prop_map(|(node, dfsn)| Action::Unstake { node, dfsn }),
        1 => (node.clone(), 0..4u8, 0..6usize, any::<bool>())
            .prop_map(|(node, capacity, vrf, both)| Action::Register { node, capacity, vrf, both }),
        1 => node.clone().prop_map(|node| Action::Unjail { node }),
        1 => (0..ACTORS, 0..ACTORS).prop_map(|(from, to)| Action::ChangeOwner { from, to }),
        1 => (0..ACTORS, 0..3u64).prop_map(|(from, hours)| Action::Pause { from, hours }),
        1 => (0..ACTORS, 0..7usize).prop_map(|(from, fault)| Action::Release { from, fault }),
        1 => (0..ACTORS, 1..6u8).prop_map(|(from, number)| Action::RegisterModel { from, number }),
        1 => (0..ACTORS, 1..6u8).prop_map(|(from, number)| Action::RemoveModel { from, number }),
        1 => (node.clone(), any::<bool>()).prop_map(|(node, other)| Action::Test { node, other }),
        4 => (user.clone(), any::<u32>(), 1..25u16, 1..3u8, 0..4u64, prop_oneof![0..100_000u64, Just(900_000)], any::<bool>())
            .prop_map(|(user, seed, steps, images, price, expires_ms, unaudited)| {
                Action::Request { user, seed, steps, images, price, expires_ms, unaudited }
            }),
        5 => (user.clone(), 0..6usize).prop_map(|(user, job)| Action::Receipt { user, job }),
        1 => (user.clone(), 0..6usize).prop_map(|(user, job)| Action::Cancel { user, job }),
        2 => (user, 0..6usize).prop_map(|(user, job)| Action::Object { user, job }),
        1 => any::<u64>().prop_map(|nonce| Action::WrongNonce { nonce }),
        4 => (node, 0..6usize, 1..3u8, 0..10u8, any::<u8>())
            .prop_map(|(node, job, attempt, kind, number)| Action::Duty { node, job, attempt, kind, number }),
    ]
}

/// How the five validators behave.
pub(crate) fn behaviours() -> impl Strategy<Value = Vec<Behaviour>> {
    let cheats = prop::sample::select(vec![
        Working::Garbage,
        Working::OtherSeed,
        Working::FewerSteps,
        Working::WrongStep(3),
        Working::NeverAccepts,
        Working::MissesDeadline,
        Working::NeverOpens,
        Working::Mute,
        Working::ContestsAndHides,
        Working::ContestsBaselessly,
        Working::Withholds,
        Working::WithholdsAll,
    ]);
    let working = prop_oneof![2 => Just(Working::Honest), 1 => cheats];
    let cheats = prop::sample::select(vec![
        Answering::Absent,
        Answering::Random,
        Answering::Copies,
        Answering::Silent,
        Answering::Friend,
    ]);
    let answering = prop_oneof![5 => Just(Answering::Honest), 1 => cheats];
    let one = (working, answering.clone(), answering, prop::bool::weighted(0.1)).prop_map(
        |(working, auditing, judging, hides_reveal)| Behaviour {
            working,
            auditing,
            judging,
            hides_reveal,
            stores: !hides_reveal,
        },
    );
    prop::collection::vec(one, 5)
}

fn key(actor: usize) -> SecretKey {
    if actor < 5 { Keys::of(actor).owner } else { user_key(actor - 5) }
}

fn some_job(network: &Network, number: usize) -> JobId {
    // The youngest ones are the most likely to be open.
    let jobs: Vec<JobId> = network.state().windows.iter().map(|(_, id)| *id).collect();
    jobs.get(number).copied().unwrap_or_else(|| JobId::from_bytes([0xee; 32]))
}

/// Does it, or is refused.
pub(crate) fn perform(network: &mut Network, action: &Action) {
    match action {
        Action::Tick { ms } => {
            network.act();
            network.seal(*ms).unwrap();
        }
        Action::Halt { ms } => {
            network.seal(*ms).unwrap();
        }
        Action::Duty { node, job, attempt, kind, number } => {
            let (job, attempt) = (some_job(network, *job), Attempt::new(*attempt));
            let kind = duty(network, *node, &job, *kind, *number);
            let signed = network.nodes[*node].sign(&network.state().chain, job, attempt, kind);
            // Refused or not, a block is never built of anything but what is valid.
            let _ = network.engine.vm_mut().submit_duty(signed);
        }
        other => {
            let (actor, kind) = transaction(network, other);
            let key = key(actor);
            let edit = |transaction: &mut dfsn_types::Transaction| {
                if let Action::WrongNonce { nonce, .. } = other {
                    transaction.nonce = Nonce::new(*nonce);
                }
            };
            let signed = signed(network.state(), &key, kind, edit);
            let _ = network.engine.vm_mut().submit_transaction(signed.signed().clone());
        }
    }
}

fn transaction(network: &Network, action: &Action) -> (usize, TransactionKind) {
    match action {
        Action::Transfer { from, to, amount } => {
            let to = crate::network::setup::address(&key(*to));
            (*from, TransactionKind::Transfer { to, amount: Amount::from_base_units(*amount) })
        }
        Action::Stake { node, dfsn } => (*node, TransactionKind::Stake { amount: Amount::from_dfsn(*dfsn) }),
        Action::Unstake { node, dfsn } => {
            (*node, TransactionKind::Unstake { amount: Amount::from_dfsn(*dfsn) })
        }
        Action::Register { node, capacity, vrf, both } => {
            (*node, register(network, *node, *capacity, *vrf, *both))
        }
        Action::Unjail { node } => (*node, TransactionKind::Unjail),
        Action::ChangeOwner { from, to } => {
            let to = crate::network::setup::address(&key(*to));
            (*from, TransactionKind::ChangeOwner { to })
        }
        Action::Pause { from, hours } => {
            // One of two times of day, so that votes meet.
            let hour = 3_600_000;
            let until = (network.now.get() / hour + hours) * hour;
            (*from, TransactionKind::PauseJobs { until: Timestamp::new(until) })
        }
        Action::Release { from, fault } => {
            let (start, end) = (Timestamp::ZERO, Timestamp::new(u64::MAX));
            (*from, TransactionKind::ReleaseHolds { fault: Fault::ALL[*fault], from: start, to: end })
        }
        Action::RegisterModel { from, number } => {
            (*from, TransactionKind::RegisterModel(Box::new(model(*number))))
        }
        Action::RemoveModel { from, number } => {
            (*from, TransactionKind::RemoveModel { model: model(*number).id })
        }
        Action::Test { node, other } => {
            (*node, TransactionKind::TestHardware { pair: if *other { other_pair() } else { pair() } })
        }
        Action::Request { user, seed, steps, images, price, expires_ms, unaudited } => {
            let size = ImageSize::new(64, 64).unwrap();
            let params = GenerationParams::builder(pair().model, pair().profile, "x", size).seed(*seed);
            let mut request = usual_request(*seed);
            request.params = params.num_inference_steps(*steps).num_images(*images).build().unwrap();
            request.price_per_unit = Amount::from_base_units(u128::from(*price) * 2_000_000_000_000);
            request.expires_ms = DurationMs::new(*expires_ms);
            request.unaudited = *unaudited;
            (5 + *user, TransactionKind::GenerationRequest(Box::new(request)))
        }
        Action::Receipt { user, job } => {
            (5 + *user, TransactionKind::Receipt { job: some_job(network, *job) })
        }
        Action::Cancel { user, job } => {
            (5 + *user, TransactionKind::CancelRequest { job: some_job(network, *job) })
        }
        Action::Object { user, job } => {
            (5 + *user, TransactionKind::RequestAudit { job: some_job(network, *job) })
        }
        _ => (5, crate::network::forge::transfer()),
    }
}

pub(crate) fn register(
    network: &Network,
    node: usize,
    capacity: u8,
    vrf: usize,
    both: bool,
) -> TransactionKind {
    let keys = Keys::of(node);
    let vrf = Keys::of(vrf).vrf();
    let offer = |pair| PairOffer { pair, capacity, min_price: Amount::ZERO };
    let offers = if both { vec![offer(pair()), offer(other_pair())] } else { vec![offer(pair())] };
    let mut registration = registration(&keys, offers);
    registration.vrf_key = vrf.public_key();
    let possession = registration
        .prove_possession(&network.state().chain, &keys.address(), &keys.duty, &keys.compute, &vrf)
        .unwrap();
    TransactionKind::RegisterCompute(Box::new(ComputeUpdate { registration, possession }))
}

fn duty(network: &Network, node: usize, job: &JobId, kind: u8, number: u8) -> DutyKind {
    let answer = answer_of(network.address(usize::from(number % 5)), number % 5);
    let seat = if number.is_multiple_of(2) { FIRST_AUDIT } else { dfsn_types::Seat::Juror(answer) };
    match kind {
        0 => DutyKind::AcceptJob { draw: u32::from(number % 3) },
        1 => DutyKind::CommitResult(ResultCommitment {
            images: BoundedVec::empty(),
            trace_root: TraceRoot::from_bytes([number; 32]),
        }),
        2 => {
            let sortition = network.state().open_job(job).and_then(|job| network.state().sortition(job));
            let alpha = sortition.map_or([0; 32], |sortition| *sortition.alpha.as_bytes());
            DutyKind::ClaimAudit { seat, proof: Keys::of(node).vrf().prove(&alpha).unwrap() }
        }
        3 => DutyKind::ClaimAudit { seat, proof: VrfProof::from_bytes(&[number; 80]) },
        4 => {
            let answers = vec![AnswerDigest::from_bytes([number; 32]); usize::from(number % 5)];
            DutyKind::SubmitAudit { seat, answers: BoundedVec::new(answers).unwrap() }
        }
        5 => DutyKind::OpenAudit { openings: BoundedVec::empty() },
        6 => DutyKind::Contest { answer, inputs: dfsn_types::BoundedVec::empty() },
        7 => DutyKind::DemandData { seat, question: number % 5 },
        8 => DutyKind::Stored,
        _ => DutyKind::RevealAnswer { answer, digest: StateDigest::from_bytes([number; 32]), opening: None },
    }
}
