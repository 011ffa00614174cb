//! What computes the pictures.

use std::path::Path;
use std::str::FromStr;

use dfsn_compute::exact::{ExactBackend, ExactEngine, ExactOptions, WeightsCache, WeightsOrigin};
#[cfg(feature = "torch")]
use dfsn_compute::torch::DeviceChoice;
use dfsn_compute::{Backend, ComputeError, Lora, ModelConfig, Pipeline, infer_config, manifest};
use thiserror::Error;

use crate::args::Args;
use crate::trace::Trace;

/// Why no engine does what the command line asks for.
#[derive(Debug, Error)]
pub(crate) enum EngineError {
    #[error("--{0} is for the float profile: add --profile float")]
    OnlyFloat(&'static str),
    #[error("--{0} is for the exact profile: leave it out with --profile float")]
    OnlyExact(&'static str),
    #[error("--{0} is for the simd backend")]
    OnlySimd(&'static str),
    #[error("the {profile} profile has no backend {backend:?}: it has {known}")]
    Backend { profile: Profile, backend: String, known: &'static str },
    #[cfg(not(feature = "torch"))]
    #[error(
        "this program was built without libtorch: build it with --features torch, as `cargo xtask generate` does"
    )]
    NoTorch,
    #[error(transparent)]
    Compute(#[from] ComputeError),
}

/// Which bits a picture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// The same on every machine.
    ExactV1,
    /// Those of libtorch on this machine.
    Float,
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ExactV1 => "exact-v1",
            Self::Float => "float",
        })
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::ExactV1, Self::Float]
            .into_iter()
            .find(|profile| profile.to_string() == text)
            .ok_or_else(|| format!("{text:?} is not exact-v1 or float"))
    }
}

/// Loads the model into the engine that the command line asks for.
///
/// `ops` is told of every tensor.
pub(crate) fn load(
    args: &Args,
    model: &Path,
    ops: Option<&Trace>,
) -> Result<Pipeline<Box<dyn Backend>>, EngineError> {
    match args.profile {
        Profile::ExactV1 => exact(args, model, ops),
        Profile::Float if ops.is_some() => Err(EngineError::OnlyExact("dump-trace-ops")),
        Profile::Float => float(args, model),
    }
}

fn config(args: &Args, model: &Path) -> Result<ModelConfig, ComputeError> {
    Ok(match &args.checkpoint {
        None => ModelConfig::load(model)?,
        Some(file) if model.join("model_index.json").exists() => {
            ModelConfig { checkpoint: Some(file.clone()), ..ModelConfig::load(model)? }
        }
        Some(file) => infer_config(file, model, None)?,
    })
}

fn exact(args: &Args, model: &Path, ops: Option<&Trace>) -> Result<Pipeline<Box<dyn Backend>>, EngineError> {
    let only_float =
        [("dtype", args.dtype.is_some()), ("vae-tiling", args.vae_tiling), ("seamless", args.seamless)];
    if let Some((flag, _)) = only_float.iter().find(|(_, given)| *given) {
        return Err(EngineError::OnlyFloat(flag));
    }
    let engine = match args.backend.as_deref() {
        None | Some("simd") => ExactEngine::Simd(args.force_isa),
        Some("scalar") => ExactEngine::Scalar,
        Some("torch") => exact_torch()?,
        Some(backend) => {
            let (profile, known) = (args.profile, "simd, scalar and torch");
            return Err(EngineError::Backend { profile, backend: backend.to_owned(), known });
        }
    };
    if args.force_isa.is_some() && !matches!(engine, ExactEngine::Simd(_)) {
        return Err(EngineError::OnlySimd("force-isa"));
    }
    let config = config(args, model)?;
    let options = ExactOptions { threads: args.threads, engine };
    let mut backend = match cache(args, model) {
        _ if !args.lora.is_empty() => ExactBackend::load_with_loras(&config, options, &loras(args))?,
        Some(cache) => ExactBackend::load_cached(&config, options, &cache)?,
        None => ExactBackend::load(&config, options)?,
    };
    tell_origin(backend.origin());
    if let Some(ops) = ops.cloned() {
        backend.trace(move |tensor| ops.tensor(tensor));
    }
    let backend: Box<dyn Backend> = Box::new(backend);
    Ok(Pipeline::new(config, backend)?)
}

/// The adapters that the command line names.
fn loras(args: &Args) -> Vec<Lora> {
    args.lora.iter().map(|lora| Lora { file: lora.file.clone(), weight: lora.weight }).collect()
}

/// Where the quantised weights are kept, if they are those of a folder that has a name.
fn cache(args: &Args, model: &Path) -> Option<WeightsCache> {
    let is_wanted = !args.no_cache && args.checkpoint.is_none() && args.lora.is_empty();
    let dir = WeightsCache::default_dir().filter(|_| is_wanted)?;
    // What is wrong with the folder is told when it is loaded.
    Some(WeightsCache::new(dir, manifest(model).ok()?.id()))
}

fn tell_origin(origin: &WeightsOrigin) {
    match origin {
        WeightsOrigin::Kept(path) => eprintln!("the quantised weights are kept in {}", path.display()),
        WeightsOrigin::NotKept(reason) => eprintln!("warning: the quantised weights are not kept: {reason}"),
        _ => {}
    }
}

#[cfg(not(feature = "torch"))]
const fn exact_torch() -> Result<ExactEngine, EngineError> {
    Err(EngineError::NoTorch)
}

#[cfg(feature = "torch")]
fn exact_torch() -> Result<ExactEngine, EngineError> {
    dfsn_compute::torch::prepare_process();
    Ok(ExactEngine::Torch(DeviceChoice::Auto))
}

#[cfg(not(feature = "torch"))]
fn float(_args: &Args, _model: &Path) -> Result<Pipeline<Box<dyn Backend>>, EngineError> {
    Err(EngineError::NoTorch)
}

#[cfg(feature = "torch")]
fn float(args: &Args, model: &Path) -> Result<Pipeline<Box<dyn Backend>>, EngineError> {
    use dfsn_compute::{Dtype, LoraMode, TorchBackend, TorchOptions};

    if args.force_isa.is_some() {
        return Err(EngineError::OnlyExact("force-isa"));
    }
    if let Some(backend) = args.backend.clone().filter(|backend| backend != "torch") {
        return Err(EngineError::Backend { profile: args.profile, backend, known: "torch" });
    }
    let dtype = match args.dtype.as_deref() {
        None => Dtype::F32,
        Some(name) => name.parse().map_err(ComputeError::Torch)?,
    };
    dfsn_compute::torch::prepare_process();
    let options = TorchOptions {
        threads: args.threads,
        dtype,
        vae_tiling: args.vae_tiling,
        seamless: args.seamless,
        ..TorchOptions::default()
    };
    let config = config(args, model)?;
    let mut backend = TorchBackend::load(&config, options)?;
    if !args.lora.is_empty() {
        backend.apply_loras(&loras(args), LoraMode::Merged)?;
    }
    let backend: Box<dyn Backend> = Box::new(backend);
    Ok(Pipeline::new(config, backend)?)
}
