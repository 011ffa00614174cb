//! One model in memory, and what it is asked.

use dfsn_compute::exact::{ExactBackend, ExactOptions, load_pipeline};
use dfsn_compute::{
    ComputeError, ImageRequest, ManifestError, MemoryFiles, Pipeline, Question, RgbImage, TraceRecorder,
    manifest,
};
use dfsn_types::ModelId;
use thiserror::Error;

use crate::proof::{NotProven, RedoneStep, StepClaim};
use crate::request::{RequestError, read_request};

/// A model that is ready to compute.
#[derive(Debug)]
pub struct Session {
    pipeline: Pipeline<ExactBackend>,
    model: ModelId,
}

/// A picture and all that led to it.
#[derive(Debug)]
pub struct Drawn {
    /// The pixels.
    pub image: RgbImage,
    /// Canonical bytes of the state before the first step and after each, and of the decoder's output: what the leaves
    /// of a trace commit to.
    pub boundaries: Vec<Vec<u8>>,
    /// BLAKE3 over the boundaries and the hash of the pixels: the same on every machine.
    pub digest: blake3::Hash,
}

/// Why a session has no answer.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The model or the computation.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// A file of the model.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A claim.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// Another model than the claim's.
    #[error("the files are model {loaded}, the picture was drawn with {wanted}")]
    OtherModel {
        /// Here.
        loaded: ModelId,
        /// In the claim.
        wanted: ModelId,
    },
    /// Something was asked before a model was there.
    #[error("no model is loaded: give its files, then load it")]
    NoModel,
    /// Nothing was drawn yet, or not so much.
    #[error("boundary {0} does not exist: draw a picture first")]
    NoBoundary(usize),
    /// A call with too few inputs.
    #[error("an input is missing")]
    NoInput,
}

impl Session {
    /// Loads and quantises a model.
    ///
    /// # Errors
    /// [`SessionError`], naming the file and what is wrong with it.
    pub fn load(files: MemoryFiles) -> Result<Self, SessionError> {
        let model = manifest(files.clone())?.id();
        Ok(Self { pipeline: load_pipeline(files, ExactOptions::default())?, model })
    }

    /// The model's name on chain, from the hashes of its files: compare it with the one that a job names.
    pub fn model(&self) -> ModelId {
        self.model
    }

    /// The name of the kernels.
    pub fn isa(&mut self) -> String {
        self.pipeline.backend_mut().isa().map_or_else(|| "scalar".to_owned(), |isa| isa.to_string())
    }

    /// Draws a picture.
    ///
    /// # Errors
    /// [`SessionError`], naming what is wrong with the request.
    pub fn draw(&mut self, request: &[u8]) -> Result<Drawn, SessionError> {
        let mut recorder = TraceRecorder::default();
        let image = self.pipeline.generate(&read_request(request)?, &mut recorder)?.image;
        let boundaries = recorder.into_boundaries();
        let mut hasher = blake3::Hasher::new();
        for bytes in &boundaries {
            hasher.update(bytes);
        }
        hasher.update(image.pixel_hash().as_bytes());
        Ok(Drawn { image, boundaries, digest: hasher.finalize() })
    }

    /// Computes one boundary from the one before it, as an auditor does: 0 from the request alone, then the steps,
    /// and last the decoder's output.
    ///
    /// # Errors
    /// [`SessionError`] for a state that does not fit the request.
    pub fn answer(
        &mut self,
        request: &[u8],
        boundary: usize,
        state: Vec<u8>,
    ) -> Result<Vec<u8>, SessionError> {
        let request = read_request(request)?;
        let last = usize::from(request.num_inference_steps);
        self.compute(&request, boundary, last, state)
    }

    /// Redoes a step that somebody committed to, from the state before it. `init` is the file that the picture starts from, if it
    /// does.
    ///
    /// # Errors
    /// [`SessionError`] when the claim does not hold together, or cannot be computed.
    pub fn redo(&mut self, claim: &[u8], state: Vec<u8>, init: &[u8]) -> Result<RedoneStep, SessionError> {
        let claim = StepClaim::read(claim, &state)?;
        let (loaded, wanted) = (self.model, claim.model());
        if loaded != wanted {
            return Err(SessionError::OtherModel { loaded, wanted });
        }
        let last = usize::from(claim.last_step());
        let found = self.compute(&claim.request(init)?, usize::from(claim.step()), last, state)?;
        Ok(claim.judge(&found))
    }

    fn compute(
        &mut self,
        request: &ImageRequest,
        boundary: usize,
        last: usize,
        state: Vec<u8>,
    ) -> Result<Vec<u8>, SessionError> {
        let question = match boundary {
            0 => Question::InitialState,
            step if step <= last => Question::Step { step, state },
            _ => Question::Decode { state },
        };
        Ok(self.pipeline.answer(request, &question)?)
    }
}
