//! The crate's error.

use thiserror::Error;

use crate::config::ConfigError;
use crate::exact::{DisputeError, ExactError};
use crate::failed::Failed;
use crate::image::ImageError;
use crate::lora::LoraError;
use crate::prompt::TextualInversionError;
use crate::request::RequestError;
use crate::scheduler::SchedulerError;
use crate::state::StateError;
use crate::tokenizer::TokenizerError;
#[cfg(feature = "torch")]
use crate::torch::TorchError;
use crate::weights::WeightsError;
use crate::worker::WorkerError;

/// Why a picture, a step or a model could not be had.
///
/// An error says that this machine could not compute something. It is never a verdict on somebody else's work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ComputeError {
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A JSON file of the model.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model's vocabulary.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A textual inversion.
    #[error(transparent)]
    TextualInversion(#[from] TextualInversionError),
    /// The model's weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Adapters.
    #[error(transparent)]
    Lora(#[from] LoraError),
    /// The request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The request's number of steps.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    /// A state given from outside.
    #[error(transparent)]
    State(#[from] StateError),
    /// The model computed a number that is not finite.
    #[error("{stage} gave a result that is not finite: {source}")]
    NotFinite {
        /// Which part of the pipeline.
        stage: &'static str,
        /// Where.
        source: StateError,
    },
    /// The picture fails at a number in the exact profile, on every machine.
    #[error("the picture {0}")]
    Failed(Box<Failed>),
    /// A picture's bytes.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// libtorch.
    #[cfg(feature = "torch")]
    #[error(transparent)]
    Torch(#[from] TorchError),
    /// The exact engine.
    #[error(transparent)]
    Exact(#[from] ExactError),
    /// A judgement by arithmetic.
    #[error(transparent)]
    Dispute(#[from] DisputeError),
    /// A backend of another crate.
    #[error("backend: {0}")]
    Backend(String),
    /// The worker thread.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}
