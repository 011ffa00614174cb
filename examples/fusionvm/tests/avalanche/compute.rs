//! ComputeClients over HTTP, one of which can cheat.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dfsn_compute::exact::{ExactBackend, ExactOptions, WeightsCache};
use dfsn_compute::service::listen::Listener;
use dfsn_compute::service::{ModelSource, Service, ServiceOptions, server};
use dfsn_compute::{
    Backend, ComputeError, Conditioning, LatentShape, ModelConfig, Pipeline, TextEncoding, TextInput,
    manifest,
};
use dfsn_types::{ProfileRecord, PublicKey};
use fusionvm::keystore::NodeSecret;
use tokio::sync::watch;

use super::emoji;

/// A ComputeClient of this process, served over HTTP.
pub(super) struct ComputeClient {
    pub(super) key: PublicKey,
    pub(super) url: String,
    service: Service,
    stop: watch::Sender<bool>,
}

impl ComputeClient {
    pub(super) async fn start(node: &NodeSecret, data_dir: &Path, cheat: Arc<AtomicBool>) -> Self {
        let mut options = ServiceOptions::new(node.node().public_key(), data_dir.to_owned());
        options.queue_capacity = 32;
        let seed = node.compute();
        let starting = tokio::task::spawn_blocking(move || {
            let id = manifest(emoji()).unwrap().id();
            // Disputes show parts of the file that is kept there.
            let cache = WeightsCache::new(options.data_dir.join("weights"), id);
            let load = Box::new(move || {
                let config = ModelConfig::load(emoji())?;
                let one = ExactOptions { threads: NonZeroU16::new(1), ..ExactOptions::default() };
                let exact = ExactBackend::load_cached(&config, one, &cache)?;
                Ok(Pipeline::new(config, MayCheat { exact, cheat })?.boxed())
            });
            let model = ModelSource { id, name: "emoji-64".to_owned(), load };
            Service::start(options, &seed, vec![model]).unwrap()
        });
        let service = starting.await.unwrap();
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(listener.serve(server::router(service.clone()), stopping));
        Self { key: service.public_key(), url, service, stop }
    }
}

impl Drop for ComputeClient {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.service.shut_down(std::time::Duration::ZERO);
    }
}

/// The exact engine; told to cheat, it guesses the noise.
struct MayCheat {
    exact: ExactBackend,
    cheat: Arc<AtomicBool>,
}

impl Backend for MayCheat {
    fn profile(&self) -> ProfileRecord {
        self.exact.profile()
    }

    fn as_exact(&self) -> Option<&ExactBackend> {
        Some(&self.exact)
    }

    fn encode_text(&mut self, text: &TextInput<'_>) -> Result<TextEncoding, ComputeError> {
        self.exact.encode_text(text)
    }

    fn predict_noise(
        &mut self,
        sample: &[f32],
        shape: LatentShape,
        timestep: f32,
        conditioning: &Conditioning,
    ) -> Result<Vec<f32>, ComputeError> {
        let mut noise = self.exact.predict_noise(sample, shape, timestep, conditioning)?;
        if self.cheat.load(Ordering::SeqCst) {
            noise.iter_mut().for_each(|number| *number = -*number);
        }
        Ok(noise)
    }

    fn check_size(&self, latents: LatentShape, tokens: usize) -> Result<(), ComputeError> {
        self.exact.check_size(latents, tokens)
    }

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        self.exact.decode(latents, shape)
    }
}
