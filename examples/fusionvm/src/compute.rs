//! The ComputeClients of a node: elsewhere, by their URLs or calling in, or one in this process.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use dfsn_compute::exact::{ExactOptions, WeightsCache, load_pipeline_cached};
use dfsn_compute::manifest;
use dfsn_compute::service::node::{DialledWorker, HttpLink, Link, LocalLink, RemoteWorker, no_worker};
use dfsn_compute::service::{ModelSource, Service, ServiceOptions};

use crate::config::Compute;
use crate::error::NodeError;
use crate::keystore::NodeSecret;

/// How long a job at hand may go on when the node ends.
const GRACE: Duration = Duration::from_secs(2);
/// What a ComputeClient is told that calls a node which does not wait for it.
const NO_WORKER: &str = "start it with `--compute KEY`, or write `[[compute]]` with `key = \"KEY\"` into its configuration, where \
                         KEY is the public key that this ComputeClient logs";

/// The ways to all ComputeClients that are elsewhere.
#[derive(Debug)]
pub struct Remotes {
    /// The ComputeClients.
    pub workers: Vec<RemoteWorker>,
    /// The path that one of them calls, to be served with the API.
    pub router: Router,
}

impl Remotes {
    /// For what is configured.
    ///
    /// # Errors
    /// [`NodeError::Compute`] for an address that is none, or for two that call in.
    pub fn new(secret: &NodeSecret, clients: &[Compute]) -> Result<Self, NodeError> {
        let key = Arc::new(secret.node());
        let (mut workers, mut router, mut is_called) = (Vec::new(), Router::new(), false);
        for client in clients {
            let link: Arc<dyn Link> = match &client.url {
                Some(url) => {
                    Arc::new(HttpLink::new(url).map_err(|error| NodeError::Compute(error.to_string()))?)
                }
                None if is_called => {
                    let reason = "two of them call in: give all but one a url".to_owned();
                    return Err(NodeError::Compute(reason));
                }
                None => {
                    is_called = true;
                    let dialled = DialledWorker::new(key.public_key(), client.key);
                    router = router.merge(dialled.router());
                    Arc::new(dialled)
                }
            };
            workers.push(RemoteWorker::new(Arc::clone(&key), client.key, link));
        }
        if !is_called {
            router = no_worker(NO_WORKER);
        }
        Ok(Self { workers, router })
    }
}

/// A ComputeClient in this process, in the profile `exact-v1`, which needs no libtorch.
#[derive(Debug)]
pub struct LocalCompute {
    service: Service,
    worker: RemoteWorker,
}

impl LocalCompute {
    /// Loads a model, which takes a moment.
    ///
    /// # Errors
    /// [`NodeError`] when it is no model, or the folder is in use.
    pub async fn start(secret: &NodeSecret, model: PathBuf, data_dir: &Path) -> Result<Self, NodeError> {
        let key = Arc::new(secret.node());
        let mut options = ServiceOptions::new(key.public_key(), data_dir.to_owned());
        options.queue_capacity = 32;
        let seed = secret.compute();
        let starting = tokio::task::spawn_blocking(move || {
            let id = manifest(&model)?.id();
            let name = model.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let options_of_model = ExactOptions { threads: NonZeroU16::new(1), ..ExactOptions::default() };
            // Disputes show parts of the file that is kept there.
            let cache = WeightsCache::new(options.data_dir.join("weights"), id);
            let load = Box::new(move || Ok(load_pipeline_cached(model, options_of_model, &cache)?.boxed()));
            let service = Service::start(options, &seed, vec![ModelSource { id, name, load }]);
            service.map_err(|error| NodeError::Compute(error.to_string()))
        });
        let service = starting.await.map_err(|_| NodeError::Stopped("compute client"))??;
        let link = Arc::new(LocalLink::new(service.clone()));
        let worker = RemoteWorker::new(key, service.public_key(), link);
        Ok(Self { service, worker })
    }

    /// As the node's validators see it.
    pub fn worker(&self) -> RemoteWorker {
        self.worker.clone()
    }

    /// Ends it. What it has drawn is on disk.
    pub async fn stop(self) {
        let _ = tokio::task::spawn_blocking(move || self.service.shut_down(GRACE)).await;
    }
}
