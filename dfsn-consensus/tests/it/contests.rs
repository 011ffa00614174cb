//! Contests beyond the plain case: baseless ones, repeated ones, and answers of one judgement played again in another.

use dfsn_consensus::DutyError;
use dfsn_consensus::state::{JuryStage, Outcome, Phase};
use dfsn_types::{Address, AnswerRef, Boundary, DutyKind, Event, Fault, JobId, Role, SignedDuty};

use crate::network::{Answering, Behaviour, Network, Seat, Setup, Working, answer_of};

#[test]
fn jud_04_baseless_contest_costs_ten_prices_and_must_be_opened_after_all() {
    let mut network = Network::new(&Setup::worker(Behaviour::working(Working::ContestsBaselessly), 3));
    let before: Vec<_> = (0..4).map(|node| network.wealth(node)).collect();
    let job = network.request(0, 3);
    let outcome = network.finish(&job, 200);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    let (price, fee) = (network.job(&job).price, network.job(&job).audit_fee);
    let penalty = price.checked_mul(10).unwrap();
    assert_eq!(network.slashes(), [(network.address(0), Fault::BaselessContest, penalty)]);
    // Half of it to the two jurors; the contested auditor has its fee.
    let gains: Vec<_> = (1..4).map(|node| network.wealth(node).checked_sub(before[node]).unwrap()).collect();
    let each = penalty.split(2).split(2).checked_add(fee).unwrap();
    assert_eq!(gains.iter().filter(|gain| **gain == each).count(), 2, "{gains:?}");
    assert_eq!(gains.iter().filter(|gain| **gain == fee).count(), 1, "{gains:?}");
}

/// A job whose answers are all in, with a worker that does nothing by itself from there on.
fn opening(auditors: &[Behaviour]) -> (Network, JobId) {
    let mut seats = vec![Seat::new(Behaviour::working(Working::Mute))];
    seats.extend(auditors.iter().map(|behaviour| Seat::auditor(*behaviour)));
    let mut network = Network::new(&Setup::of(seats));
    let job = network.request(0, 3);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    (network, job)
}

fn judgement_stage(network: &Network, job: &JobId) -> Option<JuryStage> {
    match network.phase(job)? {
        Phase::Judging(judgement) => Some(judgement.stage),
        _ => None,
    }
}

/// The worker shows its leaf at a boundary.
fn reveal(network: &mut Network, job: &JobId, answer: AnswerRef, boundary: Boundary) {
    let opening = network.served[&(*job, network.job(job).attempt)].tree.open(boundary).unwrap();
    network.duty(0, job, DutyKind::RevealAnswer { answer, digest: opening.digest, opening: Some(opening) });
}

fn boundary(network: &Network, job: &JobId, auditor: Address, question: u8) -> Boundary {
    network.job(job).committed().unwrap().claims[&auditor].questions.get(question).unwrap()
}

/// Contests an answer, lets the jury answer, reveals; ends after the verdict.
fn contest(network: &mut Network, job: &JobId, auditor: Address, question: u8) {
    let at = boundary(network, job, auditor, question);
    let answer = answer_of(auditor, question);
    network.duty(0, job, DutyKind::Contest { answer, inputs: dfsn_types::BoundedVec::empty() });
    network.until(|network| judgement_stage(network, job) == Some(JuryStage::Revealing));
    reveal(network, job, answer, at);
    network.until(|network| judgement_stage(network, job).is_none());
}

#[test]
fn con_02_baseless_contest_is_not_repeated() {
    let (mut network, job) = opening(&[Behaviour::HONEST; 3]);
    let auditor = network.address(1);
    contest(&mut network, &job, auditor, 0);
    assert_eq!(network.slashes()[0].1, Fault::BaselessContest);
    assert_eq!(network.phase(&job), Some(&Phase::Opening));
    let again = network.signed_duty(
        0,
        &job,
        DutyKind::Contest { answer: answer_of(auditor, 0), inputs: dfsn_types::BoundedVec::empty() },
    );
    assert_eq!(network.try_duty(&again), Err(DutyError::ContestedBefore(answer_of(auditor, 0))));
    let other = network.signed_duty(
        0,
        &job,
        DutyKind::Contest { answer: answer_of(auditor, 1), inputs: dfsn_types::BoundedVec::empty() },
    );
    assert_eq!(network.try_duty(&other), Ok(()));
}

#[test]
fn jud_04_silent_juror_of_a_baseless_contest_pays_and_shares_nothing() {
    let silent = Behaviour::judging(Answering::Silent);
    let (mut network, job) = opening(&[Behaviour::HONEST, Behaviour::HONEST, silent]);
    let (auditor, before) = (network.address(1), network.wealth(3));
    contest(&mut network, &job, auditor, 0);
    let fee = network.job(&job).audit_fee.checked_mul(100).unwrap();
    assert_eq!(network.slashes()[0], (network.address(3), Fault::MissingAnswer, fee));
    assert_eq!(before.checked_sub(network.wealth(3)), Some(fee));
}

#[test]
fn jud_07_contesting_a_friend_does_not_dodge_the_verdict() {
    let friend = Behaviour::auditing(Answering::Friend);
    let seats = [Behaviour::working(Working::NeverOpens), friend, Behaviour::HONEST, Behaviour::HONEST];
    let mut seats: Vec<Seat> = seats.into_iter().map(Seat::auditor).collect();
    seats[0].min_price = dfsn_types::Amount::ZERO;
    let mut network = Network::new(&Setup::of(seats));
    let job = network.request(0, 3);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    let auditor = network.address(1);
    contest(&mut network, &job, auditor, 0);
    let faults: Vec<_> = network.slashes().into_iter().map(|(who, fault, _)| (who, fault)).collect();
    let expected = [(auditor, Fault::WrongAnswer), (network.address(0), Fault::WrongResult)];
    assert_eq!(faults, expected, "the jury finds both wrong");
}

#[test]
fn dut_04_answer_of_one_judgement_is_no_answer_in_the_next() {
    let lazy = Behaviour::auditing(Answering::Random);
    let (mut network, job) = opening(&[lazy, lazy, Behaviour::HONEST, Behaviour::HONEST, Behaviour::HONEST]);
    let (first, second) = (network.address(1), network.address(2));
    // Question 0 is the initial state of every auditor; the last one is the decoder or the last step.
    contest(&mut network, &job, first, 0);
    assert_eq!(network.phase(&job), Some(&Phase::Opening), "the worker was right, and another answer stands");
    assert_ne!(boundary(&network, &job, second, 1).t, 0);
    network.duty(
        0,
        &job,
        DutyKind::Contest { answer: answer_of(second, 1), inputs: dfsn_types::BoundedVec::empty() },
    );
    network.tick();
    let juror = network.address(3);
    let Some(Phase::Judging(judgement)) = network.phase(&job) else { panic!("a judgement is open") };
    assert!(judgement.jurors[&juror].answer.is_none(), "it has claimed and not yet answered");
    let old = duties(&network).find(|duty| is_jury_answer(duty, juror)).unwrap();
    let refused = DutyError::NotAwaited { duty: "submit_audit", validator: juror };
    assert_eq!(network.try_duty(&old), Err(refused));
    network.until(|network| judgement_stage(network, &job) == Some(JuryStage::Revealing));
    let asked = boundary(&network, &job, second, 1);
    reveal(&mut network, &job, answer_of(second, 1), asked);
    network.until(|network| judgement_stage(network, &job).is_none());
    let right =
        network.events.iter().filter(|event| matches!(event, Event::Judged { worker_right: true, .. }));
    assert_eq!(right.count(), 2, "both verdicts are for the truthful worker");
    assert!(
        network.slashes().iter().all(|(who, _, _)| [first, second].contains(who)),
        "and no juror lost anything"
    );
}

#[test]
fn mem_08_duty_that_a_block_took_pushes_out_nothing() {
    let lazy = Behaviour::auditing(Answering::Random);
    let (mut network, job) = opening(&[lazy, lazy, Behaviour::HONEST, Behaviour::HONEST, Behaviour::HONEST]);
    let (first, second) = (network.address(1), network.address(2));
    contest(&mut network, &job, first, 0);
    let old = duties(&network).find(|duty| matches!(duty.duty().kind, DutyKind::Contest { .. })).unwrap();
    let fresh = network.signed_duty(
        0,
        &job,
        DutyKind::Contest { answer: answer_of(second, 1), inputs: dfsn_types::BoundedVec::empty() },
    );
    network.engine.vm_mut().submit_duty(fresh).unwrap();
    network.engine.vm_mut().submit_duty(old).unwrap();
    assert!(network.seal(1_000).unwrap());
    let Some(Phase::Judging(judgement)) = network.phase(&job) else { panic!("the second contest got in") };
    assert_eq!(judgement.answer, answer_of(second, 1));
}

#[test]
fn same_boundary_may_be_answered_again() {
    let lazy = Behaviour::auditing(Answering::Random);
    let (mut network, job) = opening(&[lazy, lazy, Behaviour::HONEST, Behaviour::HONEST, Behaviour::HONEST]);
    for auditor in [network.address(1), network.address(2)] {
        contest(&mut network, &job, auditor, 0);
    }
    let right =
        network.events.iter().filter(|event| matches!(event, Event::Judged { worker_right: true, .. }));
    assert_eq!(right.count(), 2);
}

fn duties(network: &Network) -> impl Iterator<Item = SignedDuty> + '_ {
    network.blocks.iter().flat_map(|block| block.body().duties.iter().cloned())
}

fn is_jury_answer(duty: &SignedDuty, juror: Address) -> bool {
    let role = match &duty.duty().kind {
        DutyKind::SubmitAudit { seat, .. } => seat.role(),
        _ => return false,
    };
    duty.duty().validator == juror && role == Role::Juror
}
