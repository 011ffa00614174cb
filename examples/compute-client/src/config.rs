//! The configuration file.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dfsn_compute::exact::WeightsCache;
use dfsn_compute::service::ServiceOptions;
use dfsn_types::PublicKey;
use serde::Deserialize;

use crate::error::ClientError;
use crate::profile::{Device, Profile};

/// All that can be set; relative paths start at the file's folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    node: Option<PublicKey>,
    pub(crate) dial: Option<String>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    #[serde(default = "default_admin")]
    pub(crate) admin: SocketAddr,
    key_file: PathBuf,
    data_dir: PathBuf,
    #[serde(default)]
    pub(crate) device: Device,
    pub(crate) threads: Option<NonZeroU16>,
    cache_dir: Option<PathBuf>,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    models: Vec<Model>,
    /// Where this was read from.
    #[serde(skip)]
    path: PathBuf,
}

/// A certificate of one's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What the worker takes at most.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    queue: usize,
    max_pixels: u64,
    store_gib: u64,
    keep_hours: u64,
    shutdown_seconds: u64,
}

/// A model folder, and which bits its pictures have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) path: PathBuf,
    #[serde(default)]
    pub(crate) profile: Profile,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 8, max_pixels: 2048 * 2048, store_gib: 20, keep_hours: 24, shutdown_seconds: 60 }
    }
}

fn default_admin() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 9464))
}

impl Config {
    /// Reads a file; what must be set for the command at hand is checked when it is asked for.
    pub(crate) fn read(path: &Path) -> Result<Self, ClientError> {
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => ClientError::NoConfig(path.to_owned()),
            _ => ClientError::Io { path: path.to_owned(), source },
        })?;
        let config: Self = toml::from_str(&text)
            .map_err(|source| ClientError::Config { path: path.to_owned(), source: Box::new(source) })?;
        Ok(Self { path: path.to_owned(), ..config })
    }

    /// The node that is served.
    pub(crate) fn node(&self) -> Result<PublicKey, ClientError> {
        self.node.ok_or_else(|| ClientError::NoNode(self.path.clone()))
    }

    /// That there is a way between node and worker.
    pub(crate) fn check_way(&self) -> Result<(), ClientError> {
        if self.dial.is_none() && self.listen.is_none() {
            return Err(ClientError::NoWay(self.path.clone()));
        }
        Ok(())
    }

    /// All models, at least one, each in a profile that this program and the settings allow.
    pub(crate) fn models(&self) -> Result<&[Model], ClientError> {
        if self.models.is_empty() {
            return Err(ClientError::NoModel(self.path.clone()));
        }
        for model in &self.models {
            model.profile.check_built(&model.path)?;
        }
        if !self.computes_floats() && matches!(self.device, Device::Cuda(_)) {
            return Err(ClientError::NoFloats { path: self.path.clone(), device: self.device });
        }
        Ok(&self.models)
    }

    /// Whether a model is served in the float profile.
    pub(crate) fn computes_floats(&self) -> bool {
        self.models.iter().any(|model| model.profile == Profile::Float)
    }

    /// The file of the worker's key.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.resolve(&self.key_file)
    }

    /// Where quantised weights are kept.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        let set = self.cache_dir.as_ref().map(|dir| self.resolve(dir));
        set.or_else(WeightsCache::default_dir)
    }

    /// How the service is to run for a node.
    pub(crate) fn service(&self, node: PublicKey) -> ServiceOptions {
        ServiceOptions {
            queue_capacity: self.limits.queue.clamp(1, 1_024),
            max_pixels: self.limits.max_pixels,
            max_store_bytes: self.limits.store_gib.saturating_mul(1 << 30),
            max_keep: Duration::from_secs(self.limits.keep_hours.saturating_mul(3_600)),
            ..ServiceOptions::new(node, self.resolve(&self.data_dir))
        }
    }

    /// How long a shutdown waits for the running job; a day at most.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.limits.shutdown_seconds.min(86_400))
    }

    /// A path of the file, from the file's folder.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        match (path.strip_prefix("~"), home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.path.parent().unwrap_or(Path::new("")).join(path),
        }
    }
}
