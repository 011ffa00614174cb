//! From model folders to what the service loads.

use std::path::PathBuf;

use dfsn_compute::exact::{self, ExactOptions, WeightsCache, WeightsOrigin};
use dfsn_compute::service::{BoxedPipeline, ModelSource};
use dfsn_compute::{ComputeError, manifest};
use dfsn_types::ModelId;

use crate::config::{Config, Model};
use crate::error::ClientError;
use crate::profile::Profile;

/// Loads a model on the inference thread.
type Load = Box<dyn FnOnce() -> Result<BoxedPipeline, ComputeError> + Send>;

/// Names each folder by the hash of its files; loading is left to the inference thread.
pub(crate) fn sources(config: &Config) -> Result<Vec<ModelSource>, ClientError> {
    let mut sources = Vec::new();
    let mut served = Vec::new();
    for &Model { ref path, profile } in config.models()? {
        let dir = config.resolve(path);
        let id = manifest(&dir)?.id();
        if served.contains(&(id, profile)) {
            return Err(ClientError::Twice { path: dir, profile });
        }
        served.push((id, profile));
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let load = match profile {
            Profile::ExactV1 => exact(config, dir, id),
            Profile::Float => float(config, dir),
        };
        sources.push(ModelSource { id, name, load });
    }
    #[cfg(feature = "torch")]
    if config.computes_floats() {
        dfsn_compute::torch::prepare_process();
    }
    Ok(sources)
}

fn exact(config: &Config, dir: PathBuf, id: ModelId) -> Load {
    let options = ExactOptions { threads: config.threads, ..ExactOptions::default() };
    let Some(cache) = config.cache_dir().map(|cache| WeightsCache::new(cache, id)) else {
        return Box::new(move || Ok(exact::load_pipeline(dir, options)?.boxed()));
    };
    Box::new(move || {
        let mut pipeline = exact::load_pipeline_cached(dir, options, &cache)?;
        match pipeline.backend_mut().origin() {
            WeightsOrigin::Kept(path) => tracing::info!(path = %path.display(), "quantised weights are kept"),
            WeightsOrigin::NotKept(reason) => tracing::warn!(reason, "quantised weights are not kept"),
            _ => {}
        }
        Ok(pipeline.boxed())
    })
}

#[cfg(feature = "torch")]
fn float(config: &Config, dir: PathBuf) -> Load {
    use dfsn_compute::torch::{DeviceChoice, TorchOptions, load_pipeline};

    use crate::profile::Device;

    let device = match config.device {
        Device::Auto => DeviceChoice::Auto,
        Device::Cpu => DeviceChoice::Cpu,
        Device::Cuda(number) => DeviceChoice::Cuda(number),
    };
    let options = TorchOptions { threads: config.threads, device, ..TorchOptions::default() };
    Box::new(move || Ok(load_pipeline(dir, options)?.boxed()))
}

/// The configuration refuses such a model where libtorch is not built in.
#[cfg(not(feature = "torch"))]
fn float(_config: &Config, dir: PathBuf) -> Load {
    Box::new(move || Err(ComputeError::Backend(ClientError::NoTorch(dir).to_string())))
}
