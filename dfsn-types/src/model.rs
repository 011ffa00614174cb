//! What the chain knows of a model and of a profile of arithmetic.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::bounded::{BoundedString, BoundedVec};
use crate::domain::Domain;
use crate::generation::{GenerationParams, ImageSize};
use crate::hash::{Hash, ModelId, ProfileId};
use crate::unit::WorkUnits;

/// A registered model.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecord {
    /// Hash of the manifest, and the model's name everywhere.
    pub id: ModelId,
    /// A name for people; not unique.
    pub name: BoundedString<64>,
    /// What a request costs.
    pub work: WorkCoefficients,
    /// Channels of a latent.
    pub latent_channels: u8,
    /// Pixels of a picture per latent pixel, along one side.
    pub vae_scale_factor: u8,
    /// Both sides of a picture are multiples of this.
    pub size_multiple: u16,
    /// The longest side.
    pub size_max: u16,
    /// Size of a hardware test's picture.
    pub test_size: ImageSize,
    /// What verdicts by arithmetic need to know of the model; without it jurors judge its results in every profile.
    pub exact: Option<ExactRecord>,
}

/// A model in the exact profile: its networks, and the root of its quantised weights (rule MOD-05).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactRecord {
    /// BLAKE3 hash of the canonical file of weights.
    pub weights_root: Hash,
    /// Canonical bytes of the networks' shapes, `dfsn_consensus::exact::Architecture`.
    pub architecture: BoundedVec<u8, 4096>,
}

impl ModelRecord {
    /// Largest state of one step that a model may have, in bytes (rule MOD-02).
    pub const STEP_STATE_MAX: u64 = 1 << 20;

    /// Whether the model draws pictures of this size (rule REQ-02).
    pub fn accepts(&self, size: ImageSize) -> bool {
        [size.height(), size.width()]
            .into_iter()
            .all(|side| side <= self.size_max && side.checked_rem(self.size_multiple) == Some(0))
    }

    /// Latent pixels of a picture of this size; 0 when the record's scale factor is 0.
    pub fn latent_pixels(&self, size: ImageSize) -> u64 {
        let side = |pixels: u16| u64::from(pixels).checked_div(u64::from(self.vae_scale_factor)).unwrap_or(0);
        side(size.height()).saturating_mul(side(size.width()))
    }

    /// Bytes of a state of one step: the latents and `history` earlier tensors of the same shape, in f32.
    pub fn state_bytes(&self, size: ImageSize, history: u64) -> u64 {
        let latents =
            self.latent_pixels(size).saturating_mul(u64::from(self.latent_channels)).saturating_mul(4);
        latents.saturating_mul(history.saturating_add(1))
    }

    /// Work of a request: `images * (evaluations * passes * (a*px + b*px*px/65536) + d*px) + t`, at most `u64::MAX` (rule
    /// JOB-03).
    pub fn work_units(&self, params: &GenerationParams) -> WorkUnits {
        let image = self.image_work(params, u64::from(params.evaluations()));
        let images = u128::from(params.num_images()).saturating_mul(image);
        at_most_u64(images.saturating_add(u128::from(self.work.t)))
    }

    /// Work of an audit of one image: the text, `steps` steps, and the decoder; at most `u64::MAX` (rule JOB-03).
    pub fn audit_units(&self, params: &GenerationParams, steps: u64) -> WorkUnits {
        at_most_u64(self.image_work(params, steps).saturating_add(u128::from(self.work.t)))
    }

    /// `steps` steps and the decoder of one image.
    fn image_work(&self, params: &GenerationParams, steps: u64) -> u128 {
        let WorkCoefficients { a, b, d, t: _ } = self.work;
        let [a, b, d] = [a, b, d].map(u128::from);
        // At most 2^22 pixels, so that b*px*px stays below 2^108 and the division sees the whole product.
        let px = u128::from(self.latent_pixels(params.size()));
        let passes = if params.guidance_scale().is_guided() { 2 } else { 1 };
        let attention = b.saturating_mul(px).saturating_mul(px) / 65_536;
        let step = a.saturating_mul(px).saturating_add(attention);
        let decoder = d.saturating_mul(px);
        u128::from(steps).saturating_mul(passes).saturating_mul(step).saturating_add(decoder)
    }
}

fn at_most_u64(work: u128) -> WorkUnits {
    WorkUnits::new(u64::try_from(work).unwrap_or(u64::MAX))
}

/// The integers that a model's work is computed from (rule JOB-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkCoefficients {
    /// Of a step, per latent pixel.
    pub a: u64,
    /// Of a step, per pair of latent pixels and 65,536.
    pub b: u64,
    /// Of the decoder, per latent pixel.
    pub d: u64,
    /// Of the text encoder, per request.
    pub t: u64,
}

/// What the bits of a result depend on.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ProfileRecord {
    /// Floating-point sums in the order of one library, on one kind of device, with one instruction set and
    /// thread count. Two machines of one float profile usually agree, but nothing proves that they must.
    Float {
        /// Library and its version, for example `libtorch-2.11.0`.
        library: BoundedString<64>,
        /// Device, for example `cpu`.
        device: BoundedString<64>,
        /// Instruction set that the library dispatches to, for example `avx512`.
        instruction_set: BoundedString<32>,
        /// Data type of activations, for example `f32`.
        dtype: BoundedString<16>,
        /// Threads of one inference.
        threads: u16,
    },
    /// Integer sums and IEEE-754 arithmetic in a written order: the same bits on every machine.
    Exact {
        /// Which rules of arithmetic: 1 for `exact-v1`, docs/spec chapter 14.
        version: u16,
    },
}

impl ProfileRecord {
    /// The profile `exact-v1`.
    pub const EXACT_V1: Self = Self::Exact { version: 1 };

    /// The profile's name on chain: hash of the canonical record.
    pub fn id(&self) -> ProfileId {
        Domain::Profile.hash(self).into()
    }
}

impl core::fmt::Display for ProfileRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Float { library, device, instruction_set, dtype, threads } => {
                write!(f, "{library}/{device}/{instruction_set}/{dtype}/threads={threads}")
            }
            Self::Exact { version } => write!(f, "exact-v{version}"),
        }
    }
}

/// A model served in a profile: what a worker registers for and a job asks for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The model.
    pub model: ModelId,
    /// The profile.
    pub profile: ProfileId,
}
