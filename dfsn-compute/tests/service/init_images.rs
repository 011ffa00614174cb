//! Jobs that start from a picture: a blob that the worker holds with the job and its audits, and keeps with the result.

use std::time::Duration;

use bytes::Bytes;
use dfsn_compute::service::auth::{Call, CallHeader, now_ms};
use dfsn_compute::service::node::{HttpLink, Link, LinkRequest};
use dfsn_compute::service::wire::{AuditReply, EventKind, JobOffer, JobState, RefusalBody};
use dfsn_compute::service::{Refusal, Service};
use dfsn_compute::{Backend, ImageRequest, TraceRecorder};
use dfsn_types::{Boundary, FileHash, GenerationParams, ImageSize, SecretKey, Strength};

use crate::common::{ToyBackend, golden_path, toy_pipeline};
use crate::harness::{
    Harness, NODE_SEED, TOY, audit_call, context, done, offer, options, params_of, start_service,
};
use crate::limits::refusal;

fn init() -> Bytes {
    std::fs::read(golden_path("models/init.png")).unwrap().into()
}

/// `steps` steps, of which the last `strength` thousandths are executed.
fn params_from(file: &[u8], steps: u16, strength: u16, images: u8) -> GenerationParams {
    let profile = ToyBackend::default().profile().id();
    GenerationParams::builder(TOY, profile, "a fox", ImageSize::new(64, 64).unwrap())
        .num_inference_steps(steps)
        .num_images(images)
        .init_image(FileHash::of(file), Strength::from_thousandths(strength).unwrap())
        .build()
        .unwrap()
}

/// Three of six steps.
fn offer_from(number: u8, file: &[u8]) -> JobOffer {
    offer(number, params_from(file, 6, 500, 1))
}

#[tokio::test]
async fn a_job_from_a_picture_gives_the_pictures_and_the_trace_of_a_direct_run() {
    let worker = Harness::start(0).await;
    let job = offer(1, params_from(&init(), 6, 500, 2));
    let status = worker.node.submit_from(&job, &init()).await.unwrap();
    assert!(matches!(status.state, JobState::Queued { .. }), "{status:?}");
    let result = done(worker.over(job.key()).await);

    let root = result.commitment.trace_root;
    let tree = worker.node.trace(job.key(), &job.params, &root).await.unwrap();
    let mut pipeline = toy_pipeline(ToyBackend::default());
    for (number, image) in result.commitment.pictures() {
        let number = number as u8;
        let request = ImageRequest::from_params_with_init(&job.params, number, &init()).unwrap();
        let mut recorder = TraceRecorder::default();
        let drawn = pipeline.generate(&request, &mut recorder).unwrap();
        assert_eq!(image.pixels, drawn.image.pixel_hash());
        // Before the first step, after each of three, decoded.
        assert_eq!(recorder.boundaries().len(), 5);
        for (t, state) in (0..).zip(recorder.boundaries()) {
            let boundary = Boundary { image: number, t };
            assert_eq!(tree.open(boundary).unwrap().digest, context(&job).at(boundary).digest(state));
        }
    }
    let page = worker.node.events(None, 0, 0).await.unwrap();
    let steps = page.events.iter().filter_map(|event| match event.kind {
        EventKind::Step { image, step, steps } => Some((image, step, steps)),
        _ => None,
    });
    let expected = [0, 1].map(|image| (0..=3).map(move |step| (image, step, 3)));
    assert_eq!(steps.collect::<Vec<_>>(), expected.into_iter().flatten().collect::<Vec<_>>());
}

#[tokio::test]
async fn another_worker_audits_it_from_the_picture() {
    let (worker, auditor) = (Harness::start(0).await, Harness::start(0).await);
    let job = offer_from(1, &init());
    worker.node.submit_from(&job, &init()).await.unwrap();
    let root = done(worker.over(job.key()).await).commitment.trace_root;
    let tree = worker.node.trace(job.key(), &job.params, &root).await.unwrap();
    for t in 0..=4 {
        let boundary = Boundary { image: 0, t };
        let mut blobs = Vec::new();
        if let Some(before) = t.checked_sub(1).map(|t| Boundary { image: 0, t }) {
            let digest = tree.open(before).unwrap().digest;
            blobs.push(worker.node.state(&context(&job), before, &digest).await.unwrap());
        }
        let call = audit_call(&job, boundary, blobs.first());
        if t == 0 {
            let refused = refusal(auditor.node.audit(&call, &blobs).await);
            assert_eq!(refused, Refusal::UnknownBlob { blob: FileHash::of(&init()) });
        }
        blobs.push(init());
        let reply = auditor.node.audit(&call, &blobs).await.unwrap();
        let digest = tree.open(boundary).unwrap().digest;
        assert_eq!(reply, AuditReply::Done { digest, malformed: false }, "boundary {t}");
    }
}

#[tokio::test]
async fn a_picture_that_is_not_here_or_is_none_is_refused_by_name() {
    let worker = Harness::start(0).await;
    let job = offer_from(1, &init());
    let missing = refusal(worker.node.submit(&job).await);
    let name = FileHash::of(&init());
    assert_eq!(missing.to_string(), format!("blob {name} is not here; hand it over first"));
    // Another file than the one that is named is no help.
    let other = Bytes::from_static(b"another file");
    assert_eq!(refusal(worker.node.submit_from(&job, &other).await), missing);
    for none in [other, init().slice(..init().len() / 2)] {
        let refused = refusal(worker.node.submit_from(&offer_from(2, &none), &none).await).to_string();
        assert!(refused.starts_with("cannot be drawn: not a PNG file that can be read: "), "{refused}");
    }
    assert!(worker.service.keys().is_empty());
}

#[tokio::test]
async fn a_blob_under_the_name_of_another_is_refused() {
    let worker = Harness::start(0).await;
    let link = HttpLink::new(&format!("http://{}", worker.address)).unwrap();
    let (path, body) = (format!("/v1/blobs/{}", FileHash::of(b"another file")), init());
    let call = Call { method: "PUT", path: &path, body: FileHash::of(&body) };
    let (key, name) = (SecretKey::from_seed(&NODE_SEED), worker.service.public_key());
    let header = CallHeader::sign(&key, &name, call, now_ms(), [0; 16]);
    let reply = link.exchange(LinkRequest { method: "PUT".to_owned(), path, header, body }).await.unwrap();
    let refused: RefusalBody = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, refused.refusal), (400, Refusal::WrongHash));
}

#[tokio::test]
async fn only_the_steps_that_are_executed_count_against_a_deadline() {
    let worker = Harness::start(20).await;
    let (mut all, mut few) =
        (offer(1, params_of("a fox", 150, 4)), offer(2, params_from(&init(), 150, 20, 1)));
    // 600 steps of 20 ms take longer, three do not.
    (all.deadline_ms, few.deadline_ms) = (10_000, 10_000);
    assert!(matches!(refusal(worker.node.submit(&all).await), Refusal::TooSlow { .. }));
    worker.node.submit_from(&few, &init()).await.unwrap();
    done(worker.over(few.key()).await);
}

async fn draw(service: &Service, job: &JobOffer) {
    service.submit(job.clone()).unwrap();
    let mut news = service.news();
    while !matches!(service.status(job.key()).unwrap().state, JobState::Done { .. }) {
        news.changed().await.unwrap();
    }
}

async fn restart(service: Service, dir: &std::path::Path) -> Service {
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
    start_service(options(dir), Duration::ZERO).await
}

#[tokio::test]
async fn the_picture_is_kept_with_every_result_that_started_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let name = FileHash::of(&init());
    let gone = Refusal::UnknownBlob { blob: name };
    let service = start_service(options(dir.path()), Duration::ZERO).await;
    assert_eq!(service.put_blob(init()), name);
    for number in 1..=2 {
        draw(&service, &offer_from(number, &init())).await;
    }
    let service = restart(service, dir.path()).await;
    assert_eq!(service.blob(&name).unwrap(), init());
    // What is asked after a restart is computed from it, a question as well as a job.
    let (first, second) = (offer_from(1, &init()), offer_from(2, &init()));
    assert_eq!(service.audit(audit_call(&first, Boundary { image: 0, t: 0 }, None)), Ok(AuditReply::Pending));
    draw(&service, &offer_from(3, &init())).await;
    service.release(offer_from(3, &init()).key()).unwrap();
    service.release(first.key()).unwrap();
    assert_eq!(service.blob(&name).unwrap(), init());

    // One that has changed is not used, and can be handed over again.
    let file = dir.path().join("results").join(second.key().to_string()).join("init.png");
    std::fs::write(&file, vec![0; init().len()]).unwrap();
    let fourth = offer_from(4, &init());
    assert_eq!(service.submit(fourth.clone()).unwrap_err(), gone);
    service.put_blob(init());
    draw(&service, &fourth).await;

    // One that is missing makes its result unreadable; with the last result it goes.
    std::fs::remove_file(&file).unwrap();
    let service = restart(service, dir.path()).await;
    assert_eq!(service.keys(), [fourth.key()]);
    service.release(fourth.key()).unwrap();
    assert_eq!(service.blob(&name).unwrap_err(), gone);
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
}
