//! Who loses what.

use dfsn_consensus::exact::{Element, OpKind, TensorId};
use dfsn_consensus::state::{DisputeStage, Phase};
use dfsn_types::{DutyKind, Event, Fault, TensorPart};

use super::case::{Case, STEPS, Wrong, contested};

/// An operation of a call, by what it does, and its first output.
fn tensor(t: u16, call: usize, is: impl Fn(&OpKind) -> bool) -> (usize, TensorId) {
    let computation = contested(t);
    let program = &computation.calls()[call].program;
    let op = program.ops().iter().find(|op| is(&op.kind)).unwrap();
    (call, op.outputs[0])
}

fn prove(case: &mut Case) {
    let (node, proof) = (case.auditor(), Box::new(case.proof()));
    case.data(node, DutyKind::ProveFault { answer: case.answer, proof });
}

#[test]
fn ari_07_one_number_costs_the_whole_lock() {
    let last = STEPS + 1;
    // Of the second step: the latents out of the state, one of the UNet's numbers, the scheduler's, the new state.
    let step = [
        (2, tensor(2, 0, |kind| matches!(kind, OpKind::Part { .. })), 40),
        (2, tensor(2, 3, |kind| matches!(kind, OpKind::Conv { .. })), 70),
        (2, tensor(2, 4, |kind| matches!(kind, OpKind::Elementwise(_))), 3),
        (2, tensor(2, 5, |kind| matches!(kind, OpKind::Join)), 1_500),
    ];
    let decoded = [
        // The first convolution's result, an activation quantised too coarsely, the sums of a norm, the last tensor.
        (last, tensor(last, 1, |kind| matches!(kind, OpKind::Conv { .. })), 70),
        (last, tensor(last, 1, |kind| matches!(kind, OpKind::NormQuantImage(_))), 11),
        (last, tensor(last, 1, |kind| matches!(kind, OpKind::SumPart { .. })), 2),
        (last, tensor(last, 2, |kind| matches!(kind, OpKind::Transpose { .. })), 9_000),
    ];
    for (t, (call, id), element) in decoded.into_iter().chain(step) {
        let mut case = Case::at(t, Wrong::Worker(call, id, element));
        let lock = case.network.job(&case.job).committed().unwrap().lock.amount();
        let before = case.network.wealth(case.auditor());
        case.dispute();
        assert!(matches!(case.stage(), Some(DisputeStage::Proving(_))));
        prove(&mut case);
        let worker = case.network.address(0);
        assert_eq!(case.network.slashes_of(&case.job), [(worker, Fault::Contradiction, lock)]);
        assert!(case.network.state().validators.get(&worker).unwrap().tombstoned);
        assert!(case.network.events.iter().any(|event| matches!(event, Event::FaultProven { .. })));
        assert!(case.network.attempt_is_over(&case.job));
        // Half of it is the auditor's, once the hold is over.
        case.network.ticks(2);
        let gain = case.network.wealth(case.auditor()).checked_sub(before).unwrap();
        assert_eq!(gain, lock.split(2));
    }
}

#[test]
fn ari_08_false_accusation_pays_and_the_audit_goes_on() {
    let mut case = Case::new(Wrong::Auditor);
    case.dispute();
    let auditor = case.network.address(case.auditor());
    let fee = case.network.job(&case.job).audit_fee.checked_mul(100).unwrap();
    case.network.until(|network| !matches!(network.phase(&case.job), Some(Phase::Disputing(_))));
    assert_eq!(case.network.slashes_of(&case.job), [(auditor, Fault::WrongAnswer, fee)]);
    assert_eq!(case.network.phase(&case.job), Some(&Phase::Opening), "the other answers stand");
    let worker = case.network.address(0);
    assert!(!case.network.state().validators.get(&worker).unwrap().tombstoned);
}

#[test]
fn ari_08_silence_in_a_dispute_is_the_lie() {
    let mut case = Case::new(Wrong::Nobody);
    case.contest();
    let lock = case.network.job(&case.job).committed().unwrap().lock.amount();
    case.network.until(|network| network.attempt_is_over(&case.job));
    let worker = case.network.address(0);
    assert_eq!(case.network.slashes_of(&case.job), [(worker, Fault::Contradiction, lock)]);
    assert!(case.network.state().validators.get(&worker).unwrap().tombstoned, "posts no roots");
    let mut case = Case::new(Wrong::Auditor);
    case.dispute();
    let node = case.auditor();
    case.data(node, DutyKind::DemandTensor { answer: case.answer, tensor: 3, part: TensorPart::Piece(0) });
    assert!(matches!(case.stage(), Some(DisputeStage::Showing { tensor: 3, .. })));
    case.network.until(|network| network.attempt_is_over(&case.job));
    assert_eq!(case.network.slashes_of(&case.job)[0].1, Fault::Contradiction, "shows nothing of its tensor");
}

/// Only the embeddings differ: the auditor has a jury called, which finds the worker wrong.
#[test]
fn ari_02_other_inputs_are_judged_by_a_jury() {
    let mut case = Case::at(2, Wrong::Nobody);
    case.inputs[0] = dfsn_types::Hash::from_bytes([1; 32]);
    case.contest();
    let call = DutyKind::CallJury { answer: case.answer };
    case.data(case.auditor(), call);
    assert!(matches!(case.network.phase(&case.job), Some(Phase::Judging(_))));
    assert!(case.network.events.iter().any(|event| matches!(event, Event::JuryCalled { .. })));
}

#[test]
fn ari_04_contesting_an_answer_that_agrees_costs_ten_prices() {
    let mut case = Case::new(Wrong::Nobody);
    case.dispute();
    let penalty = case.network.job(&case.job).price.checked_mul(10).unwrap();
    let worker = case.network.address(0);
    assert_eq!(case.network.slashes_of(&case.job), [(worker, Fault::BaselessContest, penalty)]);
    assert_eq!(case.network.phase(&case.job), Some(&Phase::Opening), "it must open after all");
}

/// The way without any help from the worker's own service: level, piece, proof.
#[test]
fn ari_06_everything_can_be_demanded_on_chain() {
    let (call, id) = tensor(STEPS + 1, 1, |kind| matches!(kind, OpKind::QuantImage));
    let mut case = Case::new(Wrong::Worker(call, id, 5));
    case.dispute();
    let node = case.auditor();
    let last = case.computation.last().unwrap();
    let large = (0..case.computation.tensors())
        .find(|place| dfsn_types::node_chunks(case.computation.tensor(*place).unwrap().bytes()).is_some());
    let mut parts = vec![(last, TensorPart::Piece(0))];
    parts.push((large.expect("a tensor above 128 chunks"), TensorPart::Level));
    for (tensor, part) in parts {
        let tensor = u32::try_from(tensor).unwrap();
        case.data(node, DutyKind::DemandTensor { answer: case.answer, tensor, part });
        let posted = Box::new(case.posted(tensor, part));
        case.data(0, DutyKind::PostTensor { answer: case.answer, posted });
        assert!(matches!(case.stage(), Some(DisputeStage::Proving(_))));
    }
    prove(&mut case);
    assert_eq!(case.network.slashes_of(&case.job)[0].1, Fault::Contradiction);
    assert_eq!(case.computation.tensor(last).unwrap().element, Element::F32);
}
