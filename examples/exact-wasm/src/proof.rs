//! What a picture's file claims, what the chain shows of its job, and whether a step of it was computed right.

use dfsn_compute::{ComputeError, ImageError, ImageRequest, Provenance, RgbImage, TraceContext};
use dfsn_types::{
    Address, Attempt, BlockHash, BlockHeight, Boundary, FileHash, GenerationParams, GenesisConfig,
    GenesisHash, JobId, JobRecord, LeafOpening, ModelId, ProofError, SignatureError, SignedCheckpoint,
    SignedHeader, StateAnswer, StateDigest, TraceError, TraceRoot, TraceShape,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most headers between a block and the checkpoint over it.
const HEADERS_MAX: usize = 1_024;

/// Why something is not proven.
#[derive(Debug, Error)]
pub enum NotProven {
    /// No JSON, or with other fields.
    #[error("not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// A file that is no picture of this network.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A request that cannot be computed.
    #[error(transparent)]
    Compute(#[from] ComputeError),
    /// Another genesis than the network's name.
    #[error("the genesis shown is {shown}, the network is {network}")]
    Genesis {
        /// Hash of what was shown.
        shown: GenesisHash,
        /// The network's name.
        network: GenesisHash,
    },
    /// Headers that do not follow each other, or do not begin at the answer's block.
    #[error("header {index} of {count} is not block {expected}, or does not follow the one before")]
    Headers {
        /// Which, from 0.
        index: usize,
        /// How many were shown.
        count: usize,
        /// The height that stands there.
        expected: u64,
    },
    /// More headers than are taken.
    #[error("{0} headers, {HEADERS_MAX} are taken")]
    TooManyHeaders(usize),
    /// A header or a checkpoint that its author did not sign.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// An answer that does not follow from the block's state root.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// An opening that does not lead to the committed root.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// Openings of other places than those of the step.
    #[error("the openings are not those before and after step {0}")]
    Openings(u16),
    /// A state that is not the one committed to.
    #[error("the state shown is not the one that its worker committed to")]
    State,
}

/// A picture's file.
#[derive(Debug, Serialize)]
pub struct PictureFile {
    /// Its name on chain.
    file: FileHash,
    file_bytes: usize,
    /// Name of its pixels.
    pixels: dfsn_types::PixelHash,
    width: u32,
    height: u32,
    /// What it says of itself; nothing in a file of another origin, or where it was taken out.
    claim: Option<Provenance>,
    /// What is wrong with what it says.
    problem: Option<String>,
}

/// Reads a picture's file.
///
/// # Errors
/// [`NotProven::Image`] when it is no PNG file of a size that is drawn here.
pub fn read_picture(file: &[u8]) -> Result<PictureFile, NotProven> {
    let (picture, text) = RgbImage::from_png_with(file)?;
    let (claim, problem) = match text.dfsn.as_deref().map(Provenance::from_json) {
        None => (None, None),
        Some(Ok(claim)) => (Some(claim), None),
        Some(Err(error)) => (None, Some(error.to_string())),
    };
    Ok(PictureFile {
        file: FileHash::of(file),
        file_bytes: file.len(),
        pixels: picture.pixel_hash(),
        width: picture.width(),
        height: picture.height(),
        claim,
        problem,
    })
}

/// What a node shows of a job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobClaim {
    /// The network's name, from whom one trusts.
    network: GenesisHash,
    /// Must have that name.
    genesis: GenesisConfig,
    job: JobId,
    /// The block after which it is so.
    height: BlockHeight,
    answer: StateAnswer<JobRecord>,
    /// From that block on, up to the checkpoint's where there is one.
    headers: Vec<SignedHeader>,
    checkpoint: Option<SignedCheckpoint>,
}

/// What is proven of a job.
#[derive(Debug, Serialize)]
pub struct ProvenJob {
    /// Nothing: the state holds no such job.
    record: Option<JobRecord>,
    /// The block after which it is so.
    height: BlockHeight,
    block: BlockHash,
    /// The checkpoint over it, signed by the network's sealer; nothing where only this node vouches for the block.
    checkpoint: Option<BlockHeight>,
}

/// Checks what a node shows of a job.
///
/// # Errors
/// [`NotProven`], naming what does not hold.
pub fn check_job(json: &[u8]) -> Result<ProvenJob, NotProven> {
    let claim: JobClaim = serde_json::from_slice(json)?;
    let chain = claim.genesis.identity();
    if chain.genesis != claim.network {
        return Err(NotProven::Genesis { shown: chain.genesis, network: claim.network });
    }
    let count = claim.headers.len();
    if count > HEADERS_MAX {
        return Err(NotProven::TooManyHeaders(count));
    }
    let mut blocks: Vec<BlockHash> = Vec::with_capacity(count);
    for (index, signed) in claim.headers.iter().enumerate() {
        let expected = claim.height.get().saturating_add(index as u64);
        let follows = blocks.last().is_none_or(|parent| *parent == signed.header.parent);
        if signed.header.height.get() != expected || !follows {
            return Err(NotProven::Headers { index, count, expected });
        }
        signed.verify(&chain)?;
        blocks.push(signed.header.hash());
    }
    let (Some(first), Some(block)) = (claim.headers.first(), blocks.first().copied()) else {
        return Err(NotProven::Headers { index: 0, count, expected: claim.height.get() });
    };
    let record = claim.answer.verify(&first.header.state_root, &claim.job)?.cloned();
    let checkpoint = match &claim.checkpoint {
        Some(signed) => {
            let checkpoint = signed.verify(&chain, &claim.genesis.sealer)?;
            blocks.contains(&checkpoint.hash).then_some(checkpoint.height)
        }
        None => None,
    };
    Ok(ProvenJob { record, height: claim.height, block, checkpoint })
}

/// A step that somebody committed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepClaim {
    genesis: GenesisHash,
    job: JobId,
    attempt: Attempt,
    worker: Address,
    params: GenerationParams,
    trace_root: TraceRoot,
    image: u8,
    /// The state after it, from 1.
    step: u16,
    before: LeafOpening,
    after: LeafOpening,
}

/// A redone step.
#[derive(Debug, Serialize)]
pub struct RedoneStep {
    /// Committed to by the worker.
    committed: StateDigest,
    /// Computed here.
    computed: StateDigest,
    same: bool,
}

impl StepClaim {
    /// Reads it, and checks that the worker committed to both ends of the step and to this state before it.
    ///
    /// # Errors
    /// [`NotProven`], naming what does not hold.
    pub fn read(json: &[u8], state: &[u8]) -> Result<Self, NotProven> {
        let claim: Self = serde_json::from_slice(json)?;
        let places = [claim.before.boundary, claim.after.boundary];
        if claim.step == 0 || places != [claim.at(claim.step - 1), claim.at(claim.step)] {
            return Err(NotProven::Openings(claim.step));
        }
        let shape = TraceShape::of(&claim.params);
        claim.before.verify(shape, &claim.trace_root)?;
        claim.after.verify(shape, &claim.trace_root)?;
        if claim.context().at(claim.before.boundary).digest(state) != claim.before.digest {
            return Err(NotProven::State);
        }
        Ok(claim)
    }

    /// The request of the image; `init` is the file that it starts from, if it does.
    ///
    /// # Errors
    /// [`NotProven::Compute`].
    pub fn request(&self, init: &[u8]) -> Result<ImageRequest, NotProven> {
        Ok(match self.params.init_image() {
            None => ImageRequest::from_params(&self.params, self.image).map_err(ComputeError::from)?,
            Some(_) => ImageRequest::from_params_with_init(&self.params, self.image, init)?,
        })
    }

    /// Which boundary is computed.
    pub const fn step(&self) -> u16 {
        self.step
    }

    /// The last denoising step; what comes after is the decoder's output.
    pub const fn last_step(&self) -> u16 {
        TraceShape::of(&self.params).steps()
    }

    /// The model that it was drawn with.
    pub const fn model(&self) -> ModelId {
        self.params.model()
    }

    /// Compares what was computed with what was committed to.
    pub fn judge(&self, state: &[u8]) -> RedoneStep {
        let computed = self.context().at(self.after.boundary).digest(state);
        RedoneStep { committed: self.after.digest, computed, same: computed == self.after.digest }
    }

    const fn at(&self, t: u16) -> Boundary {
        Boundary { image: self.image, t }
    }

    const fn context(&self) -> TraceContext {
        TraceContext { genesis: self.genesis, job: self.job, attempt: self.attempt, worker: self.worker }
    }
}
