//! A worker with the toy backend on a port of its own, and its node.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dfsn_compute::service::node::{HttpLink, RemoteWorker};
use dfsn_compute::service::wire::{AuditCall, JobKey, JobOffer, JobResult, JobState, JobStatus};
use dfsn_compute::service::{ModelSource, Service, ServiceOptions, server};
use dfsn_compute::{Backend, TraceContext};
use dfsn_types::{
    Address, Attempt, Boundary, FileHash, GenerationParams, GenesisHash, ImageSize, JobId, ModelId, SecretKey,
};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::common::{ToyBackend, toy_pipeline};

pub(crate) const WORKER_SEED: [u8; 32] = [1; 32];
pub(crate) const NODE_SEED: [u8; 32] = [2; 32];
pub(crate) const TOY: ModelId = ModelId::from_bytes([9; 32]);

/// A worker that serves, and what a node needs to talk to it.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) service: Service,
    pub(crate) node: RemoteWorker,
    pub(crate) address: SocketAddr,
    /// Deleted with the harness.
    _dir: TempDir,
}

pub(crate) fn toy_source(delay: Duration) -> ModelSource {
    let load = Box::new(move || Ok(toy_pipeline(ToyBackend { delay, ..ToyBackend::default() }).boxed()));
    ModelSource { id: TOY, name: "toy".to_owned(), load }
}

pub(crate) fn options(dir: &Path) -> ServiceOptions {
    ServiceOptions::new(SecretKey::from_seed(&NODE_SEED).public_key(), dir.to_owned())
}

/// Starts a worker with the toy, whose steps take `delay`.
pub(crate) async fn start_service(options: ServiceOptions, delay: Duration) -> Service {
    start_with_model(options, toy_source(delay)).await
}

pub(crate) async fn start_with_model(options: ServiceOptions, model: ModelSource) -> Service {
    let seed = Zeroizing::new(WORKER_SEED);
    let starting = move || Service::start(options, &seed, vec![model]);
    tokio::task::spawn_blocking(starting).await.unwrap().unwrap()
}

pub(crate) fn remote(address: SocketAddr, node_seed: &[u8; 32]) -> RemoteWorker {
    let link = Arc::new(HttpLink::new(&format!("http://{address}")).unwrap());
    let worker = SecretKey::from_seed(&WORKER_SEED).public_key();
    RemoteWorker::new(Arc::new(SecretKey::from_seed(node_seed)), worker, link)
}

impl Harness {
    /// A worker whose steps take `delay`.
    pub(crate) async fn start(delay_ms: u64) -> Self {
        Self::start_with(delay_ms, |_| {}).await
    }

    pub(crate) async fn start_with(delay_ms: u64, change: impl FnOnce(&mut ServiceOptions)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path());
        change(&mut options);
        let service = start_service(options, Duration::from_millis(delay_ms)).await;
        Self::serve(service, dir).await
    }

    /// Serves a worker whose results are in `dir`.
    pub(crate) async fn serve(service: Service, dir: TempDir) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = server::router(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let node = remote(address, &NODE_SEED);
        Self { service, node, address, _dir: dir }
    }

    /// Waits until a job is over.
    pub(crate) async fn over(&self, key: JobKey) -> JobStatus {
        wait_over(&self.node, key).await
    }
}

#[track_caller]
pub(crate) fn done(status: JobStatus) -> JobResult {
    match status.state {
        JobState::Done { result } => result,
        other => panic!("not done: {other:?}"),
    }
}

pub(crate) async fn wait_over(node: &RemoteWorker, key: JobKey) -> JobStatus {
    let mut after = 0;
    loop {
        let status = node.status(key).await.unwrap();
        if matches!(status.state, JobState::Done { .. } | JobState::Ended { .. }) {
            return status;
        }
        after = node.events(None, after, 5_000).await.unwrap().next;
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        let service = self.service.clone();
        // Not on a thread of the runtime.
        std::thread::spawn(move || service.shut_down(Duration::ZERO)).join().unwrap();
    }
}

pub(crate) fn params(prompt: &str) -> GenerationParams {
    params_of(prompt, 6, 1)
}

pub(crate) fn params_of(prompt: &str, steps: u16, images: u8) -> GenerationParams {
    let profile = ToyBackend::default().profile().id();
    GenerationParams::builder(TOY, profile, prompt, ImageSize::new(64, 64).unwrap())
        .num_inference_steps(steps)
        .num_images(images)
        .build()
        .unwrap()
}

pub(crate) fn offer(number: u8, params: GenerationParams) -> JobOffer {
    JobOffer {
        genesis: GenesisHash::from_bytes([7; 32]),
        job: JobId::from_bytes([number; 32]),
        attempt: Attempt::FIRST,
        worker: Address::from_bytes([3; 20]),
        params,
        deadline_ms: 60_000,
        keep_ms: 60_000,
        previews: 0,
    }
}

pub(crate) fn audit_call(job: &JobOffer, boundary: Boundary, input: Option<&Bytes>) -> AuditCall {
    AuditCall {
        genesis: job.genesis,
        job: job.job,
        attempt: job.attempt,
        worker: job.worker,
        params: job.params.clone(),
        boundary,
        input: input.map(|bytes| FileHash::of(bytes)),
        fails: false,
        deadline_ms: 20_000,
        wait_ms: 0,
    }
}

pub(crate) fn context(offer: &JobOffer) -> TraceContext {
    TraceContext { genesis: offer.genesis, job: offer.job, attempt: offer.attempt, worker: offer.worker }
}
