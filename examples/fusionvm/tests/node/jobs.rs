//! A request that becomes a picture: through the API, a validator, and a ComputeClient.

use std::time::Duration;

use dfsn_client::transport::Transport;
use dfsn_client::view::{JobQuery, JobStatus, StatusName};
use dfsn_client::{JobEvent, LightClient};
use dfsn_types::{
    DurationMs, Event, GenerationParams, GenerationRequest, ImageSize, Pair, ProfileRecord, RefundReason,
};
use fusionvm::{DevNetwork, Limits};

use super::{DevNode, emoji};

/// No test waits longer for one event.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn request(pair: Pair, price_per_unit: dfsn_types::Amount, seed: u32) -> GenerationRequest {
    GenerationRequest {
        params: params(pair, seed),
        price_per_unit,
        expires_ms: DurationMs::new(600_000),
        unaudited: false,
    }
}

pub(super) fn params(pair: Pair, seed: u32) -> GenerationParams {
    let size = ImageSize::new(64, 64).unwrap();
    GenerationParams::builder(pair.model, pair.profile, "a red apple on a white background", size)
        .seed(seed)
        .num_inference_steps(4)
        .num_images(2)
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_becomes_a_paid_picture() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start_with(folder.path(), Limits::default(), Some(emoji())).await;
    let user = node.user(1).await;
    let network = user.network().await.unwrap();
    let pair = Pair { model: network.models[0].id, profile: ProfileRecord::EXACT_V1.id() };
    let quote = user.quote(&params(pair, 5)).await.unwrap();
    assert!(quote.audited);
    let mut job = user.generate(request(pair, quote.price_per_unit, 5)).await.unwrap();

    let (mut steps, mut pictures, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut looks = Vec::new();
    while let Some(event) = tokio::time::timeout(PATIENCE, job.next_event()).await.expect("an event").unwrap()
    {
        match event {
            JobEvent::Progress { image, step, .. } => steps.push((image, step)),
            JobEvent::Preview { file, .. } => looks.push(file),
            JobEvent::Chain(event) => {
                if let Event::JobCommitted { .. } = event {
                    pictures = job.fetch().await.unwrap();
                    job.acknowledge().await.unwrap();
                }
                names.push(event);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pictures.len(), 2);
    assert!(steps.contains(&(0, 4)) && steps.contains(&(1, 4)), "{steps:?}");
    assert!(matches!(names.last(), Some(Event::JobSettled { .. })), "{names:?}");
    let audited = |event: &&Event| matches!(event, Event::AuditAnswered { .. });
    assert_eq!(names.iter().filter(audited).count(), 3, "{names:?}");
    assert!(!names.iter().any(|event| matches!(event, Event::Slashed { .. })), "{names:?}");

    let look = node.transport().await.blob(looks[0], 1 << 20).await.unwrap().expect("it is kept for a while");
    assert!(look.starts_with(b"\x89PNG"), "a preview is a picture");

    // The same by proofs alone, and by query.
    let transport = node.transport().await;
    let genesis = DevNetwork::open(folder.path(), None).unwrap().genesis;
    let mut light = LightClient::new(transport.clone(), genesis.identity(), genesis.sealer);
    assert!(light.job(job.id()).await.unwrap().record.is_some());
    let worker = job.info().await.unwrap().worker;
    let query = JobQuery { worker, ended: Some(true), ..JobQuery::default() };
    assert_eq!(transport.jobs(query.clone()).await.unwrap().jobs[0].status, JobStatus::Settled);
    let of = |name| JobQuery { status: Some(name), ..query.clone() };
    assert_eq!(transport.jobs(of(StatusName::Settled)).await.unwrap().jobs.len(), 1);
    assert!(transport.jobs(of(StatusName::Refunded)).await.unwrap().jobs.is_empty());

    // A part of the file, as a browser asks for it.
    let path = format!("/blobs/{}", pictures[0].file_hash);
    let part = node.get(&path, "range: bytes=1-3\r\n").await;
    assert_eq!((part.status, part.text().as_str()), (206, "PNG"));
    assert!(part.head.contains("content-type: image/png"), "{}", part.head);
    let whole = node.get(&path, "").await;
    assert_eq!((whole.status, &whole.body), (200, &pictures[0].file));
    let beyond = node.get(&path, "range: bytes=99999999-\r\n").await;
    assert_eq!(beyond.status, 416);
    node.stop().await;
}

#[tokio::test]
async fn a_model_is_drawn_by_its_own_network_only() {
    let folder = tempfile::tempdir().unwrap();
    DevNode::start(folder.path()).await.stop().await;
    let error = DevNetwork::open(folder.path(), Some(emoji())).unwrap_err().to_string();
    assert!(error.contains("emoji-64") && error.contains("--data-dir"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_compute_client_nothing_is_accepted_and_the_price_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    // The network has the model, the node does not.
    DevNetwork::open(folder.path(), Some(emoji())).unwrap();
    let node = DevNode::start(folder.path()).await;
    let user = node.user(1).await;
    let network = user.network().await.unwrap();
    let pair = Pair { model: network.models[0].id, profile: ProfileRecord::EXACT_V1.id() };
    let price = user.quote(&params(pair, 5)).await.unwrap().price_per_unit;
    let job = user.generate(request(pair, price, 5)).await.unwrap();
    let cancelled = user.cancel(job.id()).await;
    if cancelled.is_ok() {
        let status = user.job(job.id()).await.unwrap().status;
        assert_eq!(status, JobStatus::Refunded(RefundReason::Cancelled));
    }
    assert!(!matches!(user.job(job.id()).await.unwrap().status, JobStatus::Accepted));
    node.stop().await;
}
