//! Pictures that fail at a number: committed, found by auditors, refunded; and every lie about it is one number away.

use dfsn_consensus::DutyError;
use dfsn_consensus::exact::{OpKind, ProofError, RootsError};
use dfsn_consensus::state::{DisputeStage, Outcome, Phase, Stage};
use dfsn_types::{
    Boundary, BoundedVec, DutyKind, Event, FailedAt, Fault, Hash, LeafOpening, RefundReason, TensorPart,
    TransactionKind,
};

use super::case::{Case, STEPS, Start, Wrong, contested};
use crate::network::setup::user_key;

/// A number of the decoder, by what its operation does.
fn number(is: impl Fn(&OpKind) -> bool, element: u64) -> FailedAt {
    let computation = contested(STEPS + 1);
    let op = computation.calls()[1].program.ops().iter().position(|op| is(&op.kind)).unwrap();
    FailedAt::Number { call: 1, op: op as u32, element }
}

fn prove(case: &mut Case, at: FailedAt) {
    let (node, proof) = (case.auditor(), Box::new(case.prove_unshown(at)));
    case.data(node, DutyKind::ProveFault { answer: case.answer, proof });
}

fn try_prove(case: &Case, at: FailedAt) -> Result<(), DutyError> {
    let proof = Box::new(case.prove_unshown(at));
    case.try_data(case.auditor(), DutyKind::ProveFault { answer: case.answer, proof })
}

fn is_convicted(case: &Case) -> bool {
    let worker = case.network.address(0);
    case.network.state().validators.get(&worker).unwrap().tombstoned
        && matches!(*case.network.slashes_of(&case.job), [(convicted, Fault::Contradiction, _)] if convicted == worker)
}

/// What the worker opens when all answers agree.
fn openings(case: &Case) -> DutyKind {
    let committed = case.network.job(&case.job).committed().unwrap();
    let mut asked: Vec<Boundary> =
        committed.claims.values().flat_map(|claim| claim.questions.iter()).collect();
    asked.sort_unstable();
    asked.dedup();
    let openings: Vec<LeafOpening> =
        asked.iter().map(|boundary| case.tree.open(*boundary).unwrap()).collect();
    DutyKind::OpenAudit { openings: BoundedVec::new(openings).unwrap() }
}

/// Rules SET-04, CMT-03: auditors are paid and the rest goes back; nobody is slashed, and nobody's ramp goes on.
#[test]
fn set_04_an_honest_failure_is_refunded() {
    let mut case = Case::failing(Start::Huge, |failed| failed);
    assert!(case.failed.is_some());
    let committed = case.network.job(&case.job).committed().unwrap();
    assert!(committed.claims.values().all(|claim| claim.questions.boundaries.last() == Some(&(STEPS + 1))));
    let (auditors, lock) = (committed.claims.len() as u64, committed.lock.amount());
    let job = case.network.job(&case.job).clone();
    let (worker, user) = (case.network.address(0), case.network.user(0));
    let balance = |case: &Case| case.network.state().accounts.get(&user).unwrap().balance.amount();
    let free = |case: &Case| case.network.state().validators.get(&worker).unwrap().free.amount();
    let clean =
        |case: &Case| case.network.state().validators.get(&worker).unwrap().pairs[&job.pair()].clean_jobs;
    let (before, unlocked, ramp) = (balance(&case), free(&case), clean(&case));

    let receipt = TransactionKind::Receipt { job: case.job };
    let id = case.network.send(&user_key(0), receipt);
    case.network.tick();
    assert!(case.network.failed_rule(&id).is_some(), "there is nothing to receive");
    let fees = before.checked_sub(balance(&case)).unwrap();

    case.network.duty(0, &case.job, openings(&case));
    let outcome = case.network.outcome(&case.job).cloned().unwrap();
    assert!(matches!(outcome, Outcome::Failed { worker: by, .. } if by == worker), "{outcome:?}");
    assert_eq!(case.network.slashes_of(&case.job), []);
    assert_eq!((free(&case), clean(&case)), (unlocked.checked_add(lock).unwrap(), ramp));
    let cancel_fee = case.network.state().params.economics.cancel_fee;
    let (wanted, most) = (job.audit_fee.checked_mul(auditors).unwrap(), job.price);
    let most = case.network.state().params.economics.worker_share.of(most);
    let paid = if wanted > most { most.split(auditors).checked_mul(auditors).unwrap() } else { wanted };
    let back = job.price.checked_sub(paid).and_then(|rest| rest.checked_sub(cancel_fee)).unwrap();
    assert_eq!(balance(&case).checked_add(fees).unwrap(), before.checked_add(back).unwrap());
    let refunded = |event: &Event| matches!(event, Event::JobRefunded { amount, reason: RefundReason::Failed, .. } if *amount == back);
    assert!(case.network.events.iter().any(refunded));
}

/// Rule AUD-03: however many clean jobs its worker has, a failure is looked at as closely as a beginner's work.
#[test]
fn aud_03_failures_are_audited_at_the_rate_of_the_ramp() {
    let case = Case::failing(Start::Huge, |failed| failed);
    let mut state = case.network.state().clone();
    let mut job = case.network.job(&case.job).clone();
    let pair = job.pair();
    let worker = case.network.address(0);
    state.validators.get_mut(&worker).unwrap().pairs.get_mut(&pair).unwrap().clean_jobs = 1_000_000;
    let Stage::Committed(committed) = &mut job.stage else { panic!("it is committed") };
    committed.phase = Phase::Claiming;
    let (ramp, floor) = (state.params.sortition.rate_ramp, state.params.sortition.rate_floor);
    assert_eq!(state.sortition(&job).unwrap().rate, ramp);
    let Stage::Committed(committed) = &mut job.stage else { panic!("it is committed") };
    committed.commitment.images = BoundedVec::empty();
    assert_eq!(state.sortition(&job).unwrap().rate, floor);
}

/// Rule ARI-11: the number that is said to be none is one.
#[test]
fn ari_11_a_false_failure_is_one_number_away() {
    let claim = number(|kind| matches!(kind, OpKind::NormBound(_)), 0);
    let mut case = Case::failing(Start::Usual, |failed| {
        assert_eq!(failed, None);
        Some(claim)
    });
    case.dispute();
    assert!(matches!(case.stage(), Some(DisputeStage::Proving(list)) if list.failed == Some(claim)));
    prove(&mut case, claim);
    assert!(is_convicted(&case));
    assert!(case.network.attempt_is_over(&case.job));
}

/// Rule ARI-07: a worker cannot have a number where there is none.
#[test]
fn ari_07_a_hidden_failure_is_one_number_away() {
    let mut case = Case::failing(Start::Huge, |_| None);
    let failed = case.failed.unwrap();
    case.dispute();
    prove(&mut case, failed);
    assert!(is_convicted(&case));
}

/// Rule ARI-11: before the true place there are numbers, behind it there are none.
#[test]
fn ari_11_another_place_is_one_number_away() {
    for later in [false, true] {
        let claim = |failed: Option<FailedAt>| {
            let FailedAt::Number { call, op, element } = failed.unwrap() else { panic!("{failed:?}") };
            let earlier = FailedAt::Number { call: 0, op: 0, element: 5 };
            Some(if later { FailedAt::Number { call, op: op + 3, element } } else { earlier })
        };
        let mut case = Case::failing(Start::Huge, claim);
        let (claimed, failed) = (case.claimed.unwrap(), case.failed.unwrap());
        assert_eq!(claimed > failed, later);
        case.dispute();
        prove(&mut case, claimed.min(failed));
        assert!(is_convicted(&case), "{claimed:?} is said, {failed:?} is true");
    }
}

/// Rule ARI-08: against a true failure nothing can be shown.
#[test]
fn ari_11_a_true_failure_stands() {
    let mut case = Case::of(STEPS + 1, Wrong::Auditor, Start::Huge, |failed| failed);
    case.dispute();
    let failed = case.failed.unwrap();
    let FailedAt::Number { call, op, element } = failed else { panic!("{failed:?}") };
    assert_eq!(try_prove(&case, failed), Err(DutyError::NoContradiction { op, element }));
    let beyond = FailedAt::Number { call, op, element: element + 1 };
    let unclaimed = try_prove(&case, beyond).unwrap_err();
    assert!(
        matches!(&unclaimed, DutyError::Proof(error) if matches!(**error, ProofError::Unclaimed { .. })),
        "{unclaimed}"
    );
    // Tensors behind the failure do not exist.
    let last = case.computation.last().unwrap() as u32;
    let demand = DutyKind::DemandTensor { answer: case.answer, tensor: last, part: TensorPart::Piece(0) };
    assert_eq!(case.try_duty(case.auditor(), demand), Err(DutyError::NoSuchPart { tensor: last }));
    let node = case.auditor();
    let earlier = DutyKind::DemandTensor { answer: case.answer, tensor: 0, part: TensorPart::Piece(0) };
    assert_eq!(case.try_duty(node, earlier), Ok(()));
    // Nothing more is shown: the auditor was wrong.
    case.network.until(|network| !matches!(network.phase(&case.job), Some(Phase::Disputing(_))));
    let auditor = case.network.address(node);
    assert!(matches!(*case.network.slashes_of(&case.job), [(by, Fault::WrongAnswer, _)] if by == auditor));
}

/// Rule ARI-04: contesting an answer that agrees costs as ever.
#[test]
fn ari_04_an_agreed_failure_is_not_contested() {
    let mut case = Case::failing(Start::Huge, |failed| failed);
    case.dispute();
    assert_eq!(case.network.slashes_of(&case.job)[0].1, Fault::BaselessContest);
}

/// Rule ARI-12: where the inputs themselves fail, none are named, and a jury decides.
#[test]
fn ari_12_failed_inputs_go_to_a_jury() {
    let mut case = Case::of(2, Wrong::Nobody, Start::Usual, |_| Some(FailedAt::Inputs));
    case.inputs.clear();
    case.contest();
    assert!(matches!(case.network.phase(&case.job), Some(Phase::Judging(_))));
    // Nobody fails there: a step needs its inputs.
    let mut case = Case::at(2, Wrong::Nobody);
    case.inputs.clear();
    let contest = DutyKind::Contest { answer: case.answer, inputs: BoundedVec::empty() };
    assert_eq!(case.try_duty(0, contest), Err(DutyError::GivenInputs { boundary: 2, actual: 0 }));
}

/// Rule ARI-10: roots end as the commitment says, at a number that exists, and nothing comes after it.
#[test]
fn ari_10_roots_end_as_committed() {
    let claim = number(|kind| matches!(kind, OpKind::NormBound(_)), 0);
    let mut case = Case::failing(Start::Usual, |_| Some(claim));
    case.contest();
    let post = |edit: &dyn Fn(&mut dfsn_types::TensorRoots)| {
        let mut roots = case.posted_roots();
        edit(&mut roots);
        case.try_data(0, DutyKind::PostRoots { answer: case.answer, roots: Box::new(roots) })
    };
    let asked = Boundary { image: 0, t: STEPS + 1 };
    assert_eq!(post(&|_| {}), Ok(()));
    assert_eq!(post(&|roots| roots.failed = None), Err(DutyError::OtherEnd(asked)));
    // Another place than the leaf holds.
    let other = |roots: &mut dfsn_types::TensorRoots| roots.failed = Some(FailedAt::Inputs);
    assert_eq!(post(&other), Err(DutyError::Roots(RootsError::After)));
    let last = case.computation.last().unwrap();
    let beyond = post(&|roots| {
        let mut all = roots.roots.to_vec();
        all[last] = Hash::from_bytes([1; 32]);
        roots.roots = BoundedVec::new(all).unwrap();
    });
    assert_eq!(beyond, Err(DutyError::Roots(RootsError::Beyond { place: last })));

    let nowhere = FailedAt::Number { call: 1, op: 0, element: u64::MAX };
    let mut case = Case::failing(Start::Usual, |_| Some(nowhere));
    case.contest();
    let posted = Box::new(case.posted_roots());
    let none = RootsError::NoSuchNumber { call: 1, op: 0, element: u64::MAX };
    assert_eq!(
        case.try_data(0, DutyKind::PostRoots { answer: case.answer, roots: posted }),
        Err(DutyError::Roots(none))
    );
}
