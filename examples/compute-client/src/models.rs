//! From model folders to what the service loads.

use dfsn_compute::manifest;
use dfsn_compute::service::ModelSource;
use dfsn_compute::torch::load_pipeline;

use crate::config::Config;
use crate::error::ClientError;

/// Names each folder by the hash of its files; loading is left to the inference thread.
pub(crate) fn sources(config: &Config) -> Result<Vec<ModelSource>, ClientError> {
    let options = config.torch()?;
    let mut sources = Vec::new();
    for dir in config.model_dirs()? {
        let id = manifest(&dir)?.id();
        let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let load = Box::new(move || Ok(load_pipeline(dir, options)?.boxed()));
        sources.push(ModelSource { id, name, load });
    }
    Ok(sources)
}
