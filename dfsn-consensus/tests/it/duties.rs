//! Duties that no block may hold, one rule at a time.

use dfsn_consensus::state::{Phase, Repeats};
use dfsn_consensus::{DutyError, Rule};
use dfsn_types::{
    Address, Amount, AnswerDigest, Attempt, BoundedVec, Duty, DutyKind, JobId, Ppm, Role, SignedDuty,
    StateDigest, TransactionKind, VrfProof,
};

use crate::network::node::Keys;
use crate::network::{
    Answering, Behaviour, FIRST_AUDIT, Network, Seat, Setup, Working, answer_of, usual_request,
};

pub(crate) fn network(worker: Working) -> Network {
    Network::new(&Setup::worker(Behaviour::working(worker), 3))
}

fn until_drawn(network: &mut Network) -> JobId {
    let job = network.request(0, 1);
    network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.worker().is_some()));
    job
}

pub(crate) fn until_phase(network: &mut Network, wanted: Phase) -> JobId {
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&wanted));
    job
}

/// What the rules say of a duty, which changes nothing when refused.
pub(crate) fn refused(network: &Network, duty: &SignedDuty) -> DutyError {
    let mut block = network.open_block();
    let before = block.state().clone();
    let error = block.apply_duty(duty).unwrap_err();
    assert_eq!(*block.state(), before, "{error}");
    error
}

pub(crate) fn digest() -> StateDigest {
    StateDigest::from_bytes([7; 32])
}

fn answers(count: usize) -> BoundedVec<AnswerDigest, 4> {
    BoundedVec::new(vec![AnswerDigest::from_bytes([7; 32]); count]).unwrap()
}

fn not_awaited(duty: &'static str, validator: Address) -> DutyError {
    DutyError::NotAwaited { duty, validator }
}

#[test]
fn dut_01_no_open_job() {
    let mut network = network(Working::Honest);
    let nothing = JobId::from_bytes([1; 32]);
    let kind = DutyKind::AcceptJob { draw: 1 };
    let duty = network.nodes[0].sign(&network.state().chain, nothing, Attempt::FIRST, kind.clone());
    assert_eq!(refused(&network, &duty), DutyError::UnknownJob(nothing));
    let job = network.request(0, 1);
    network.finish(&job, 60);
    let late = network.nodes[0].sign(&network.state().chain, job, Attempt::FIRST, kind);
    assert_eq!(refused(&network, &late), DutyError::UnknownJob(job), "it is over");
}

#[test]
fn dut_02_other_attempt() {
    let mut network = network(Working::NeverAccepts);
    let job = until_drawn(&mut network);
    let chain = network.state().chain;
    let duty = network.nodes[0].sign(&chain, job, Attempt::new(2), DutyKind::AcceptJob { draw: 1 });
    let (actual, expected) = (Attempt::new(2), Attempt::FIRST);
    assert_eq!(refused(&network, &duty), DutyError::Attempt { actual, expected });
}

#[test]
fn dut_03_no_registered_key_or_another_ones_signature() {
    let mut network = network(Working::NeverAccepts);
    let job = until_drawn(&mut network);
    let (chain, kind) = (network.state().chain, DutyKind::AcceptJob { draw: 1 });
    let stranger = Duty { validator: network.user(0), job, attempt: Attempt::FIRST, kind: kind.clone() };
    let stranger = stranger.sign(&chain, &Keys::of(0).duty);
    assert_eq!(refused(&network, &stranger), DutyError::NotRegistered(network.user(0)));
    for key in [Keys::of(1).duty, Keys::of(0).owner, Keys::of(0).compute] {
        let forged = Duty { validator: network.address(0), job, attempt: Attempt::FIRST, kind: kind.clone() };
        let error = refused(&network, &forged.sign(&chain, &key));
        assert!(matches!(error, DutyError::Signature(_)), "{error}");
        assert_eq!(error.rule().as_str(), "DUT-03");
    }
}

#[test]
fn dut_03_duty_of_another_network() {
    let mut here = network(Working::NeverAccepts);
    let job = until_drawn(&mut here);
    let mut chain = here.state().chain;
    chain.chain_id = dfsn_types::ChainId::new(1).unwrap();
    let duty = here.nodes[0].sign(&chain, job, Attempt::FIRST, DutyKind::AcceptJob { draw: 1 });
    assert!(matches!(refused(&here, &duty), DutyError::Signature(_)));
}

#[test]
fn dut_04_duties_out_of_turn() {
    let mut network = network(Working::NeverAccepts);
    let job = until_drawn(&mut network);
    let proof = VrfProof::from_bytes(&[0; 80]);
    let images = BoundedVec::empty();
    let trace_root = dfsn_types::TraceRoot::from_bytes([0; 32]);
    let auditor = network.address(1);
    let kinds = [
        DutyKind::CommitResult(dfsn_types::ResultCommitment { images, trace_root }),
        DutyKind::ClaimAudit { seat: FIRST_AUDIT, proof },
        DutyKind::ClaimAudit { seat: dfsn_types::Seat::Juror(answer_of(auditor, 0)), proof },
        DutyKind::SubmitAudit { seat: FIRST_AUDIT, answers: answers(1) },
        DutyKind::OpenAudit { openings: BoundedVec::empty() },
        DutyKind::Contest { answer: answer_of(auditor, 0), inputs: dfsn_types::BoundedVec::empty() },
        DutyKind::RevealAnswer { answer: answer_of(auditor, 0), digest: digest(), opening: None },
        DutyKind::DemandData { seat: FIRST_AUDIT, question: 1 },
        DutyKind::Stored,
    ];
    for kind in kinds {
        let name = kind.name();
        let duty = network.signed_duty(0, &job, kind);
        assert_eq!(refused(&network, &duty), not_awaited(name, network.address(0)));
    }
    let other = network.signed_duty(1, &job, DutyKind::AcceptJob { draw: 1 });
    assert_eq!(
        refused(&network, &other),
        not_awaited("accept_job", auditor),
        "only the drawn worker accepts"
    );
}

#[test]
fn dut_04_each_duty_counts_once() {
    let mut network = network(Working::Honest);
    let job = network.request(0, 1);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    let taken: Vec<SignedDuty> =
        network.blocks.iter().flat_map(|block| block.body().duties.to_vec()).collect();
    assert_eq!(taken.len(), 2 + 3 + 3, "accept, commit, three claims, three answers");
    for duty in taken {
        let name = duty.duty().kind.name();
        assert_eq!(refused(&network, &duty), not_awaited(name, duty.duty().validator));
    }
}

#[test]
fn acc_01_expired_request_is_not_accepted() {
    let mut network = network(Working::NeverAccepts);
    let mut request = usual_request(1);
    request.expires_ms = dfsn_types::DurationMs::new(40_000);
    let job = network.request_with(0, request);
    network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.worker().is_some()));
    let duty = network.signed_duty(0, &job, DutyKind::AcceptJob { draw: 1 });
    while network.job(&job).expires_at > network.state().tip.clock.after(dfsn_types::DurationMs::new(10_000))
    {
        network.tick();
    }
    assert!(network.job(&job).worker().is_some(), "its window is still open");
    assert_eq!(refused(&network, &duty), DutyError::Expired(job));
}

#[test]
fn acc_02_collateral_must_be_free() {
    let mut setup = Setup::worker(Behaviour::working(Working::NeverAccepts), 3);
    setup.params.economics.stake_min = Amount::DFSN;
    let mut network = Network::new(&setup);
    let job = until_drawn(&mut network);
    let all = TransactionKind::Unstake { amount: Amount::from_dfsn(1_999) };
    network.send(&Keys::of(0).owner, all);
    network.seal(1_000).unwrap();
    let duty = network.signed_duty(0, &job, DutyKind::AcceptJob { draw: 1 });
    assert_eq!(refused(&network, &duty), DutyError::Collateral(network.address(0)));
}

#[test]
fn acc_05_worker_that_leaves_accepts_nothing_new() {
    let mut network = network(Working::NeverAccepts);
    let job = until_drawn(&mut network);
    let duty = network.signed_duty(0, &job, DutyKind::AcceptJob { draw: 1 });
    assert_eq!(network.try_duty(&duty), Ok(()));
    network.send(&Keys::of(0).owner, TransactionKind::Unstake { amount: Amount::from_dfsn(1_001) });
    network.seal(1_000).unwrap();
    assert_eq!(refused(&network, &duty), DutyError::Unavailable(network.address(0)));
    network.until(|network| network.job(&job).worker().is_none());
    assert_eq!(
        network.state().validators.get(&network.address(0)).unwrap().missed_turns,
        Repeats::NONE,
        "its turn passes"
    );
}

#[test]
fn acc_04_acceptance_of_an_earlier_draw() {
    let mut network = network(Working::NeverAccepts);
    let job = until_drawn(&mut network);
    let old = network.signed_duty(0, &job, DutyKind::AcceptJob { draw: 1 });
    assert_eq!(network.try_duty(&old), Ok(()));
    network.until(|network| network.job(&job).tries == 2);
    assert_eq!(network.job(&job).worker(), Some(network.address(0)));
    assert_eq!(refused(&network, &old), DutyError::OldDraw { actual: 1, expected: 2 });
}

#[test]
fn cmt_01_one_entry_an_image() {
    let mut network = network(Working::MissesDeadline);
    let job = network.request(0, 1);
    network.until(|network| {
        let stage = network.state().jobs.get(&job).map(|job| &job.stage);
        matches!(stage, Some(dfsn_consensus::state::Stage::Accepted { .. }))
    });
    let commitment = dfsn_types::ResultCommitment {
        images: BoundedVec::empty(),
        trace_root: dfsn_types::TraceRoot::from_bytes([0; 32]),
    };
    let duty = network.signed_duty(0, &job, DutyKind::CommitResult(commitment));
    assert_eq!(refused(&network, &duty), DutyError::ImageCount { actual: 0, expected: 1 });
}

/// Rule CMT-03: in a float profile machines differ in what is finite.
#[test]
fn cmt_03_images_fail_in_the_exact_profile_only() {
    let mut network = network(Working::MissesDeadline);
    let job = network.request(0, 1);
    network.until(|network| {
        let stage = network.state().jobs.get(&job).map(|job| &job.stage);
        matches!(stage, Some(dfsn_consensus::state::Stage::Accepted { .. }))
    });
    let images = BoundedVec::new(vec![dfsn_types::ImageResult::Failed { t: 1 }]).unwrap();
    let trace_root = dfsn_types::TraceRoot::from_bytes([0; 32]);
    let commitment = dfsn_types::ResultCommitment { images, trace_root };
    let duty = network.signed_duty(0, &job, DutyKind::CommitResult(commitment));
    let boundary = dfsn_types::Boundary { image: 0, t: 1 };
    assert_eq!(refused(&network, &duty), DutyError::Failure(boundary));
}

#[test]
fn aud_01_worker_requester_and_strangers_do_not_audit() {
    let mut seats = vec![Seat::new(Behaviour::HONEST)];
    seats.extend((0..4).map(|_| Seat::auditor(Behaviour::auditing(Answering::Absent))));
    seats.push(Seat { serves: false, ..Seat::new(Behaviour::HONEST) });
    let mut network = Network::new(&Setup::of(seats));
    // Node 1 asks for the picture.
    let kind = TransactionKind::GenerationRequest(Box::new(usual_request(1)));
    let id = network.send(&Keys::of(1).owner, kind);
    let job = dfsn_types::Domain::JobId.hash(&id).into();
    network.until(|network| network.phase(&job) == Some(&Phase::Claiming));
    let alpha = network.state().sortition(network.job(&job)).unwrap().alpha;
    for (node, may) in [(0, false), (1, false), (2, true), (5, false)] {
        let proof = Keys::of(node).vrf().prove(alpha.as_bytes()).unwrap();
        let duty = network.signed_duty(node, &job, DutyKind::ClaimAudit { seat: FIRST_AUDIT, proof });
        let validator = network.address(node);
        let expected = DutyError::NotEligible { validator, role: Role::Auditor };
        assert_eq!(network.try_duty(&duty), if may { Ok(()) } else { Err(expected) }, "node {node}");
    }
}

#[test]
fn aud_02_proof_must_hold_for_this_key_and_job() {
    let mut network = network(Working::Honest);
    let job = until_phase(&mut network, Phase::Claiming);
    let alpha = network.state().sortition(network.job(&job)).unwrap().alpha;
    let foreign = Keys::of(2).vrf().prove(alpha.as_bytes()).unwrap();
    let other = Keys::of(1).vrf().prove(b"another job").unwrap();
    for proof in [foreign, other, VrfProof::from_bytes(&[0xff; 80])] {
        let duty = network.signed_duty(1, &job, DutyKind::ClaimAudit { seat: FIRST_AUDIT, proof });
        assert!(matches!(refused(&network, &duty), DutyError::SortitionProof(_)));
    }
}

#[test]
fn aud_09_only_the_chosen_claim() {
    let mut seats = vec![Seat::new(Behaviour::HONEST)];
    seats.extend((0..6).map(|_| Seat::auditor(Behaviour::auditing(Answering::Absent))));
    let mut setup = Setup::of(seats);
    setup.params.sortition.rate_ramp = Ppm::new(1_000_000);
    let mut network = Network::new(&setup);
    let job = until_phase(&mut network, Phase::Claiming);
    let sortition = network.state().sortition(network.job(&job)).unwrap();
    let (mut chosen, mut refusals) = (0, 0);
    for node in 1..7 {
        let keys = Keys::of(node);
        let output = keys.vrf().evaluate(sortition.alpha.as_bytes()).unwrap();
        let proof = keys.vrf().prove(sortition.alpha.as_bytes()).unwrap();
        let duty = network.signed_duty(node, &job, DutyKind::ClaimAudit { seat: FIRST_AUDIT, proof });
        // One of six expected: everybody's threshold is a sixth of all outputs, in whole millionths.
        if output.first_u128() < u128::MAX / 1_000_000 * 166_666 {
            assert_eq!(network.try_duty(&duty), Ok(()));
            chosen += 1;
        } else {
            assert_eq!(refused(&network, &duty), DutyError::NotSelected(network.address(node)));
            refusals += 1;
        }
    }
    assert!(chosen + refusals == 6 && refusals > 0, "{chosen} chosen");
}

#[test]
fn aud_04_claim_locks_what_a_wrong_answer_costs() {
    let mut network = network(Working::Honest);
    let job = until_phase(&mut network, Phase::Claiming);
    let alpha = network.state().sortition(network.job(&job)).unwrap().alpha;
    let proof = Keys::of(1).vrf().prove(alpha.as_bytes()).unwrap();
    let duty = network.signed_duty(1, &job, DutyKind::ClaimAudit { seat: FIRST_AUDIT, proof });
    let mut block = network.open_block();
    block.apply_duty(&duty).unwrap();
    let locked = block.state().validators.get(&network.address(1)).unwrap().locked;
    assert_eq!(Some(locked), network.job(&job).audit_fee.checked_mul(100));
    // All its stake lies in other locks: it still counts, and covers nothing more.
    let mut state = network.state().clone();
    let validator = state.validators.get_mut(&network.address(1)).unwrap();
    validator.locked = validator.free.take_all().amount();
    let context = dfsn_consensus::transition::BlockContext {
        timestamp: network.now,
        fee_recipient: crate::network::BUILDER,
        beacon_proof: None,
    };
    let mut block = dfsn_consensus::transition::Execution::open(&state, &context).unwrap();
    assert_eq!(block.apply_duty(&duty), Err(DutyError::ClaimLock(network.address(1))));
}

#[test]
fn aud_07_as_many_answers_as_questions() {
    let mut network = network(Working::Honest);
    for node in 1..4 {
        network.nodes[node].behaviour = Behaviour::auditing(Answering::Silent);
    }
    let job = network.request(0, 1);
    network.until(|network| matches!(network.phase(&job), Some(Phase::Answering(_))));
    let expected =
        network.job(&job).committed().unwrap().claims[&network.address(1)].questions.boundaries.len();
    for actual in (0..=4).filter(|count| *count != expected) {
        let kind = DutyKind::SubmitAudit { seat: FIRST_AUDIT, answers: answers(actual) };
        let duty = network.signed_duty(1, &job, kind);
        assert_eq!(refused(&network, &duty), DutyError::AnswerCount { actual, expected });
    }
}
