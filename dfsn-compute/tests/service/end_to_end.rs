//! Submit, follow, fetch, open, audit, cancel: what a node does, over HTTP.

use bytes::Bytes;
use dfsn_compute::service::Refusal;
use dfsn_compute::service::node::NodeError;
use dfsn_compute::service::wire::{AuditReply, EndReason, EventKind, JobState, PossessionCall};
use dfsn_compute::{ImageRequest, Provenance, RgbImage, Trace, TraceRecorder};
use dfsn_types::{
    Address, Boundary, BoundedVec, ChainId, ChainIdentity, ComputeRegistration, GenesisHash, KeyPossession,
    NodeId, PixelHash, Relay, SecretKey, TraceShape, VrfSecretKey,
};

use crate::common::{ToyBackend, toy_pipeline};
use crate::harness::{Harness, audit_call, context, offer, params, params_of};

#[tokio::test]
async fn a_job_gives_the_picture_and_the_trace_of_a_direct_run() {
    let worker = Harness::start(0).await;
    let offer = offer(1, params_of("a fox", 6, 2));
    let status = worker.node.submit(&offer).await.unwrap();
    assert!(matches!(status.state, JobState::Queued { .. }), "{status:?}");
    let JobState::Done { result } = worker.over(offer.key()).await.state else { panic!("not done") };

    // The same without a worker.
    let mut pipeline = toy_pipeline(ToyBackend::default());
    let mut states = Vec::new();
    for (number, image) in result.commitment.pictures() {
        let mut recorder = TraceRecorder::default();
        let request = ImageRequest::from_params(&offer.params, number as u8).unwrap();
        let drawn = pipeline.generate(&request, &mut recorder).unwrap();
        states.push(recorder.into_boundaries());
        let file = worker.node.blob(&image.file).await.unwrap();
        let (picture, text) = RgbImage::from_png_with(&file).unwrap();
        assert_eq!(picture, drawn.image);
        let told = Provenance::from_json(text.dfsn.as_deref().unwrap()).unwrap();
        let expected = Provenance::of(offer.params.clone(), number as u8);
        assert_eq!(told, Provenance { job: Some(offer.job), worker: Some(offer.worker), ..expected });
        assert_eq!(image.pixels, PixelHash::of_rgb8(64, 64, drawn.image.pixels()));
    }
    let root = result.commitment.trace_root;
    let tree = worker.node.trace(offer.key(), &offer.params, &root).await.unwrap();
    let shape = TraceShape::of(&offer.params);
    for image in 0..2 {
        for t in [0, 3, 6, 7] {
            let boundary = Boundary { image, t };
            let opening = tree.open(boundary).unwrap();
            opening.verify(shape, &root).unwrap();
            let from_worker = worker.node.opening(offer.key(), boundary, &offer.params, &root).await.unwrap();
            assert_eq!(from_worker, opening);
            let state = worker.node.state(&context(&offer), boundary, &opening.digest).await.unwrap();
            assert_eq!(state, states[usize::from(image)][usize::from(t)]);
        }
    }
    // Another secret salts another root over the same states.
    let other = Trace::new(&context(&offer), &offer.params, &[0; 32], states).unwrap();
    assert_ne!(other.tree().root(), root);
}

#[tokio::test]
async fn events_tell_every_step_once_and_resume_by_number() {
    let worker = Harness::start(0).await;
    let offer = offer(1, params("a fox"));
    worker.node.submit(&offer).await.unwrap();
    worker.over(offer.key()).await;
    let page = worker.node.events(None, 0, 0).await.unwrap();
    let numbers: Vec<u64> = page.events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let steps = page.events.iter().filter_map(|event| match event.kind {
        EventKind::Step { step, steps, .. } => Some((step, steps)),
        _ => None,
    });
    assert_eq!(steps.collect::<Vec<_>>(), (0..=6).map(|step| (step, 6)).collect::<Vec<_>>());
    assert!(matches!(page.events.last().unwrap().kind, EventKind::Done { .. }));

    let rest = worker.node.events(Some(page.boot), 4, 0).await.unwrap();
    assert_eq!(rest.events, page.events[4..]);
    assert!(!rest.gap);
    let other_run = worker.node.events(Some(page.boot + 1), 4, 0).await.unwrap();
    assert!(other_run.gap && other_run.events == page.events);
}

#[tokio::test]
async fn submitting_again_tells_where_the_job_stands() {
    let worker = Harness::start(0).await;
    let first = offer(1, params("a fox"));
    worker.node.submit(&first).await.unwrap();
    worker.over(first.key()).await;
    let again = worker.node.submit(&first).await.unwrap();
    assert!(matches!(again.state, JobState::Done { .. }));
    let other = offer(1, params("pizza"));
    let error = worker.node.submit(&other).await.unwrap_err();
    assert!(matches!(error, NodeError::Refused(Refusal::Conflict)), "{error}");
    assert_eq!(worker.node.jobs().await.unwrap(), [first.key()]);
}

#[tokio::test]
async fn audits_give_the_digests_of_the_trace() {
    let worker = Harness::start(0).await;
    let job = offer(1, params("a fox"));
    worker.node.submit(&job).await.unwrap();
    let JobState::Done { result } = worker.over(job.key()).await.state else { panic!("not done") };
    let root = result.commitment.trace_root;
    let tree = worker.node.trace(job.key(), &job.params, &root).await.unwrap();
    for t in [0, 1, 4, 6, 7] {
        let boundary = Boundary { image: 0, t };
        let input = match t {
            0 => None,
            t => {
                let before = Boundary { image: 0, t: t - 1 };
                let digest = tree.open(before).unwrap().digest;
                Some(worker.node.state(&context(&job), before, &digest).await.unwrap())
            }
        };
        let call = audit_call(&job, boundary, input.as_ref());
        let reply = worker.node.audit(&call, input.as_slice()).await.unwrap();
        let digest = tree.open(boundary).unwrap().digest;
        assert_eq!(reply, AuditReply::Done { digest, malformed: false }, "boundary {t}");
    }
}

#[tokio::test]
async fn a_state_that_no_step_can_read_is_answered_as_malformed() {
    let worker = Harness::start(0).await;
    let job = offer(1, params("a fox"));
    let boundary = Boundary { image: 0, t: 3 };
    for input in [Bytes::from_static(b"short"), Bytes::from(f32::NAN.to_le_bytes().repeat(16 * 16 * 4))] {
        let call = audit_call(&job, boundary, Some(&input));
        let reply = worker.node.audit(&call, std::slice::from_ref(&input)).await.unwrap();
        let digest = context(&job).at(boundary).malformed();
        assert_eq!(reply, AuditReply::Done { digest, malformed: true });
    }
}

#[tokio::test]
async fn a_cancelled_job_ends_and_the_next_one_runs() {
    let worker = Harness::start(20).await;
    let (first, second) = (offer(1, params_of("a fox", 100, 1)), offer(2, params("pizza")));
    worker.node.submit(&first).await.unwrap();
    worker.node.submit(&second).await.unwrap();
    worker.node.cancel(first.key()).await.unwrap();
    let ended = worker.over(first.key()).await;
    assert_eq!(ended.state, JobState::Ended { reason: EndReason::Cancelled });
    assert!(matches!(worker.over(second.key()).await.state, JobState::Done { .. }));
    let error = worker.node.cancel(second.key()).await.unwrap_err();
    assert!(matches!(error, NodeError::Refused(Refusal::UnknownJob)), "{error}");
}

#[tokio::test]
async fn the_worker_signs_registrations_of_its_own_key_only() {
    let worker = Harness::start(0).await;
    let (duty, vrf) = (SecretKey::from_seed(&[11; 32]), VrfSecretKey::from_seed(&[12; 32]));
    let chain =
        ChainIdentity { chain_id: ChainId::new(7777).unwrap(), genesis: GenesisHash::from_bytes([7; 32]) };
    let owner = Address::from_bytes([3; 20]);
    let registration = ComputeRegistration {
        duty_key: duty.public_key(),
        vrf_key: vrf.public_key(),
        compute_key: worker.service.public_key(),
        payout: owner,
        offers: BoundedVec::empty(),
        relay: Relay::Node(NodeId::from_bytes([4; 20])),
    };
    let ChainIdentity { chain_id, genesis } = chain;
    let mut call = PossessionCall { chain_id, genesis, owner, registration: registration.clone() };
    let possession = KeyPossession {
        duty: registration.sign_possession(&chain, &owner, &duty),
        compute: worker.node.possession(&call).await.unwrap(),
        vrf: registration.prove_vrf_possession(&chain, &owner, &vrf).unwrap(),
    };
    registration.verify_possession(&chain, &owner, &possession).unwrap();
    call.registration.compute_key = duty.public_key();
    let error = worker.node.possession(&call).await.unwrap_err();
    assert!(matches!(error, NodeError::Refused(Refusal::OtherKey { .. })), "{error}");
}
