//! What a node and its compute worker say to each other: JSON messages of version 1, and blobs by hash.
//!
//! The version stands in every path (`/v1/`). Requests with fields that version 1 does not know are refused; replies may
//! gain fields. Every text and list is bounded by its type or by [`MAX_JSON_BYTES`], which is checked before anything is
//! parsed.

mod dispute;

use dfsn_types::{
    Address, Attempt, Boundary, BoundedString, ChainId, ComputeRegistration, FileHash, GenerationParams,
    GenesisHash, JobId, ModelId, ProfileId, ProfileRecord, PublicKey, ResultCommitment, Salt, StateDigest,
    TraceLeaf, TraceShape,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

pub use dispute::{DisputeAnswer, DisputeCall, DisputeQuestion, DisputeReply, SHOWN_MAX};

/// Largest JSON body of a request: two prompts with every byte escaped, and room for the rest.
pub const MAX_JSON_BYTES: usize = 64 * 1024;
/// Largest JSON body of a reply: the roots of a dispute.
pub const MAX_REPLY_JSON_BYTES: usize = 512 * 1024;
/// Largest blob that a node hands over: a picture to start from, or a state.
pub const MAX_BLOB_BYTES: usize = 16 * 1024 * 1024;
/// Largest blob that a worker hands out: the decoder's output for 2048 x 2048 pixels.
pub const MAX_REPLY_BYTES: usize = 64 * 1024 * 1024;
/// Longest that a request may wait for news.
pub const MAX_WAIT_MS: u64 = 25_000;
/// Events of one page.
pub const EVENTS_PER_PAGE: usize = 256;
/// Previews of one picture.
pub const MAX_PREVIEWS: u8 = 3;

/// Which try of which job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobKey {
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
}

impl std::fmt::Display for JobKey {
    /// As in paths and folder names.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.job, self.attempt)
    }
}

/// A job that a node asks its worker to draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobOffer {
    /// The network, to which the trace is bound.
    pub genesis: GenesisHash,
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// The validator whose trace it will be.
    pub worker: Address,
    /// What to draw, by model and profile. A picture that it starts from is a blob that was handed over.
    pub params: GenerationParams,
    /// Milliseconds from now until the result must be there; a worker that would be late refuses.
    pub deadline_ms: u64,
    /// Milliseconds after the result for which pictures and trace are kept, unless they are released before.
    pub keep_ms: u64,
    /// Previews wanted of each picture, at most [`MAX_PREVIEWS`].
    #[serde(default)]
    pub previews: u8,
}

impl JobOffer {
    /// Its name.
    pub const fn key(&self) -> JobKey {
        JobKey { job: self.job, attempt: self.attempt }
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobState {
    /// It waits.
    Queued {
        /// Jobs before it, the running one included.
        position: u32,
        /// Milliseconds until its result, as measured so far.
        estimate_ms: u64,
    },
    /// It is being drawn.
    Running {
        /// Picture, from 0.
        image: u8,
        /// Steps done of this picture.
        step: u16,
        /// Steps of a picture.
        steps: u16,
    },
    /// The result is on disk.
    Done {
        /// The result.
        result: JobResult,
    },
    /// It ended without a result; nothing of it is kept.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why a job ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// The node cancelled it.
    Cancelled,
    /// The worker shuts down; another attempt elsewhere, or here later, is as good.
    HandedBack,
    /// Its deadline passed before the result was there.
    Late,
    /// It cannot be drawn here.
    Failed {
        /// What went wrong.
        message: Message,
    },
}

/// Text for people, cut to its bound.
pub type Message = BoundedString<512>;

/// Makes a message of any text.
pub fn message(text: &str) -> Message {
    let mut end = text.len().min(512);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Message::new(&text[..end]).unwrap_or_default()
}

/// A finished job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobResult {
    /// What the node commits to on chain. Each picture is a blob, by the hash in here.
    pub commitment: ResultCommitment,
    /// Milliseconds of computing.
    pub compute_ms: u64,
    /// Tokens of the prompt that were cut off.
    pub prompt_tokens_cut: u32,
    /// Tokens of the negative prompt that were cut off.
    pub negative_tokens_cut: u32,
}

/// A job and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// Where it stands.
    #[serde(flatten)]
    pub state: JobState,
}

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEvent {
    /// Number of the event since the worker started, from 1, without gaps.
    pub seq: u64,
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// It was taken, or moved up.
    Queued {
        /// Jobs before it.
        position: u32,
    },
    /// A step is done; step 0 says that a picture has begun.
    Step {
        /// Picture, from 0.
        image: u8,
        /// Steps done.
        step: u16,
        /// Steps of a picture.
        steps: u16,
    },
    /// A rough small picture can be fetched.
    Preview {
        /// Picture, from 0.
        image: u8,
        /// After this step.
        step: u16,
        /// A PNG.
        blob: FileHash,
    },
    /// The result is on disk.
    Done {
        /// The result.
        result: JobResult,
    },
    /// It ended without a result.
    Ended {
        /// Why.
        #[serde(flatten)]
        reason: EndReason,
    },
}

/// Events after a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPage {
    /// Changes whenever the worker starts; numbers of events begin again then.
    pub boot: u64,
    /// What to ask for next: the number of the last event that was considered.
    pub next: u64,
    /// Events between the number asked for and the first one here are forgotten: look at the jobs themselves.
    pub gap: bool,
    /// At most [`EVENTS_PER_PAGE`].
    pub events: Vec<JobEvent>,
}

/// All leaves of a trace, from which its node builds the tree and opens what the chain asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLeaves {
    /// In the order of their indices.
    pub leaves: Vec<WireLeaf>,
}

/// A salted digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLeaf {
    /// Digest of the state.
    pub digest: StateDigest,
    /// Salt of the leaf.
    pub salt: Salt,
}

impl From<TraceLeaf> for WireLeaf {
    fn from(leaf: TraceLeaf) -> Self {
        Self { digest: leaf.digest, salt: leaf.salt }
    }
}

impl From<WireLeaf> for TraceLeaf {
    fn from(leaf: WireLeaf) -> Self {
        Self { digest: leaf.digest, salt: leaf.salt }
    }
}

/// One question of an audit of somebody else's trace. Asking again is how one waits: the same question is computed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditCall {
    /// The network.
    pub genesis: GenesisHash,
    /// The audited job.
    pub job: JobId,
    /// Its attempt.
    pub attempt: Attempt,
    /// Whose trace is audited.
    pub worker: Address,
    /// The job's request. A picture that it starts from is a blob that was handed over.
    pub params: GenerationParams,
    /// Which state to compute.
    pub boundary: Boundary,
    /// The state before it, as a blob that was handed over; none for boundary 0.
    pub input: Option<FileHash>,
    /// Whether the worker has committed to this boundary as the one where the image fails.
    pub fails: bool,
    /// Milliseconds from now after which nobody wants the answer.
    pub deadline_ms: u64,
    /// Milliseconds to wait for the answer before saying that it is pending.
    #[serde(default)]
    pub wait_ms: u64,
}

/// A registration that the worker's key is to sign, so that its node can show that the key is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PossessionCall {
    /// The network's chain id.
    pub chain_id: ChainId,
    /// The network.
    pub genesis: GenesisHash,
    /// The validator.
    pub owner: Address,
    /// What is registered.
    pub registration: ComputeRegistration,
}

/// Where an audit stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditReply {
    /// It waits or runs; ask again.
    Pending,
    /// The digest of the state at the boundary.
    Done {
        /// To answer with.
        digest: StateDigest,
        /// The input is none that a step could read (rule TRC-09).
        malformed: bool,
    },
    /// It cannot be computed here. This says nothing about the audited worker.
    Failed {
        /// What went wrong.
        message: Message,
    },
}

/// What a worker is and does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerInfo {
    /// Version of the software.
    pub software: BoundedString<64>,
    /// As in [`EventPage`].
    pub boot: u64,
    /// The worker's compute key.
    pub key: PublicKey,
    /// Whether it takes jobs.
    pub ready: bool,
    /// Jobs that wait or run.
    pub jobs: u32,
    /// Jobs that may wait.
    pub queue_capacity: u32,
    /// Models, each in one profile.
    pub models: Vec<ModelInfo>,
}

/// A model that is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Its name on chain.
    pub model: ModelId,
    /// For people.
    pub name: BoundedString<64>,
    /// Name of the profile.
    pub profile: ProfileId,
    /// The profile.
    pub record: ProfileRecord,
    /// As measured.
    pub speed: Speed,
}

/// A model's measured speed at its own picture size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speed {
    /// Height and width in pixels.
    pub side: u32,
    /// Microseconds of one guided step.
    pub step_us: u64,
    /// Microseconds of encoding two prompts.
    pub text_us: u64,
    /// Microseconds of decoding a picture.
    pub decode_us: u64,
}

/// A refusal as it is sent: the typed reason and the same in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalBody {
    /// The reason.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// In words.
    pub message: Message,
}

/// Reads JSON of at most `max` bytes.
///
/// # Errors
/// [`Refusal::TooLarge`] or [`Refusal::Malformed`].
pub fn read_json<T: DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, Refusal> {
    if bytes.len() > max {
        return Err(Refusal::TooLarge { max_bytes: max as u64 });
    }
    serde_json::from_slice(bytes).map_err(|error| Refusal::malformed(&error))
}

/// Leaves of a trace of this shape, or nothing when there is another number of them.
pub(super) fn matches_shape(leaves: &TraceLeaves, shape: TraceShape) -> bool {
    leaves.leaves.len() == shape.leaves()
}
