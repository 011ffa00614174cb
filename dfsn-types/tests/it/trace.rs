//! The trace: an opening holds at its place and nowhere else, and digests, salts and answers fit one context.

use std::collections::BTreeSet;

use dfsn_types::codec::{decode, encode};
use dfsn_types::*;
use proptest::prelude::*;

use crate::properties::check;
use crate::samples::{Sample, bounded};
use crate::strategies::random;

/// The shape of a request for so many images and steps.
pub(crate) fn shape(images: u8, steps: u16) -> TraceShape {
    let builder = GenerationParams::builder(ModelId::sample(), ProfileId::sample(), "", ImageSize::sample());
    let params = builder.num_images(images).num_inference_steps(steps).build();
    TraceShape::of(&params.expect("images and steps are in range"))
}

/// Every boundary of a shape, in the order of the leaves.
pub(crate) fn boundaries(shape: TraceShape) -> Vec<Boundary> {
    let image = |image| (0..=shape.decoded()).map(move |t| Boundary { image, t });
    (0..shape.images()).flat_map(image).collect()
}

/// A tree of different leaves, numbered in its hashes.
fn tree(images: u8, steps: u16) -> TraceTree {
    let shape = shape(images, steps);
    TraceTree::new(shape, (0..shape.leaves()).map(leaf).collect()).expect("a leaf a boundary")
}

fn leaf(number: usize) -> TraceLeaf {
    let hash = Domain::File.hash(&(number as u64));
    TraceLeaf { digest: StateDigest::from(hash), salt: Salt::from_bytes(*hash.as_bytes()) }
}

/// The root by the words of the protocol: leaves in order, padded to a power of two, hashed in pairs.
fn root_by_definition(tree: &TraceTree, leaves: &[TraceLeaf]) -> [u8; 32] {
    let hash = |context, parts: &[&[u8]]| blake3::derive_key(context, &parts.concat());
    let mut level: Vec<[u8; 32]> = boundaries(tree.shape())
        .iter()
        .zip(leaves)
        .map(|(Boundary { image, t }, leaf)| {
            let (salt, digest) = (leaf.salt.as_bytes(), leaf.digest.as_bytes());
            hash("dfsn/leaf/1", &[&[*image], &t.to_le_bytes(), salt, digest])
        })
        .collect();
    while !level.len().is_power_of_two() {
        level.push(hash("dfsn/pad/1", &[]));
    }
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| hash("dfsn/node/1", &[&pair[0], &pair[1]])).collect();
    }
    level[0]
}

#[test]
fn roots_follow_the_definition() {
    for (images, steps) in [(1, 1), (1, 2), (1, 6), (2, 5), (3, 20), (4, 14), (4, 150)] {
        let tree = tree(images, steps);
        let leaves: Vec<_> = (0..tree.shape().leaves()).map(leaf).collect();
        assert_eq!(tree.root().as_bytes(), &root_by_definition(&tree, &leaves), "{images} of {steps} steps");
    }
}

/// All 600 shapes: indices count the leaves in order, and the depth is what the leaves need.
#[test]
fn shapes_count_their_leaves() {
    let mut most = 0;
    for images in 1..=GenerationParams::MAX_IMAGES {
        for steps in 1..=GenerationParams::MAX_STEPS {
            let shape = shape(images, steps);
            let indices: Vec<_> =
                boundaries(shape).into_iter().map(|boundary| shape.index(boundary)).collect();
            let expected: Vec<_> = (0..shape.leaves()).map(Ok).collect();
            assert_eq!(indices, expected, "{images} images of {steps} steps");
            let depth = shape.depth();
            assert!(shape.leaves() <= 1 << depth && shape.leaves() > 1 << (depth - 1), "{shape:?}");
            most = most.max(shape.leaves());
        }
    }
    assert_eq!(most, LEAVES_MAX);
    assert_eq!(shape(4, 150).depth(), 10);
}

#[test]
fn every_opening_of_the_largest_trace_verifies() {
    let tree = tree(4, 150);
    for boundary in boundaries(tree.shape()) {
        let opening = tree.open(boundary).expect("inside");
        assert_eq!(opening.verify(tree.shape(), &tree.root()), Ok(()), "{boundary:?}");
        assert_eq!(opening.boundary, boundary);
    }
}

#[test]
fn openings_hold_at_their_place_only() {
    for (images, steps) in [(1, 1), (1, 5), (2, 5), (4, 2)] {
        let tree = tree(images, steps);
        for boundary in boundaries(tree.shape()) {
            let opening = tree.open(boundary).expect("inside");
            for elsewhere in boundaries(tree.shape()) {
                let moved = LeafOpening { boundary: elsewhere, ..opening.clone() };
                let verified = moved.verify(tree.shape(), &tree.root());
                assert_eq!(verified.is_ok(), elsewhere == boundary, "{boundary:?} at {elsewhere:?}");
            }
        }
    }
}

#[test]
fn flipped_bits_of_an_opening_fail() {
    let tree = tree(4, 150);
    let (shape, root) = (tree.shape(), tree.root());
    let opening = tree.open(Boundary { image: 2, t: 77 }).expect("inside");
    let bytes = encode(&opening);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verified =
            decode::<LeafOpening>(&flipped, flipped.len()).map(|opening| opening.verify(shape, &root));
        assert!(!matches!(verified, Ok(Ok(()))), "bit {bit} does not count");
    }
    for bit in 0..256 {
        let mut flipped = *root.as_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let expected = TraceRoot::from_bytes(flipped);
        let mismatch = TraceError::RootMismatch { actual: root, expected };
        assert_eq!(opening.verify(shape, &expected), Err(mismatch));
    }
}

#[test]
fn paths_of_another_length_fail() {
    let tree = tree(2, 5);
    let opening = tree.open(Boundary { image: 1, t: 3 }).expect("inside");
    let expected = tree.shape().depth();
    for actual in (0..=10).filter(|length| *length != expected) {
        let path = opening.path.iter().copied().cycle().take(actual).collect();
        let other = LeafOpening { path: bounded(path), ..opening.clone() };
        let error = TraceError::PathLength { actual, expected };
        assert_eq!(other.verify(tree.shape(), &tree.root()), Err(error));
    }
}

/// An inner node is no leaf: cutting a path where the node stands does not help.
#[test]
fn places_outside_the_trace_fail() {
    let tree = tree(2, 5);
    let opening = tree.open(Boundary { image: 0, t: 0 }).expect("inside");
    for (image, t) in [(2, 0), (255, 0), (0, 7), (1, 7), (0, u16::MAX), (255, u16::MAX)] {
        let boundary = Boundary { image, t };
        let error = TraceError::OutOfRange { image, t, images: 2, steps: 5 };
        let moved = LeafOpening { boundary, ..opening.clone() };
        assert_eq!(moved.verify(tree.shape(), &tree.root()), Err(error));
        assert_eq!(tree.open(boundary).err(), Some(error));
        assert_eq!(tree.shape().index(boundary), Err(error));
    }
}

#[test]
fn trees_need_a_leaf_a_boundary() {
    let shape = shape(2, 5);
    for actual in [0, 1, 13, 15, 608] {
        let error = TraceError::LeafCount { actual, expected: 14 };
        assert_eq!(TraceTree::new(shape, (0..actual).map(leaf).collect()).err(), Some(error));
    }
}

/// Any two different sets of leaves have different roots; none opens the other's root.
#[test]
fn every_leaf_counts() {
    let shape = shape(2, 5);
    let last = shape.leaves();
    check(64, &(0..last, random(), random()), |(at, digest, salt)| {
        let mut leaves: Vec<_> = (0..last).map(leaf).collect();
        leaves[at] = TraceLeaf { digest, salt };
        let boundary = boundaries(shape)[at];
        let (plain, changed) = (tree(2, 5), TraceTree::new(shape, leaves).expect("a leaf a boundary"));
        prop_assert_ne!(plain.root(), changed.root());
        for (one, other) in [(&plain, &changed), (&changed, &plain)] {
            let opening = one.open(boundary).expect("inside");
            prop_assert!(opening.verify(shape, &one.root()).is_ok());
            prop_assert!(opening.verify(shape, &other.root()).is_err());
        }
        Ok(())
    });
}

/// The contexts that differ from one in a single field.
fn neighbours(context: StateContext) -> Vec<StateContext> {
    let Boundary { image, t } = context.boundary;
    vec![
        context,
        StateContext { genesis: GenesisHash::from_bytes([9; 32]), ..context },
        StateContext { job: JobId::from_bytes([9; 32]), ..context },
        StateContext { attempt: context.attempt.next(), ..context },
        StateContext { worker: Address::from_bytes([9; 20]), ..context },
        StateContext { boundary: Boundary { image: image + 1, t }, ..context },
        StateContext { boundary: Boundary { image, t: t + 1 }, ..context },
    ]
}

#[test]
fn states_and_salts_fit_one_context() {
    let contexts = neighbours(StateContext::sample());
    let digests: BTreeSet<_> = contexts.iter().map(|context| context.digest(b"state")).collect();
    let salts: BTreeSet<_> = contexts.iter().map(|context| context.salt(&[1; 32])).collect();
    assert_eq!((digests.len(), salts.len()), (contexts.len(), contexts.len()));

    let context = StateContext::sample();
    let states: BTreeSet<_> = [&b""[..], b"\0", b"\0\0", b"a"].map(|state| context.digest(state)).into();
    assert_eq!(states.len(), 4);
    assert_ne!(context.salt(&[1; 32]), context.salt(&[2; 32]));
}

/// The words of the protocol, spelled out with BLAKE3 alone.
#[test]
fn states_salts_and_answers_follow_the_definition() {
    let StateContext { genesis, job, attempt, worker, boundary } = StateContext::sample();
    let Boundary { image, t } = boundary;
    let place = [&[attempt.get()][..], worker.as_bytes(), &[image], &t.to_le_bytes()].concat();
    let context = [genesis.as_bytes(), job.as_bytes(), place.as_slice()].concat();

    let hash = blake3::hash(b"state");
    let state = [&context[..], &5u64.to_le_bytes(), hash.as_bytes()].concat();
    let digest = StateContext::sample().digest(b"state");
    assert_eq!(digest.as_bytes(), &blake3::derive_key("dfsn/state/1", &state));

    let key = blake3::derive_key("dfsn/salt/1", &[3; 32]);
    let salt = StateContext::sample().salt(&[3; 32]);
    assert_eq!(salt.as_bytes(), blake3::keyed_hash(&key, &context).as_bytes());

    let asked = AnswerContext { genesis, job, attempt, boundary, answerer: worker };
    let fields = [&[attempt.get()][..], &[image], &t.to_le_bytes(), worker.as_bytes(), digest.as_bytes()];
    let answer = [&genesis.as_bytes()[..], job.as_bytes(), &fields.concat()].concat();
    assert_eq!(asked.answer(&digest).as_bytes(), &blake3::derive_key("dfsn/answer/1", &answer));
}

#[test]
fn answer_of_attempt_1_fails_in_attempt_2() {
    let context = AnswerContext::sample();
    let digest = StateDigest::sample();
    let next = AnswerContext { attempt: context.attempt.next(), ..context };
    assert_ne!(context.answer(&digest), next.answer(&digest));
}

/// Who copies another's answer answers another question.
#[test]
fn copied_answer() {
    let context = AnswerContext::sample();
    let digest = StateDigest::sample();
    let Boundary { image, t } = context.boundary;
    let others = [
        AnswerContext { answerer: Address::from_bytes([9; 20]), ..context },
        AnswerContext { genesis: GenesisHash::from_bytes([9; 32]), ..context },
        AnswerContext { job: JobId::from_bytes([9; 32]), ..context },
        AnswerContext { boundary: Boundary { image: image + 1, t }, ..context },
        AnswerContext { boundary: Boundary { image, t: t + 1 }, ..context },
    ];
    for other in others {
        assert_ne!(context.answer(&digest), other.answer(&digest), "{other:?}");
    }
    assert_ne!(context.answer(&digest), context.answer(&StateDigest::from_bytes([9; 32])));
}

/// Rule TRC-10: a failed state says where, in bytes that no list of f32 has.
#[test]
fn trc_10_failed_states_are_no_lists_of_numbers() {
    for (_, place) in FailedAt::samples() {
        let state = place.to_state();
        assert!(state.starts_with(b"dfsn failed state"));
        assert_ne!(state.len() % 4, 0, "{place:?}");
        assert_eq!(FailedAt::from_state(&state), Some(place));
        assert_eq!(FailedAt::from_state(&state[1..]), None);
        assert_eq!(FailedAt::from_state(&[&state[..], &[0]].concat()), None);
    }
    assert_eq!(FailedAt::from_state(&[0; 64]), None);
    assert_eq!(FailedAt::from_state(b"dfsn failed state"), None);
}
