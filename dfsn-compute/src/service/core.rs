//! The worker: what it takes, what it knows, how it ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dfsn_types::{
    Boundary, BoundedString, Domain, FileHash, GenerationParams, LeafOpening, PublicKey, SecretKey,
    TraceLeaf, TraceShape, TraceTree,
};
use thiserror::Error;
use zeroize::Zeroizing;

use super::blobs::Blobs;
use super::board::{AuditTask, Board, OpenJob};
use super::engine::{self, LoadedModel, ModelSource, Shared};
use super::refusal::Refusal;
use super::replay::ReplayGuard;
use super::store::{Store, StoreError, StoredResult};
use super::wire::{
    AuditCall, AuditReply, EventPage, JobKey, JobOffer, JobState, JobStatus, MAX_PREVIEWS, ModelInfo,
    TraceLeaves, WorkerInfo, message,
};
use crate::error::ComputeError;
use crate::request::ImageRequest;
use crate::scheduler;

/// How a worker is to run.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// The one key whose requests are served.
    pub node: PublicKey,
    /// Folder of results and traces.
    pub data_dir: PathBuf,
    /// Bytes that results may take there.
    pub max_store_bytes: u64,
    /// Bytes of blobs in memory.
    pub max_blob_bytes: usize,
    /// Jobs that may wait.
    pub queue_capacity: usize,
    /// Most pixels of a picture, for devices with little memory.
    pub max_pixels: u64,
    /// Longest deadline of a job.
    pub max_deadline: Duration,
    /// Longest time that a result is kept.
    pub max_keep: Duration,
}

impl ServiceOptions {
    /// Defaults for a node and a folder: 20 GiB of results, 8 waiting jobs, 2048 x 2048 pixels, a day.
    pub fn new(node: PublicKey, data_dir: PathBuf) -> Self {
        Self {
            node,
            data_dir,
            max_store_bytes: 20 << 30,
            max_blob_bytes: 64 << 20,
            queue_capacity: 8,
            max_pixels: 2048 * 2048,
            max_deadline: Duration::from_secs(3_600),
            max_keep: Duration::from_secs(24 * 3_600),
        }
    }
}

/// Why a worker does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A model.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// The folder of results.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The line that guards against replays.
    #[error("cannot open the replay guard: {0}")]
    Replay(std::io::Error),
    /// The system's randomness.
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
    /// No model at all.
    #[error("no model is configured")]
    NoModel,
}

/// A running worker. Clones are handles on the same one.
#[derive(Clone, Debug)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: ServiceOptions,
    key: SecretKey,
    boot: u64,
    shared: Arc<Shared>,
    models: Vec<LoadedModel>,
    replay: Mutex<ReplayGuard>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Service {
    /// Opens the folder, loads and measures the models. Blocks until that is done.
    ///
    /// # Errors
    /// [`ServiceError`].
    ///
    /// # Panics
    /// Inside a tokio task, which must not block; use `tokio::task::spawn_blocking` there.
    pub fn start(
        options: ServiceOptions,
        seed: &Zeroizing<[u8; 32]>,
        models: Vec<ModelSource>,
    ) -> Result<Self, ServiceError> {
        if models.is_empty() {
            return Err(ServiceError::NoModel);
        }
        let store = Store::open(&options.data_dir, options.max_store_bytes)?;
        let replay = ReplayGuard::open(options.data_dir.join("replay-line"), ReplayGuard::WINDOW_MS)
            .map_err(ServiceError::Replay)?;
        // 53 bits, so that JSON readers with floats keep it.
        let boot = getrandom::u64().map_err(ServiceError::Random)? >> 11;
        let secret = Zeroizing::new(*Domain::ComputeSalt.hash_bytes(seed.as_slice()).as_bytes());
        let shared = Arc::new(Shared {
            board: Board::new(options.queue_capacity, boot),
            store,
            blobs: Blobs::new(options.max_blob_bytes),
            secret,
        });
        let (models, thread) = engine::start(models, Arc::clone(&shared))?;
        let key = SecretKey::from_seed(seed);
        let (replay, thread) = (Mutex::new(replay), Mutex::new(Some(thread)));
        Ok(Self(Arc::new(Inner { options, key, boot, shared, models, replay, thread })))
    }

    /// The worker's own key.
    pub fn public_key(&self) -> PublicKey {
        self.0.key.public_key()
    }

    /// The key of its node.
    pub fn node(&self) -> PublicKey {
        self.0.options.node
    }

    /// Signs with the worker's key.
    pub(super) fn key(&self) -> &SecretKey {
        &self.0.key
    }

    /// Takes a request's time and nonce, once.
    pub(super) fn admit(&self, timestamp_ms: u64, nonce: [u8; 16], now_ms: u64) -> Result<(), Refusal> {
        let mut replay = self.0.replay.lock().unwrap_or_else(PoisonError::into_inner);
        replay.admit(timestamp_ms, nonce, now_ms)
    }

    /// Whether it takes jobs.
    pub fn is_ready(&self) -> bool {
        !self.board().is_draining() && self.is_alive()
    }

    /// Whether the inference thread runs.
    pub fn is_alive(&self) -> bool {
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// What the worker is and does.
    pub fn info(&self) -> WorkerInfo {
        let models = self.0.models.iter().map(|model| ModelInfo {
            model: model.id,
            name: BoundedString::new(model.name.chars().take(16).collect::<String>()).unwrap_or_default(),
            profile: model.profile.id(),
            record: model.profile.clone(),
            speed: model.speed.measured(),
        });
        WorkerInfo {
            software: BoundedString::new(concat!("dfsn-compute ", env!("CARGO_PKG_VERSION")))
                .unwrap_or_default(),
            boot: self.0.boot,
            key: self.public_key(),
            ready: self.is_ready(),
            jobs: u32::try_from(self.board().open_keys().len()).unwrap_or(u32::MAX),
            queue_capacity: u32::try_from(self.0.options.queue_capacity).unwrap_or(u32::MAX),
            models: models.collect(),
        }
    }

    /// Takes a job, or tells where it stands when it was taken before.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn submit(&self, offer: JobOffer) -> Result<JobStatus, Refusal> {
        let key = offer.key();
        if let Some((state, known)) = self.board().open(key) {
            return if is_same(&known, &offer) { Ok(status(key, state)) } else { Err(Refusal::Conflict) };
        }
        if self.store().contains(key) {
            let known = self.stored(key)?;
            let state = JobState::Done { result: known.result };
            return if is_same(&known.offer, &offer) {
                Ok(status(key, state))
            } else {
                Err(Refusal::Conflict)
            };
        }
        let (number, model) = self.served(&offer.params)?;
        self.check_limits(&offer)?;
        let bytes = trace_bytes(model, &offer.params)?;
        let needed_bytes = bytes.saturating_add(self.board().reserved_bytes());
        self.store().check_space(needed_bytes).map_err(|_| Refusal::StoreFull { needed_bytes })?;
        let deadline = Instant::now() + Duration::from_millis(offer.deadline_ms);
        let estimate = model.speed.estimate(&offer.params);
        let state = self.board().take(OpenJob { offer, model: number, deadline, estimate, bytes })?;
        Ok(status(key, state))
    }

    /// The model that a request names, and its number.
    fn served(&self, params: &GenerationParams) -> Result<(usize, &LoadedModel), Refusal> {
        let is_it =
            |model: &LoadedModel| model.id == params.model() && model.profile.id() == params.profile();
        let found = self.0.models.iter().enumerate().find(|(_, model)| is_it(model));
        found.ok_or(Refusal::NotServed)
    }

    fn check_limits(&self, offer: &JobOffer) -> Result<(), Refusal> {
        let options = &self.0.options;
        let most = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let pixels = u64::from(offer.params.height()) * u64::from(offer.params.width());
        let limits = [
            ("previews", u64::from(offer.previews), u64::from(MAX_PREVIEWS)),
            ("deadline_ms", offer.deadline_ms, most(options.max_deadline)),
            ("keep_ms", offer.keep_ms, most(options.max_keep)),
            ("pixels", pixels, options.max_pixels),
        ];
        for (field, value, max) in limits {
            if value > max {
                let reason = message(&format!("{field} {value} is over this worker's limit of {max}"));
                return Err(Refusal::Undrawable { reason });
            }
        }
        Ok(())
    }

    /// Where a job stands.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`], [`Refusal::Internal`].
    pub fn status(&self, key: JobKey) -> Result<JobStatus, Refusal> {
        if let Some((state, _)) = self.board().open(key) {
            return Ok(status(key, state));
        }
        if self.store().contains(key) {
            return Ok(status(key, JobState::Done { result: self.stored(key)?.result }));
        }
        self.board().ended(key).map(|state| status(key, state)).ok_or(Refusal::UnknownJob)
    }

    /// Every job that is open or has a result here.
    pub fn keys(&self) -> Vec<JobKey> {
        let mut keys = self.board().open_keys();
        keys.extend(self.store().keys());
        keys
    }

    /// Stops a job that has no result yet.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`] when there is none that waits or runs.
    pub fn cancel(&self, key: JobKey) -> Result<(), Refusal> {
        if self.board().cancel(key) { Ok(()) } else { Err(Refusal::UnknownJob) }
    }

    /// Deletes a result whose audits are over.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`], [`Refusal::Internal`].
    pub fn release(&self, key: JobKey) -> Result<(), Refusal> {
        match self.store().release(key) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::UnknownJob),
            Err(error) => Err(Refusal::internal(&error)),
        }
    }

    /// All leaves of a result's trace.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`], [`Refusal::NoResult`], [`Refusal::Internal`].
    pub fn trace(&self, key: JobKey) -> Result<TraceLeaves, Refusal> {
        Ok(TraceLeaves { leaves: self.stored(key)?.leaves })
    }

    /// The opening of one leaf.
    ///
    /// # Errors
    /// As [`Self::trace`], and [`Refusal::UnknownState`].
    pub fn opening(&self, key: JobKey, boundary: Boundary) -> Result<LeafOpening, Refusal> {
        let record = self.stored(key)?;
        let leaves = record.leaves.iter().copied().map(TraceLeaf::from).collect();
        let tree = TraceTree::new(TraceShape::of(&record.offer.params), leaves);
        let tree = tree.map_err(|error| Refusal::internal(&error))?;
        tree.open(boundary).map_err(|_| Refusal::UnknownState)
    }

    /// The canonical bytes of one state.
    ///
    /// # Errors
    /// As [`Self::opening`].
    pub fn state(&self, key: JobKey, boundary: Boundary) -> Result<Vec<u8>, Refusal> {
        self.store().state(key, boundary).map_err(|error| match error {
            StoreError::Unknown if self.store().contains(key) => Refusal::UnknownState,
            error => self.no_result(key, &error),
        })
    }

    /// Events after a number; see [`EventPage`].
    pub fn events(&self, boot: Option<u64>, after: u64) -> EventPage {
        self.board().events(boot, after)
    }

    /// Changes whenever there is news.
    pub(super) fn news(&self) -> tokio::sync::watch::Receiver<u64> {
        self.board().news()
    }

    /// Takes a blob.
    pub fn put_blob(&self, bytes: Bytes) -> FileHash {
        self.0.shared.blobs.put(bytes)
    }

    /// A blob: something handed over, a preview, or a picture of a result.
    ///
    /// # Errors
    /// [`Refusal::UnknownBlob`], [`Refusal::Internal`].
    pub fn blob(&self, hash: &FileHash) -> Result<Bytes, Refusal> {
        if let Some(blob) = self.0.shared.blobs.get(hash) {
            return Ok(blob);
        }
        match self.store().picture(hash) {
            Ok(picture) => Ok(picture.into()),
            Err(StoreError::Unknown) => Err(Refusal::UnknownBlob),
            Err(error) => Err(Refusal::internal(&error)),
        }
    }

    /// Queues a question of an audit, or tells its answer.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn audit(&self, call: AuditCall) -> Result<AuditReply, Refusal> {
        let id = audit_id(&call);
        if let Some(reply) = self.board().audit_reply(id) {
            return Ok(reply);
        }
        let (model, _) = self.served(&call.params)?;
        TraceShape::of(&call.params).index(call.boundary).map_err(|_| Refusal::UnknownState)?;
        let input = match call.input {
            Some(hash) => Some(self.0.shared.blobs.get(&hash).ok_or(Refusal::UnknownBlob)?),
            None if call.boundary.t == 0 => None,
            None => {
                return Err(Refusal::Undrawable {
                    reason: message("this boundary needs the state before it"),
                });
            }
        };
        let wait = Duration::from_millis(call.deadline_ms).min(self.0.options.max_deadline);
        self.board().ask(AuditTask { id, call, input, model, deadline: Instant::now() + wait })?;
        Ok(AuditReply::Pending)
    }

    /// Deletes results that are kept no longer; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sweep(&self, now_ms: u64) -> Result<usize, StoreError> {
        self.store().sweep(now_ms)
    }

    /// Takes nothing new, hands back what waits, and lets the running job end if that takes no longer than `grace`. Blocks until
    /// the inference thread has ended.
    pub fn shut_down(&self, grace: Duration) {
        self.board().drain(grace);
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        let end = Instant::now() + grace;
        while !thread.is_finished() {
            if Instant::now() > end {
                self.board().abandon_running();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // A panic was printed by its thread; nothing is left to do about it.
        let _ = thread.join();
    }

    fn stored(&self, key: JobKey) -> Result<StoredResult, Refusal> {
        self.store().result(key).map_err(|error| self.no_result(key, &error))
    }

    fn no_result(&self, key: JobKey, error: &StoreError) -> Refusal {
        match error {
            StoreError::Unknown if self.board().open(key).is_some() => Refusal::NoResult,
            StoreError::Unknown => Refusal::UnknownJob,
            error => {
                tracing::error!(%error, job = %key.job, "the store failed");
                Refusal::internal(error)
            }
        }
    }

    fn board(&self) -> &Board {
        &self.0.shared.board
    }

    fn store(&self) -> &Store {
        &self.0.shared.store
    }
}

fn status(key: JobKey, state: JobState) -> JobStatus {
    JobStatus { job: key.job, attempt: key.attempt, state }
}

/// Whether two offers ask for the same picture and trace; times may differ.
fn is_same(known: &JobOffer, offer: &JobOffer) -> bool {
    known.genesis == offer.genesis && known.worker == offer.worker && known.params == offer.params
}

/// Names a question by all that its answer depends on.
fn audit_id(call: &AuditCall) -> FileHash {
    let AuditCall { genesis, job, attempt, worker, params, boundary, input, .. } = call;
    FileHash::of(&dfsn_types::codec::encode(&(genesis, job, attempt, worker, params, boundary, input)))
}

/// Bytes of a request's trace on disk, and that the model can draw it at all.
fn trace_bytes(model: &LoadedModel, params: &GenerationParams) -> Result<u64, Refusal> {
    let undrawable =
        |error: &dyn std::fmt::Display| Refusal::Undrawable { reason: message(&error.to_string()) };
    let request = ImageRequest::from_params(params, 0).map_err(|error| undrawable(&error))?;
    request.check(&model.config).map_err(|error| undrawable(&error))?;
    let steps = params.num_inference_steps();
    let schedule = scheduler::build(params.scheduler(), &model.config.scheduler, u32::from(steps));
    let schedule = schedule.map_err(|error| undrawable(&error))?;
    let factor = model.config.vae_scale_factor().max(1);
    let latents = u64::from(model.config.unet.in_channels)
        * u64::from(request.height / factor)
        * u64::from(request.width / factor);
    let tensors: u64 = (0..=usize::from(steps)).map(|done| 1 + schedule.history_length(done) as u64).sum();
    let decoded = 3 * u64::from(request.height) * u64::from(request.width);
    // The picture itself is smaller than what was decoded.
    Ok(u64::from(params.num_images()) * (4 * latents * tensors + 8 * decoded))
}
