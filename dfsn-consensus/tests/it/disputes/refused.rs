//! What no block may hold.

use dfsn_consensus::DutyError;
use dfsn_consensus::exact::{ComputationError, ContestedState, RootsError};
use dfsn_consensus::state::{DisputeStage, ModelError, TENSOR_DEMANDS_MAX};
use dfsn_types::{
    Boundary, BoundedVec, DutyKind, ElementProof, GenerationParams, Hash, ImageSize, PostedPart,
    PostedTensor, Salt, TensorPart, TensorRoots, TraceShape,
};

use super::case::{Case, STEPS, Wrong, contested};
use super::model::Model;

fn roots(case: &Case, edit: impl Fn(&mut TensorRoots)) -> Result<(), DutyError> {
    let mut roots = case.posted_roots();
    edit(&mut roots);
    case.try_data(0, DutyKind::PostRoots { answer: case.answer, roots: Box::new(roots) })
}

#[test]
fn ari_04_roots_begin_and_end_in_committed_states() {
    let mut case = Case::new(Wrong::Auditor);
    let early = DutyKind::PostRoots { answer: case.answer, roots: Box::new(case.posted_roots()) };
    assert!(matches!(case.try_data(0, early), Err(DutyError::NotAwaited { .. })), "nothing is contested yet");
    case.contest();
    assert_eq!(roots(&case, |_| ()), Ok(()));
    let other = |hash: &mut Hash| *hash = Hash::from_bytes([9; 32]);
    let count = case.computation.tensors();
    let changed = |list: &mut TensorRoots, at: usize| {
        let mut roots = list.roots.to_vec();
        other(&mut roots[at]);
        list.roots = BoundedVec::new(roots).unwrap();
    };
    assert!(matches!(roots(&case, |list| other(&mut list.after.hash)), Err(DutyError::Opening(_))));
    assert!(matches!(
        roots(&case, |list| list.after.salt = Salt::from_bytes([9; 32])),
        Err(DutyError::Opening(_))
    ));
    let before = |list: &mut TensorRoots| {
        if let Some(before) = &mut list.before {
            other(&mut before.hash);
        }
    };
    assert!(matches!(roots(&case, before), Err(DutyError::Opening(_))));
    assert!(matches!(
        roots(&case, |list| list.before = None),
        Err(DutyError::Roots(RootsError::Input { .. }))
    ));
    let shorter = |list: &mut TensorRoots| list.roots = BoundedVec::new(list.roots[1..].to_vec()).unwrap();
    assert!(matches!(roots(&case, shorter), Err(DutyError::Roots(RootsError::Count { .. }))));
    assert_eq!(roots(&case, |list| changed(list, count - 1)), Err(DutyError::Roots(RootsError::After)));
    let linked = case.computation.calls()[1].first;
    let found = roots(&case, |list| changed(list, linked));
    assert_eq!(found, Err(DutyError::Roots(RootsError::Input { call: 1, input: 0 })));
    // The others' duty it is not.
    let kind = DutyKind::PostRoots { answer: case.answer, roots: Box::new(case.posted_roots()) };
    assert!(matches!(case.try_data(case.auditor(), kind.clone()), Err(DutyError::NotAwaited { .. })));
    assert_eq!(case.try_duty(0, kind), Err(DutyError::WrongLane("data")));
    case.post_roots();
    assert!(matches!(roots(&case, |_| ()), Err(DutyError::NotAwaited { .. })), "once");
}

#[test]
fn ari_02_inputs_are_as_many_as_arithmetic_leaves_open() {
    let case = Case::new(Wrong::Nobody);
    let contest = |case: &Case, count: usize| {
        let inputs = BoundedVec::new(vec![Hash::from_bytes([1; 32]); count]).unwrap();
        case.try_duty(0, DutyKind::Contest { answer: case.answer, inputs })
    };
    assert_eq!(contest(&case, 0), Ok(()));
    let wrong = |boundary, actual| Err(DutyError::GivenInputs { boundary, actual });
    assert_eq!(contest(&case, 1), wrong(STEPS + 1, 1));
    let case = Case::at(2, Wrong::Nobody);
    for count in 0..=18 {
        // Two prompts of one to eight chunks, and pooled embeddings of each.
        let expected = if count >= 4 && count % 2 == 0 { Ok(()) } else { wrong(2, count) };
        assert_eq!(contest(&case, count), expected, "{count}");
    }
}

#[test]
fn ari_02_no_jury_is_called_once_roots_are_shown() {
    let mut case = Case::new(Wrong::Auditor);
    case.dispute();
    let found = case.try_duty(case.auditor(), DutyKind::CallJury { answer: case.answer });
    assert!(matches!(found, Err(DutyError::NotAwaited { .. })));
}

#[test]
fn ari_05_few_parts_that_exist_are_demanded_by_the_auditor() {
    let mut case = Case::new(Wrong::Auditor);
    case.dispute();
    let (node, answer) = (case.auditor(), case.answer);
    let demand = |tensor, part| DutyKind::DemandTensor { answer, tensor, part };
    assert_eq!(case.try_duty(node, demand(0, TensorPart::Piece(0))), Ok(()));
    let none = |tensor| Err(DutyError::NoSuchPart { tensor });
    assert_eq!(case.try_duty(node, demand(0, TensorPart::Piece(1))), none(0));
    assert_eq!(case.try_duty(node, demand(0, TensorPart::Level)), none(0), "a tensor that one piece shows");
    let count = u32::try_from(case.computation.tensors()).unwrap();
    assert_eq!(case.try_duty(node, demand(count, TensorPart::Piece(0))), none(count));
    for other in (0..4).filter(|other| *other != node) {
        let found = case.try_duty(other, demand(0, TensorPart::Piece(0)));
        assert!(matches!(found, Err(DutyError::NotAwaited { .. })), "node {other}");
    }
    for tensor in 0..TENSOR_DEMANDS_MAX as u32 {
        case.data(node, demand(tensor, TensorPart::Piece(0)));
        let posted = Box::new(case.posted(tensor, TensorPart::Piece(0)));
        case.data(0, DutyKind::PostTensor { answer, posted });
        let again = case.try_duty(node, demand(tensor, TensorPart::Piece(0)));
        assert!(matches!(again, Err(DutyError::NotAwaited { .. })), "sent again by somebody else");
    }
    let found = case.try_duty(node, demand(9, TensorPart::Piece(0)));
    assert!(matches!(found, Err(DutyError::NotAwaited { .. })), "enough");
}

#[test]
fn ari_06_only_the_part_that_was_demanded_is_taken() {
    let mut case = Case::new(Wrong::Auditor);
    case.dispute();
    let (node, answer) = (case.auditor(), case.answer);
    case.data(node, DutyKind::DemandTensor { answer, tensor: 1, part: TensorPart::Piece(0) });
    let post = |case: &Case, posted: PostedTensor| {
        case.try_data(0, DutyKind::PostTensor { answer, posted: Box::new(posted) })
    };
    let right = case.posted(1, TensorPart::Piece(0));
    assert_eq!(post(&case, right.clone()), Ok(()));
    let other = Err(DutyError::PostedTensor { tensor: 1 });
    assert_eq!(post(&case, case.posted(4, TensorPart::Piece(0))), other, "another tensor");
    let level = PostedPart::Level(BoundedVec::new(vec![right.hash]).unwrap());
    assert_eq!(post(&case, PostedTensor { part: level, ..right.clone() }), other, "another part");
    assert_eq!(post(&case, PostedTensor { hash: Hash::from_bytes([1; 32]), ..right.clone() }), other);
    let PostedPart::Piece(mut slice) = right.part.clone() else { panic!("a piece was asked for") };
    let mut bytes = slice.bytes.to_vec();
    bytes[3] ^= 1;
    slice.bytes = BoundedVec::new(bytes).unwrap();
    let found = post(&case, PostedTensor { part: PostedPart::Piece(slice), ..right });
    assert!(matches!(found, Err(DutyError::Slice(_))));
}

#[test]
fn ari_07_what_follows_is_no_proof() {
    let mut case = Case::new(Wrong::Auditor);
    case.dispute();
    let (node, answer) = (case.auditor(), case.answer);
    let prove = |case: &Case, node: usize, proof: ElementProof| {
        case.try_data(node, DutyKind::ProveFault { answer, proof: Box::new(proof) })
    };
    let ops = case.computation.calls()[1].program.ops().len();
    for op in [0, 5, ops - 1] {
        let proof = case.prove((1, op, 0), 0);
        assert_eq!(
            prove(&case, node, proof.clone()),
            Err(DutyError::NoContradiction { op: op as u32, element: 0 })
        );
        let other_call = ElementProof { call: 9, ..proof.clone() };
        assert_eq!(prove(&case, node, other_call), Err(DutyError::NoSuchCall(9)));
        assert!(matches!(prove(&case, node, ElementProof { call: 0, ..proof }), Err(DutyError::Proof(_))));
    }
}

#[test]
fn ari_07_a_proof_is_the_contested_auditors() {
    let (call, op, output) = (1, 0, 0);
    let computation = contested(STEPS + 1);
    let id = computation.calls()[call].program.ops()[op].outputs[output];
    let mut case = Case::new(Wrong::Worker(call, id, 7));
    case.dispute();
    let kind = DutyKind::ProveFault { answer: case.answer, proof: Box::new(case.proof()) };
    for other in (0..4).filter(|other| *other != case.auditor()) {
        assert!(matches!(case.try_data(other, kind.clone()), Err(DutyError::NotAwaited { .. })));
    }
    assert_eq!(case.try_data(case.auditor(), kind), Ok(()));
}

#[test]
fn mod_05_exact_forms_are_models() {
    let model = Model::new();
    let check = |edit: &dyn Fn(&mut dfsn_types::ExactRecord)| {
        let mut exact = model.record();
        edit(&mut exact);
        let setup = crate::network::Setup { exact: Some(exact), ..crate::network::Setup::of(vec![]) };
        dfsn_consensus::state::ChainState::genesis(&setup.config()).map(|_| ())
    };
    assert_eq!(check(&|_| ()), Ok(()));
    let garbage = check(&|exact| exact.architecture = BoundedVec::new(vec![1, 2, 3]).unwrap());
    assert!(garbage.unwrap_err().to_string().contains("architecture"));
    let mut other = Model::new().architecture;
    other.decoder.latent_channels = 5;
    let other = BoundedVec::new(other.to_bytes()).unwrap();
    let channels = check(&|exact| exact.architecture = other.clone()).unwrap_err();
    let expected = ModelError::LatentChannels { found: 5, latent_channels: 4 };
    assert!(channels.to_string().contains(&expected.to_string()), "{channels}");
    let mut many = Model::new().architecture;
    many.text_encoders = vec![many.text_encoders[0]; 3];
    let many = BoundedVec::new(many.to_bytes()).unwrap();
    assert!(check(&|exact| exact.architecture = many.clone()).is_err());
}

#[test]
fn ari_02_a_jury_is_the_contested_auditors_to_call() {
    let mut case = Case::at(2, Wrong::Nobody);
    case.contest();
    assert_eq!(case.stage(), Some(DisputeStage::Inputs));
    let call = DutyKind::CallJury { answer: case.answer };
    for other in (0..4).filter(|other| *other != case.auditor()) {
        assert!(matches!(case.try_duty(other, call.clone()), Err(DutyError::NotAwaited { .. })));
    }
    let early = DutyKind::PostRoots { answer: case.answer, roots: Box::new(case.posted_roots()) };
    assert!(
        matches!(case.try_data(0, early), Err(DutyError::NotAwaited { .. })),
        "inputs are compared first"
    );
    assert_eq!(case.try_duty(case.auditor(), call), Ok(()));
}

/// A tensor above 512 MiB has no level, so a number that differs could not be found in it.
#[test]
fn ari_01_what_cannot_be_searched_goes_to_a_jury() {
    let mut architecture = Model::new().architecture;
    architecture.decoder.channels = vec![128, 256, 512, 512];
    architecture.decoder.norm_num_groups = 32;
    for (side, is_judged) in [(512, true), (1_024, false)] {
        let size = ImageSize::new(side, side).unwrap();
        let pair = crate::network::setup::pair();
        let params = GenerationParams::builder(pair.model, pair.profile, "a red fox", size).build().unwrap();
        let at = |t| {
            let boundary = Boundary { image: 0, t };
            ContestedState { architecture: &architecture, params: &params, vae_scale_factor: 8, boundary }
        };
        let expected = || if is_judged { Ok(()) } else { Err(ComputationError::TooLarge) };
        // In 1024x1024 the pixels before the autoencoder's last convolution, and the UNet's scores.
        for (t, given) in [(TraceShape::of(&params).decoded(), 0), (1, 4)] {
            assert_eq!(at(t).computation(given).map(|_| ()), expected(), "{side}, boundary {t}");
        }
        assert!(at(0).computation(0).is_ok());
        assert_eq!(at(1).computation(3), Err(ComputationError::Given { boundary: 1, actual: 3 }));
    }
}
