//! The profile `exact-v1` with fast kernels: the same bits on every machine, without libtorch.
//!
//! What each operation computes is defined in [`dfsn_consensus::exact`]; here are its weights, read from a model's files
//! and quantised ([`ExactWeights`], kept as one canonical file in a [`WeightsCache`]), kernels for the instruction sets
//! at hand ([`simd`]), and the [`ExactBackend`] that a pipeline runs on. With the feature `torch`, a module of that name
//! computes the same on libtorch, for GPUs.
//!
//! ```
//! use dfsn_compute::exact::{ExactOptions, load_pipeline};
//! use dfsn_compute::{ImageRequest, NoObserver};
//!
//! let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");
//! let mut pipeline = load_pipeline(folder, ExactOptions::default())?;
//! let request = ImageRequest {
//!     prompt: "a fox on a blue background".to_owned(),
//!     num_inference_steps: 1,
//!     ..ImageRequest::for_model(pipeline.config())
//! };
//! let picture = pipeline.generate(&request, &mut NoObserver)?;
//! assert_eq!((picture.image.height(), picture.image.width()), (64, 64));
//! # Ok::<(), dfsn_compute::ComputeError>(())
//! ```

mod backend;
mod computation;
mod dispute;
mod engine;
mod error;
mod executor;
mod model;
mod shapes;
pub mod simd;
#[cfg(feature = "torch")]
pub mod torch;
mod tracer;
mod weights;

pub use backend::{ExactBackend, ExactEngine, ExactOptions, load_pipeline, load_pipeline_cached};
pub(crate) use computation::run as run_computation;
pub use dispute::{Dispute, DisputeError, Move, WeightBytes, input_hashes};
pub use error::ExactError;
pub use model::{ExactModel, NetworkCall};
pub use simd::Isa;
pub use tracer::TracedTensor;
pub use weights::{
    CanonicalError, ExactWeight, ExactWeights, ProgramWeights, WeightsCache, WeightsFile, WeightsOrigin,
    write_weights,
};
