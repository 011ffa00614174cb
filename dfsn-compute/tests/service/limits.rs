//! What a worker refuses, and how it ends.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dfsn_compute::backend::{TextEncoding, TextInput};
use dfsn_compute::service::node::NodeError;
use dfsn_compute::service::wire::{AuditReply, EndReason, EventKind, JobState};
use dfsn_compute::service::{ModelSource, Refusal, Service, server};
use dfsn_compute::{Backend, ComputeError, Conditioning, LatentShape, ModelConfig, Pipeline};
use dfsn_types::{Boundary, GenerationParams, ImageSize, ModelId, ProfileId, ProfileRecord};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::common::{ToyBackend, emoji_64};
use crate::harness::{
    Harness, TOY, audit_call, offer, options, params, params_of, start_service, start_with_model,
};

#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, NodeError>) -> Refusal {
    match outcome.unwrap_err() {
        NodeError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_full_queue_says_when_to_ask_again() {
    let worker = Harness::start_with(20, |options| options.queue_capacity = 2).await;
    for number in 1..=3 {
        worker.node.submit(&offer(number, params_of("a fox", 100, 1))).await.unwrap();
        // The first one leaves the queue when it begins.
        while number == 1 && worker.service.events(None, 0).events.len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let refused = refusal(worker.node.submit(&offer(4, params("pizza"))).await);
    let Refusal::QueueFull { capacity: 2, retry_after_ms } = refused else { panic!("{refused}") };
    assert!(retry_after_ms > 0 && refused.is_temporary());
    // What waits before it counts, and a job that leaves makes room.
    worker.node.cancel(offer(3, params("pizza")).key()).await.unwrap();
    let status = worker.node.submit(&offer(4, params("pizza"))).await.unwrap();
    assert!(matches!(status.state, JobState::Queued { position: 2, .. }), "{status:?}");
}

#[tokio::test]
async fn a_job_that_would_be_late_is_refused_by_measured_speed() {
    let worker = Harness::start(20).await;
    let mut late = offer(1, params_of("a fox", 150, 4));
    late.deadline_ms = 1_000;
    let refused = refusal(worker.node.submit(&late).await);
    let Refusal::TooSlow { estimate_ms, deadline_ms: 1_000 } = refused else { panic!("{refused}") };
    // 600 steps of 20 ms each.
    assert!(estimate_ms >= 12_000, "{estimate_ms}");
    late.deadline_ms = 10 * estimate_ms;
    worker.node.submit(&late).await.unwrap();
    // A short job behind it is late for what waits before it.
    let mut short = offer(2, params("pizza"));
    short.deadline_ms = 2_000;
    assert!(matches!(refusal(worker.node.submit(&short).await), Refusal::TooSlow { .. }));
}

#[tokio::test]
async fn questions_that_wait_and_long_prompts_count_in_estimates() {
    let (dir, held) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let is_held = Arc::clone(&held);
    let service = start_hindered(dir.path(), Duration::from_millis(20), move || {
        while is_held.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    })
    .await;
    // From here on nothing ends and nothing is learnt.
    held.store(true, Ordering::Relaxed);
    let input = Bytes::from(vec![0; 4 * 4 * 16 * 16]);
    service.put_blob(input.clone());
    for number in 1..=4 {
        let call = audit_call(&offer(number, params("a fox")), Boundary { image: 0, t: 1 }, Some(&input));
        assert_eq!(service.audit(call).unwrap(), AuditReply::Pending);
    }
    let submit = |number, prompt: &str| match service.submit(offer(number, params(prompt))).unwrap().state {
        JobState::Queued { estimate_ms, .. } => estimate_ms,
        other => panic!("{other:?}"),
    };
    let first = submit(11, "a fox");
    let second = submit(12, "a fox");
    let short = second - first;
    let questions = first - short;
    // A step each, of 20 ms at least; a job has six.
    assert!(questions >= 80 && short >= 120, "{questions} {short}");
    let long = submit(13, &"a fox in the snow, ".repeat(50)) - second;
    assert!(long > short, "{long} {short}");
    // In time but for the questions.
    let mut job = offer(14, params("a fox"));
    job.deadline_ms = 3 * short + long + questions / 2;
    assert!(matches!(service.submit(job.clone()).unwrap_err(), Refusal::TooSlow { .. }));
    job.deadline_ms += questions;
    service.submit(job).unwrap();
    held.store(false, Ordering::Relaxed);
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn a_running_job_ends_at_its_deadline() {
    let (dir, slow) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(false)));
    let is_slow = Arc::clone(&slow);
    let service = start_hindered(dir.path(), Duration::ZERO, move || {
        if is_slow.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
        }
    })
    .await;
    // Measured fast, then slow: 150 steps take 3 s.
    slow.store(true, Ordering::Relaxed);
    let mut job = offer(1, params_of("a fox", 150, 1));
    job.deadline_ms = 1_000;
    service.submit(job.clone()).unwrap();
    let mut news = service.news();
    while matches!(
        service.status(job.key()).unwrap().state,
        JobState::Queued { .. } | JobState::Running { .. }
    ) {
        news.changed().await.unwrap();
    }
    assert_eq!(service.status(job.key()).unwrap().state, JobState::Ended { reason: EndReason::Late });
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
}

/// A worker whose steps take `delay` and what `hindrance` takes.
async fn start_hindered(dir: &Path, delay: Duration, hindrance: impl Fn() + Send + 'static) -> Service {
    let toy = ToyBackend { delay, ..ToyBackend::default() };
    let backend = Hindered { toy, hindrance: Box::new(hindrance) };
    let pipeline = Pipeline::new(ModelConfig::load(emoji_64()).unwrap(), backend).unwrap();
    let source = ModelSource { id: TOY, name: "toy".to_owned(), load: Box::new(|| Ok(pipeline.boxed())) };
    start_with_model(options(dir), source).await
}

/// The toy, slower on demand.
struct Hindered {
    toy: ToyBackend,
    hindrance: Box<dyn Fn() + Send>,
}

impl Backend for Hindered {
    fn profile(&self) -> ProfileRecord {
        self.toy.profile()
    }

    fn encode_text(&mut self, text: &TextInput<'_>) -> Result<TextEncoding, ComputeError> {
        self.toy.encode_text(text)
    }

    fn predict_noise(
        &mut self,
        sample: &[f32],
        shape: LatentShape,
        timestep: f32,
        conditioning: &Conditioning,
    ) -> Result<Vec<f32>, ComputeError> {
        (self.hindrance)();
        self.toy.predict_noise(sample, shape, timestep, conditioning)
    }

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        self.toy.decode(latents, shape)
    }
}

#[tokio::test]
async fn what_cannot_be_drawn_here_is_refused_with_its_reason() {
    let worker = Harness::start_with(0, |options| options.max_pixels = 64 * 64).await;
    let known = params("a fox");
    let of = |model, profile, side| {
        let size = ImageSize::new(side, side).unwrap();
        let built = GenerationParams::builder(model, profile, "a fox", size).build();
        offer(1, built.unwrap())
    };
    let other = ModelId::from_bytes([8; 32]);
    for (model, profile) in [(other, known.profile()), (TOY, ProfileId::from_bytes([8; 32]))] {
        assert_eq!(refusal(worker.node.submit(&of(model, profile, 64)).await), Refusal::NotServed);
    }
    let too_large = refusal(worker.node.submit(&of(TOY, known.profile(), 128)).await);
    assert_eq!(too_large.to_string(), "cannot be drawn: pixels 16384 is over this worker's limit of 4096");
    let mut job = offer(1, known);
    job.previews = 4;
    let too_many = refusal(worker.node.submit(&job).await);
    assert_eq!(too_many.to_string(), "cannot be drawn: previews 4 is over this worker's limit of 3");
    job.previews = 0;
    job.keep_ms = u64::MAX;
    assert!(matches!(refusal(worker.node.submit(&job).await), Refusal::Undrawable { .. }));
    assert!(worker.service.keys().is_empty());
}

#[tokio::test]
async fn a_full_store_takes_no_jobs_and_releases_make_room() {
    let worker = Harness::start_with(0, |options| options.max_store_bytes = 200_000).await;
    let (first, second) = (offer(1, params("a fox")), offer(2, params("pizza")));
    worker.node.submit(&first).await.unwrap();
    worker.over(first.key()).await;
    let refused = refusal(worker.node.submit(&second).await);
    assert!(matches!(refused, Refusal::StoreFull { needed_bytes } if needed_bytes > 100_000), "{refused}");
    worker.node.release(first.key()).await.unwrap();
    assert_eq!(refusal(worker.node.status(first.key()).await), Refusal::UnknownJob);
    worker.node.submit(&second).await.unwrap();
    assert!(matches!(worker.over(second.key()).await.state, JobState::Done { .. }));
}

#[tokio::test]
async fn results_go_when_their_time_is_over() {
    let worker = Harness::start(0).await;
    let mut job = offer(1, params("a fox"));
    job.keep_ms = 1_000;
    worker.node.submit(&job).await.unwrap();
    worker.over(job.key()).await;
    let now = dfsn_compute::service::auth::now_ms();
    assert_eq!(worker.service.sweep(now).unwrap(), 0);
    assert_eq!(worker.service.sweep(now + 2_000).unwrap(), 1);
    assert!(worker.service.keys().is_empty());
}

#[tokio::test]
async fn bodies_over_their_limit_are_refused() {
    let worker = Harness::start(0).await;
    let large = Bytes::from(vec![7; 16 * 1024 * 1024 + 1]);
    match worker.node.put_blob(large).await.unwrap_err() {
        NodeError::Refused(Refusal::TooLarge { max_bytes: 16_777_216 }) => {}
        // The worker stops reading and answers; a client that is still writing may see the connection end first.
        NodeError::Link(_) => {}
        other => panic!("{other}"),
    }
    let blob = worker.node.put_blob(Bytes::from_static(b"small")).await.unwrap();
    assert_eq!(worker.node.blob(&blob).await.unwrap(), "small");
}

#[tokio::test]
async fn previews_come_evenly_and_are_pictures() {
    let worker = Harness::start(0).await;
    let mut job = offer(1, params_of("a fox", 8, 1));
    job.previews = 3;
    worker.node.submit(&job).await.unwrap();
    worker.over(job.key()).await;
    let page = worker.node.events(None, 0, 0).await.unwrap();
    let mut steps = Vec::new();
    for event in page.events {
        if let EventKind::Preview { image: 0, step, blob } = event.kind {
            assert!(worker.node.blob(&blob).await.unwrap().starts_with(b"\x89PNG"));
            steps.push(step);
        }
    }
    assert_eq!(steps, [2, 4, 6]);
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_short_and_hands_back_what_waits() {
    let worker = Harness::start(10).await;
    let (running, waiting) = (offer(1, params("a fox")), offer(2, params("pizza")));
    worker.node.submit(&running).await.unwrap();
    worker.node.submit(&waiting).await.unwrap();
    while worker.service.events(None, 0).events.len() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let service = worker.service.clone();
    tokio::task::spawn_blocking(move || service.shut_down(Duration::from_secs(30))).await.unwrap();
    let state = |key| worker.service.status(key).unwrap().state;
    assert!(matches!(state(running.key()), JobState::Done { .. }));
    assert_eq!(state(waiting.key()), JobState::Ended { reason: EndReason::HandedBack });
    assert_eq!(worker.service.submit(offer(3, params("rocket"))).unwrap_err(), Refusal::Draining);
    assert!(!worker.service.is_ready());
}

#[tokio::test]
async fn health_readiness_and_figures_can_be_watched() {
    let dir = tempfile::tempdir().unwrap();
    let service = start_service(options(dir.path()), Duration::ZERO).await;
    let job = offer(1, params("a fox"));
    service.submit(job.clone()).unwrap();
    while !matches!(service.status(job.key()).unwrap().state, JobState::Done { .. }) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (status, text) = admin(&service, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "dfsn_compute_steps_total 6",
        "dfsn_compute_pictures_total 1",
        "dfsn_compute_jobs_done_total 1",
        "dfsn_compute_job_seconds_count 1",
        "dfsn_compute_jobs_queued 0",
        "dfsn_compute_results 1",
        "dfsn_compute_ready 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert_eq!(admin(&service, "/health").await.0, 200);
    assert_eq!(admin(&service, "/ready").await.0, 200);
    let ending = service.clone();
    tokio::task::spawn_blocking(move || ending.shut_down(Duration::ZERO)).await.unwrap();
    assert_eq!(admin(&service, "/ready").await, (503, "takes no jobs\n".to_owned()));
    assert_eq!(admin(&service, "/health").await.0, 503);
}

async fn admin(service: &Service, path: &str) -> (u16, String) {
    let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
    let response = server::admin_router(service.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
