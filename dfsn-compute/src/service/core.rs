//! The worker: what it takes, what it knows, how it ends.

mod disputes;
mod jobs;
mod options;
mod results;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dfsn_types::{BoundedString, ChainIdentity, Domain, PublicKey, SecretKey, Signature};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::blobs::Blobs;
use super::board::Board;
use super::engine::{self, LoadedModel, ModelSource, Shared};
use super::metrics::{Metrics, Snapshot};
use super::refusal::Refusal;
use super::replay::ReplayGuard;
use super::store::Store;
use super::wire::{EventPage, ModelInfo, PossessionCall, WorkerInfo};

pub use options::{ServiceError, ServiceOptions};

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
    /// Held while the picture of an offer is read.
    reading: Mutex<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Whether a connection to the node stands, as far as the worker dialled it.
    connected: watch::Sender<bool>,
    /// Turns true when nothing will be computed any more.
    closed: watch::Sender<bool>,
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
        let metrics = Arc::new(Metrics::default());
        let shared = Arc::new(Shared {
            board: Board::new(options.queue_capacity, boot, Arc::clone(&metrics)),
            metrics,
            store,
            blobs: Blobs::new(options.max_blob_bytes),
            secret,
        });
        let (models, thread) = engine::start(models, Arc::clone(&shared))?;
        let key = SecretKey::from_seed(seed);
        let (replay, thread) = (Mutex::new(replay), Mutex::new(Some(thread)));
        let (connected, closed) = (watch::Sender::new(false), watch::Sender::new(false));
        let reading = Mutex::default();
        let inner = Inner { options, key, boot, shared, models, replay, reading, thread, connected, closed };
        Ok(Self(Arc::new(inner)))
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

    /// Signs a registration that names the worker's key.
    ///
    /// # Errors
    /// [`Refusal::OtherKey`] for one that names another.
    pub fn sign_possession(&self, call: &PossessionCall) -> Result<Signature, Refusal> {
        let named = call.registration.compute_key;
        if named != self.public_key() {
            return Err(Refusal::OtherKey { named });
        }
        let chain = ChainIdentity { chain_id: call.chain_id, genesis: call.genesis };
        Ok(call.registration.sign_possession(&chain, &call.owner, &self.0.key))
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

    /// Events after a number; see [`EventPage`].
    pub fn events(&self, boot: Option<u64>, after: u64) -> EventPage {
        self.board().events(boot, after)
    }

    /// Whether a connection to the node stands that the worker dialled.
    pub fn is_connected(&self) -> bool {
        *self.0.connected.borrow()
    }

    /// Changes with [`Self::is_connected`].
    pub fn connection(&self) -> watch::Receiver<bool> {
        self.0.connected.subscribe()
    }

    pub(super) fn set_connected(&self, is_connected: bool) {
        self.0.connected.send_replace(is_connected);
    }

    /// Turns true when nothing will be computed any more.
    pub(super) fn closed(&self) -> watch::Receiver<bool> {
        self.0.closed.subscribe()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.shared.metrics
    }

    /// All figures in the text form of OpenMetrics.
    ///
    /// # Errors
    /// That of formatting.
    pub fn metrics_text(&self) -> Result<String, std::fmt::Error> {
        let now = Snapshot {
            queued: self.board().queued(),
            is_running: self.board().is_running(),
            store_bytes: self.store().used_bytes(),
            results: self.store().keys().len(),
            is_ready: self.is_ready(),
            is_connected: self.is_connected(),
        };
        self.metrics().text(now)
    }

    /// Changes whenever there is news of jobs.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.board().news()
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
        self.0.closed.send_replace(true);
    }

    fn board(&self) -> &Board {
        &self.0.shared.board
    }

    fn store(&self) -> &Store {
        &self.0.shared.store
    }
}
