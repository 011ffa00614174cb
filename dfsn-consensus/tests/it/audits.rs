//! Auditors that cheat, and those who help a cheating worker.

use dfsn_consensus::state::{JuryStage, Outcome, Phase};
use dfsn_types::{Amount, BasisPoints, DutyKind, Fault, JobId, RefundReason};

use crate::network::{Answering, Behaviour, Network, Seat, Setup, Working};

/// Node 0 works, node 1 is the auditor in question, the others audit honestly.
fn with_auditor(worker: Working, auditor: Behaviour, honest: usize) -> Network {
    let mut seats = vec![Seat::new(Behaviour::working(worker)), Seat::auditor(auditor)];
    seats.extend((0..honest).map(|_| Seat::auditor(Behaviour::HONEST)));
    Network::new(&Setup::of(seats))
}

/// Runs one job of a truthful worker and checks that node 1 pays so many audit fees for its answers; the network and the job.
fn auditor_pays(auditing: Answering, fault: Fault, fees: u64) -> (Network, JobId, Vec<Amount>) {
    let mut network = with_auditor(Working::Honest, Behaviour::auditing(auditing), 2);
    let before = (0..4).map(|node| network.wealth(node)).collect::<Vec<_>>();
    let job = network.request(0, 5);
    let outcome = network.finish(&job, 200);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    let penalty = network.job(&job).audit_fee.checked_mul(fees).unwrap();
    assert_eq!(network.slashes(), [(network.address(1), fault, penalty)]);
    assert_eq!(before[1].checked_sub(network.wealth(1)), Some(penalty), "and it is paid nothing");
    (network, job, before)
}

/// A wrong answer was contested: the worker has 30 % of the penalty, each juror a fee beside that of its audit.
fn worker_and_jurors_share(network: &Network, job: &JobId, before: &[Amount]) {
    let (price, fee) = (network.job(job).price, network.job(job).audit_fee);
    let penalty = fee.checked_mul(100).unwrap();
    let part = BasisPoints::new(9_000).unwrap().of(price).checked_sub(fee.checked_mul(2).unwrap()).unwrap();
    let share = BasisPoints::new(3_000).unwrap().of(penalty);
    assert_eq!(network.wealth(0).checked_sub(before[0]), part.checked_add(share));
    for (juror, before) in before.iter().enumerate().skip(2) {
        assert_eq!(network.wealth(juror).checked_sub(*before), fee.checked_mul(2));
    }
    let kept = share.checked_add(fee.checked_mul(2).unwrap()).unwrap();
    assert_eq!(network.burned_by_slashes(job), penalty.checked_sub(kept).unwrap());
}

#[test]
fn lazy_auditor() {
    let (network, job, before) = auditor_pays(Answering::Random, Fault::WrongAnswer, 100);
    worker_and_jurors_share(&network, &job, &before);
}

#[test]
fn copied_answer() {
    let (network, job, before) = auditor_pays(Answering::Copies, Fault::WrongAnswer, 100);
    worker_and_jurors_share(&network, &job, &before);
}

#[test]
fn pen_07_missing_answer_costs_what_a_wrong_one_costs() {
    let (network, job, before) = auditor_pays(Answering::Silent, Fault::MissingAnswer, 100);
    let (price, fee) = (network.job(&job).price, network.job(&job).audit_fee);
    let penalty = fee.checked_mul(100).unwrap();
    assert_eq!(network.burned_by_slashes(&job), penalty, "nobody gains by another's silence");
    let part = BasisPoints::new(9_000).unwrap().of(price).checked_sub(fee.checked_mul(2).unwrap());
    assert_eq!(network.wealth(0).checked_sub(before[0]), part);
}

#[test]
fn colluding_worker_and_auditor() {
    let friend = Behaviour { auditing: Answering::Friend, judging: Answering::Friend, ..Behaviour::HONEST };
    let mut network = with_auditor(Working::Garbage, friend, 3);
    let (before, friend) = (network.wealth(0), network.wealth(1));
    let job = network.request(0, 5);
    network.until(|network| network.attempt_is_over(&job));
    let (price, fee) = (network.job(&job).price, network.job(&job).audit_fee);
    let (verdict, vote) = (price.checked_mul(10).unwrap(), fee.checked_mul(100).unwrap());
    let expected =
        [(network.address(1), Fault::WrongAnswer, vote), (network.address(0), Fault::WrongResult, verdict)];
    assert_eq!(network.slashes(), expected, "the friend's vote costs it its lock");
    assert_eq!(before.checked_sub(network.wealth(0)), Some(verdict));
    assert_eq!(friend.checked_sub(network.wealth(1)), Some(vote));
    // Together they lose more than the job was ever worth.
    assert!(verdict.checked_add(vote).unwrap() > price);
}

#[test]
fn four_validators_one_silent_friend() {
    let friend = Behaviour { auditing: Answering::Absent, judging: Answering::Silent, ..Behaviour::HONEST };
    let mut network = with_auditor(Working::Garbage, friend, 2);
    let job = network.request(0, 5);
    network.until(|network| network.attempt_is_over(&job));
    let (price, fee) = (network.job(&job).price, network.job(&job).audit_fee);
    let expected = [
        (network.address(1), Fault::MissingAnswer, fee.checked_mul(100).unwrap()),
        (network.address(0), Fault::WrongResult, price.checked_mul(10).unwrap()),
    ];
    assert_eq!(network.slashes(), expected);
}

#[test]
fn jurors_cannot_read_the_answer() {
    let copier = Behaviour { auditing: Answering::Absent, judging: Answering::Copies, ..Behaviour::HONEST };
    let mut network = with_auditor(Working::Garbage, copier, 3);
    let job = network.request(0, 5);
    network.until(|network| {
        matches!(network.phase(&job), Some(Phase::Judging(judgement)) if judgement.stage == JuryStage::Revealing)
    });
    // Until every juror has answered, no digest of the trace stands on the chain.
    let shown =
        network.blocks.iter().flat_map(|block| block.body().duties.iter()).any(|duty| {
            matches!(duty.duty().kind, DutyKind::OpenAudit { .. } | DutyKind::RevealAnswer { .. })
        });
    assert!(!shown);
    network.until(|network| network.attempt_is_over(&job));
    let fee = network.job(&job).audit_fee;
    let copied = (network.address(1), Fault::WrongAnswer, fee.checked_mul(100).unwrap());
    assert!(
        network.slashes().contains(&copied),
        "what a juror copies from the contested answer explains nothing"
    );
}

#[test]
fn rev_01_juror_who_does_not_reveal_is_explained_by_others() {
    let hiding = Behaviour { hides_reveal: true, auditing: Answering::Absent, ..Behaviour::HONEST };
    let mut network = with_auditor(Working::Garbage, hiding, 2);
    let before = network.wealth(1);
    let job = network.request(0, 5);
    network.until(|network| network.attempt_is_over(&job));
    let price = network.job(&job).price;
    assert_eq!(network.slashes(), [(network.address(0), Fault::WrongResult, price.checked_mul(10).unwrap())]);
    // Its answer was right, and shares in the penalty: half of it among three.
    let each = price.checked_mul(10).unwrap().split(2).split(3);
    assert_eq!(network.wealth(1).checked_sub(before), Some(each));
}

#[test]
fn jud_05_hung_jury_splits_the_price() {
    // The contested auditor and one juror against two friends of the worker: more than half stand behind no digest.
    let friend = Behaviour { auditing: Answering::Absent, judging: Answering::Friend, ..Behaviour::HONEST };
    let mut network = with_auditor(Working::Garbage, friend, 3);
    network.nodes[2].behaviour = friend;
    let (worker, money) = (network.wealth(0), network.state().balance(&network.user(0)));
    let job = network.request(0, 5);
    let outcome = network.finish(&job, 300);
    assert!(matches!(outcome, Outcome::Undecided { .. }), "{outcome:?}");
    assert_eq!(network.slashes(), [], "a failure to decide is nobody's fault");
    let price = network.job(&job).price;
    assert_eq!(network.wealth(0).checked_sub(worker), Some(price.split(2)));
    let paid = money.checked_sub(network.state().balance(&network.user(0)));
    assert_eq!(paid, price.checked_add(network.fees()));
}

#[test]
fn pen_07_silent_auditors_do_not_stop_a_job() {
    let silent = Behaviour { auditing: Answering::Silent, judging: Answering::Silent, ..Behaviour::HONEST };
    let mut network = with_auditor(Working::Honest, silent, 2);
    network.nodes[2].behaviour = silent;
    let job = network.request(0, 5);
    let outcome = network.finish(&job, 200);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    let fine = network.job(&job).audit_fee.checked_mul(100).unwrap();
    let mut silent = [1, 2].map(|node| (network.address(node), Fault::MissingAnswer, fine));
    silent.sort();
    assert_eq!(network.slashes(), silent, "the inputs could have been demanded");
}

#[test]
fn jud_05_silent_jurors_pay_and_the_jury_hangs() {
    let silent = Behaviour { auditing: Answering::Absent, judging: Answering::Silent, ..Behaviour::HONEST };
    let mut network = with_auditor(Working::Garbage, silent, 3);
    network.nodes[2].behaviour = silent;
    let job = network.request(0, 5);
    let outcome = network.finish(&job, 300);
    assert!(matches!(outcome, Outcome::Undecided { .. }), "{outcome:?}");
    let fine = network.job(&job).audit_fee.checked_mul(100).unwrap();
    let mut silent = [1, 2].map(|node| (network.address(node), Fault::MissingAnswer, fine));
    silent.sort();
    assert_eq!(network.slashes(), silent);
}

#[test]
fn jud_06_absent_jurors_leave_the_verdict_to_nobody() {
    // Only the contested auditor answers: one voice convicts nobody, whoever it is.
    let absent = Behaviour { auditing: Answering::Absent, judging: Answering::Absent, ..Behaviour::HONEST };
    let mut network = with_auditor(Working::Garbage, absent, 2);
    network.nodes[2].behaviour = absent;
    let job = network.request(0, 5);
    let outcome = network.finish(&job, 300);
    assert!(matches!(outcome, Outcome::Undecided { .. }), "{outcome:?}");
    assert_eq!(network.slashes(), []);
}

#[test]
fn unclaimed_job_is_settled_on_its_receipt() {
    let absent = Behaviour::auditing(Answering::Absent);
    let mut network = with_auditor(Working::Garbage, absent, 2);
    network.nodes[2].behaviour = absent;
    network.nodes[3].behaviour = absent;
    let job = network.request(0, 5);
    assert!(matches!(network.finish(&job, 60), Outcome::Settled { .. }), "no claim in time: not audited");
    assert_eq!(network.slashes(), []);
}

#[test]
fn undelivered_result_is_refunded_and_nobody_is_slashed() {
    let mut network = with_auditor(Working::Honest, Behaviour::HONEST, 2);
    network.sends_receipts = false;
    for node in &mut network.nodes {
        node.behaviour.stores = false;
    }
    let (worker, money) = (network.wealth(0), network.state().balance(&network.user(0)));
    let job = network.request(0, 5);
    assert_eq!(network.finish(&job, 100), Outcome::Refunded(RefundReason::Undelivered));
    assert_eq!((network.slashes(), network.wealth(0)), (vec![], worker));
    assert_eq!(money.checked_sub(network.state().balance(&network.user(0))), Some(network.fees()));
}
