//! What a worker shows of its trace, and what everybody reveals before a jury.

use dfsn_consensus::DutyError;
use dfsn_consensus::state::{JuryStage, Phase};
use dfsn_types::{
    AnswerRef, Attempt, Boundary, BoundedVec, DutyKind, JobId, LeafOpening, StateDigest, TraceError,
};

use crate::duties::{digest, network, refused, until_phase};
use crate::network::{Network, Working, answer_of};

/// A truthful trace whose worker opens nothing by itself, in the opening phase, and its right openings.
fn opening() -> (Network, JobId, Vec<LeafOpening>) {
    let mut network = network(Working::Mute);
    let job = until_phase(&mut network, Phase::Opening);
    let tree = &network.served[&(job, Attempt::FIRST)].tree;
    let decision =
        dfsn_consensus::operator::decide_opening(network.state(), network.job(&job), tree).unwrap();
    let Some(dfsn_consensus::operator::OpenDecision::Open(openings)) = decision else {
        panic!("{decision:?}")
    };
    (network, job, openings)
}

/// Why these openings are refused, if they are.
fn refusal(network: &Network, job: &JobId, openings: Vec<LeafOpening>) -> Option<DutyError> {
    let openings = BoundedVec::new(openings).unwrap();
    network.try_duty(&network.signed_duty(0, job, DutyKind::OpenAudit { openings })).err()
}

#[test]
fn opn_01_exactly_the_leaves_asked_about_in_order() {
    let (network, job, openings) = opening();
    assert_eq!(refusal(&network, &job, openings.clone()), None);
    let mut swapped = openings.clone();
    swapped.swap(0, 1);
    let asked: Vec<_> = openings.iter().map(|opening| opening.boundary).collect();
    let tree = &network.served[&(job, Attempt::FIRST)].tree;
    let extra = (0..20).map(|t| Boundary { image: 0, t }).find(|boundary| !asked.contains(boundary)).unwrap();
    let mut more = openings.clone();
    more.push(tree.open(extra).unwrap());
    more.sort_by_key(|opening| opening.boundary);
    for wrong in [swapped, more, openings[1..].to_vec(), Vec::new()] {
        assert_eq!(refusal(&network, &job, wrong), Some(DutyError::OpeningSet));
    }
}

#[test]
fn duplicate_leaf_for_a_step_is_rejected() {
    let (network, job, mut openings) = opening();
    openings.push(openings[openings.len() - 1].clone());
    assert_eq!(refusal(&network, &job, openings), Some(DutyError::OpeningSet));
    // Nor can one step's leaf stand at the place of another: the place decides the path, and is hashed with the leaf.
    let (network, job, mut openings) = opening();
    let (first, second) = (openings[0].clone(), openings[1].boundary);
    openings[1] = LeafOpening { boundary: second, ..first };
    assert!(matches!(
        refusal(&network, &job, openings),
        Some(DutyError::Opening(TraceError::RootMismatch { .. }))
    ));
}

#[test]
fn opn_02_openings_lead_to_the_committed_root() {
    let (network, job, openings) = opening();
    let mut digest = openings.clone();
    digest[0].digest = StateDigest::from_bytes([1; 32]);
    let mut salt = openings.clone();
    salt[0].salt = dfsn_types::Salt::from_bytes([1; 32]);
    let mut short = openings;
    short[0].path = BoundedVec::empty();
    for wrong in [digest, salt, short] {
        assert!(matches!(refusal(&network, &job, wrong), Some(DutyError::Opening(_))));
    }
}

#[test]
fn opn_03_openings_that_contradict_an_answer() {
    let mut network = network(Working::NeverOpens);
    let job = until_phase(&mut network, Phase::Opening);
    let claims = network.job(&job).committed().unwrap().claims.clone();
    let asked: std::collections::BTreeSet<_> =
        claims.values().flat_map(|claim| claim.questions.iter()).collect();
    let tree = &network.served[&(job, Attempt::FIRST)].tree;
    let openings = asked.into_iter().map(|boundary| tree.open(boundary).unwrap()).collect();
    let first = *claims.keys().next().unwrap();
    assert_eq!(refusal(&network, &job, openings), Some(DutyError::Contradiction(first)));
}

#[test]
fn con_01_contest_names_an_answer_that_was_given() {
    let (network, job, _) = opening();
    for (auditor, question) in [(network.address(1), 4), (network.address(0), 0), (network.user(0), 0)] {
        let duty = network.signed_duty(
            0,
            &job,
            DutyKind::Contest {
                answer: answer_of(auditor, question),
                inputs: dfsn_types::BoundedVec::empty(),
            },
        );
        assert_eq!(refused(&network, &duty), DutyError::NoSuchAnswer(answer_of(auditor, question)));
    }
}

/// A judgement over the first wrong leaf of a garbage trace, in its revealing stage, with nobody revealing by itself.
fn revealing() -> (Network, JobId, AnswerRef, Boundary) {
    let mut network = network(Working::ContestsAndHides);
    for node in &mut network.nodes {
        node.behaviour.hides_reveal = true;
    }
    let job = network.request(0, 1);
    let judging = |network: &Network| match network.phase(&job) {
        Some(Phase::Judging(judgement)) if judgement.stage == JuryStage::Revealing => {
            Some((judgement.answer, judgement.boundary))
        }
        _ => None,
    };
    network.until(|network| judging(network).is_some());
    let (answer, boundary) = judging(&network).unwrap();
    (network, job, answer, boundary)
}

#[test]
fn rev_01_digest_must_give_the_answer() {
    let (network, job, answer, _) = revealing();
    for node in 1..4 {
        let duty = network.signed_duty(
            node,
            &job,
            DutyKind::RevealAnswer { answer, digest: digest(), opening: None },
        );
        assert_eq!(refused(&network, &duty), DutyError::DigestMismatch(network.address(node)));
    }
}

#[test]
fn rev_02_only_the_worker_opens_the_contested_leaf() {
    let (network, job, answer, at) = revealing();
    let tree = &network.served[&(job, Attempt::FIRST)].tree;
    let right = tree.open(at).unwrap();
    let other = tree.open(Boundary { t: if at.t == 0 { 1 } else { 0 }, ..at }).unwrap();
    let reveal = |node: usize, digest: StateDigest, opening: Option<LeafOpening>| {
        network.try_duty(&network.signed_duty(node, &job, DutyKind::RevealAnswer { answer, digest, opening }))
    };
    assert_eq!(reveal(0, right.digest, None), Err(DutyError::RevealOpening));
    assert_eq!(reveal(0, other.digest, Some(other)), Err(DutyError::RevealOpening), "another leaf");
    assert_eq!(reveal(0, digest(), Some(right.clone())), Err(DutyError::RevealOpening), "another digest");
    assert_eq!(reveal(1, right.digest, Some(right.clone())), Err(DutyError::RevealOpening), "not the worker");
    let forged = LeafOpening { digest: digest(), ..right.clone() };
    assert!(matches!(reveal(0, digest(), Some(forged)), Err(DutyError::Opening(_))));
    assert_eq!(reveal(0, right.digest, Some(right)), Ok(()));
}
