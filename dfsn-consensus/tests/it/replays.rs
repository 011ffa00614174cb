//! Messages of one attempt, job or network that are worth nothing in another.

use dfsn_consensus::DutyError;
use dfsn_consensus::state::Phase;
use dfsn_types::{Amount, AnswerContext, Attempt, DutyKind, JobId};

use crate::network::inference::Trace;
use crate::network::{Behaviour, FIRST_AUDIT, Network, Seat, Setup, Working, usual_params};

#[test]
fn replayed_result() {
    // A worker commits again what it committed to before: same picture, same request. Its digests name another job.
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let first = network.request(0, 42);
    network.finish(&first, 60);
    network.nodes[0].behaviour = Behaviour::working(Working::MissesDeadline);
    let second = network.request(0, 42);
    network.until(|network| is_accepted(network, &second));
    network.act();
    let old: Trace = network.served[&(first, Attempt::FIRST)].clone();
    let commit = network.signed_duty(0, &second, DutyKind::CommitResult(old.commitment()));
    network.served.insert((second, Attempt::FIRST), old);
    network.nodes[0].behaviour = Behaviour::HONEST;
    network.engine.vm_mut().submit_duty(commit).unwrap();
    network.until(|network| network.attempt_is_over(&second));
    let price = network.job(&second).price;
    let wrong = (network.address(0), dfsn_types::Fault::WrongResult, price.checked_mul(10).unwrap());
    assert_eq!(network.slashes(), [wrong], "states are the same, and every digest differs");
}

fn is_accepted(network: &Network, job: &JobId) -> bool {
    let stage = network.state().jobs.get(job).map(|job| &job.stage);
    matches!(stage, Some(dfsn_consensus::state::Stage::Accepted { .. }))
}

#[test]
fn answer_of_attempt_1_fails_in_attempt_2() {
    let honest = Seat { stake: Amount::from_dfsn(20_000), ..Seat::new(Behaviour::HONEST) };
    let mut seats = vec![Seat::new(Behaviour::working(Working::Garbage)), honest];
    seats.extend((0..3).map(|_| Seat::auditor(Behaviour::HONEST)));
    let mut network = Network::new(&Setup::of(seats));
    let job = network.request_drawn_to(0);
    network.until(|network| {
        network.phase(&job) == Some(&Phase::Claiming) && network.job(&job).attempt.get() == 2
    });
    let duties = network.blocks.iter().flat_map(|block| block.body().duties.iter());
    let old = duties.filter(|duty| duty.duty().job == job && duty.duty().attempt == Attempt::FIRST);
    let mut count = 0;
    for duty in old {
        let (actual, expected) = (Attempt::FIRST, Attempt::new(2));
        assert_eq!(network.try_duty(duty), Err(DutyError::Attempt { actual, expected }));
        count += 1;
    }
    assert!(count > 8, "{count} duties of the first attempt");
    // Nor does the answer itself say the same: it is bound to its attempt.
    let context = |attempt| AnswerContext {
        genesis: network.state().chain.genesis,
        job,
        attempt,
        boundary: dfsn_types::Boundary { image: 0, t: 0 },
        answerer: network.address(2),
    };
    let digest = dfsn_types::StateDigest::from_bytes([1; 32]);
    assert_ne!(context(Attempt::FIRST).answer(&digest), context(Attempt::new(2)).answer(&digest));
}

#[test]
fn digest_of_one_auditor_is_no_answer_of_another() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let job = network.request(0, 7);
    network.until(|network| network.phase(&job) == Some(&Phase::Opening));
    let committed = network.job(&job).committed().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for claim in committed.claims.values() {
        for answer in claim.answers.iter().flatten() {
            assert!(seen.insert(*answer), "equal states, and no two answers alike");
        }
    }
    assert_eq!(usual_params(7), network.job(&job).params);
    let answers = network.blocks.iter().flat_map(|block| block.body().duties.iter());
    let auditors =
        answers.filter(|duty| matches!(duty.duty().kind, DutyKind::SubmitAudit { seat: FIRST_AUDIT, .. }));
    assert_eq!(auditors.count(), 3);
}
