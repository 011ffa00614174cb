//! Stable Diffusion for DFSN: the model, the pipeline, its auditable steps and the thread that runs them.
//!
//! What belongs here is all that turns a request into numbers and pixels: tokenizer, schedulers, noise, the
//! networks on libtorch (feature `torch`), pictures. What a number means to the chain (hashes, trees, verdicts)
//! belongs to dfsn-types and dfsn-consensus; an error here is never a verdict.
//!
//! - [`ModelConfig`] reads a folder in the layout of Hugging Face diffusers, from disk or from [`MemoryFiles`].
//! - [`Pipeline`] draws an [`ImageRequest`] and can execute each part alone ([`Question`]) from a [`StepState`].
//! - [`Backend`] is the boundary to the library behind the networks, in plain types.
//! - [`Trace`] salts and hashes every boundary state of a result into the tree that its worker commits to.
//! - [`Worker`] owns a pipeline on one thread, with a bounded queue, progress and cancellation.
//!
//! The schedule of a model needs no libtorch:
//!
//! ```
//! use dfsn_compute::config::SchedulerConfig;
//! use dfsn_compute::scheduler;
//! use dfsn_types::SchedulerKind;
//!
//! let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");
//! let config = SchedulerConfig::load(&format!("{folder}/scheduler/scheduler_config.json"))?;
//! let ddim = scheduler::build(SchedulerKind::Ddim, &config, 20)?;
//! assert_eq!(ddim.timesteps()[..3], [951.0, 901.0, 851.0]);
//! # Ok::<(), dfsn_compute::ComputeError>(())
//! ```
//!
//! Drawing a picture is shown in the module `torch`, which the feature of that name adds.

pub mod backend;
pub mod config;
mod error;
pub mod exact;
mod failed;
pub mod image;
mod lora;
mod manifest;
mod model_path;
pub mod noise;
pub mod pipeline;
pub mod prompt;
mod request;
pub mod scheduler;
#[cfg(feature = "service")]
pub mod service;
mod state;
pub mod tokenizer;
#[cfg(feature = "torch")]
pub mod torch;
mod trace;
mod trace_file;
mod weights;
pub mod worker;

pub use backend::{
    AddedConditioning, Backend, Conditioning, LatentDistribution, LatentShape, TextEncoding, TextInput,
};
pub use config::{ConfigError, ModelConfig};
pub use dfsn_types::SchedulerKind;
pub use error::ComputeError;
pub use failed::Failed;
pub use image::{DecodedImage, ImageError, PngText, Preview, Provenance, RgbImage};
pub use lora::{Lora, LoraError};
pub use manifest::{ManifestError, manifest};
pub use model_path::{MemoryFiles, ModelPath};
pub use pipeline::{
    Drawn, Event, Generated, Hires, NoObserver, Observer, Pipeline, Prepared, Question, TraceRecorder,
};
pub use prompt::{TextualInversion, TextualInversionError};
pub use request::{ImageRequest, InitImage, RequestError, Variation};
pub use scheduler::{Scheduler, SchedulerError};
pub use state::{StateError, StateShape, StepState};
pub use tokenizer::{Tokenizer, TokenizerError, Tokens};
#[cfg(feature = "torch")]
pub use torch::{Dtype, LoraMode, TorchBackend, TorchError, TorchOptions};
pub use trace::{Trace, TraceContext};
pub use trace_file::{TraceFile, TraceFileError, TraceLine, TracedBoundary, TracedPicture};
pub use weights::{WeightsError, infer_config};
pub use worker::{JobHandle, Progress, Worker, WorkerError};
