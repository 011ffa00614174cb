//! The schedulers a request can name.

use core::fmt;
use core::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::excerpt::excerpt;

/// A noise scheduler, named as in the field; behind each name the class of diffusers that it equals.
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
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[repr(u8)]
pub enum SchedulerKind {
    /// `DDIMScheduler`, eta 0.
    Ddim = 0,
    /// `EulerDiscreteScheduler`.
    Euler = 1,
    /// `PNDMScheduler`.
    Pndm = 2,
    /// `EulerAncestralDiscreteScheduler`.
    EulerAncestral = 3,
    /// `DPMSolverMultistepScheduler`, second order.
    #[serde(rename = "dpmpp_2m")]
    Dpmpp2m = 4,
    /// `UniPCMultistepScheduler`.
    Unipc = 5,
    /// `LCMScheduler`.
    Lcm = 6,
    /// `DDPMScheduler`.
    Ddpm = 7,
    /// [`Self::Euler`] with the noise levels of Karras et al. 2022.
    EulerKarras = 8,
    /// [`Self::Dpmpp2m`] with the noise levels of Karras et al. 2022.
    #[serde(rename = "dpmpp_2m_karras")]
    Dpmpp2mKarras = 9,
    /// [`Self::Unipc`] with the noise levels of Karras et al. 2022.
    UnipcKarras = 10,
}

/// A name that no scheduler has, cut at 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown scheduler {0:?}, known: {known}", known = SchedulerKind::ALL.map(SchedulerKind::as_str).join(", "))]
pub struct UnknownScheduler(pub String);

impl SchedulerKind {
    /// Every scheduler.
    pub const ALL: [Self; 11] = [
        Self::Ddim,
        Self::Euler,
        Self::Pndm,
        Self::EulerAncestral,
        Self::Dpmpp2m,
        Self::Unipc,
        Self::Lcm,
        Self::Ddpm,
        Self::EulerKarras,
        Self::Dpmpp2mKarras,
        Self::UnipcKarras,
    ];

    /// What the scheduler of the longest history remembers.
    pub const LONGEST_HISTORY: u64 = {
        let (mut longest, mut rest) = (0, Self::ALL.as_slice());
        while let [kind, others @ ..] = rest {
            if kind.history() > longest {
                longest = kind.history();
            }
            rest = others;
        }
        longest
    };

    /// Earlier tensors of a latent's shape that a step may read, beside the latents (rule MOD-02).
    pub const fn history(self) -> u64 {
        match self {
            Self::Ddim | Self::Euler | Self::EulerKarras | Self::EulerAncestral | Self::Lcm | Self::Ddpm => 0,
            // The clean picture predicted before.
            Self::Dpmpp2m | Self::Dpmpp2mKarras => 1,
            // Two clean pictures predicted before, and the sample that the last of them was predicted from.
            // PNDM: three predictions.
            Self::Unipc | Self::UnipcKarras | Self::Pndm => 3,
        }
    }

    /// Evaluations of the UNet that `steps` steps take (rule JOB-03).
    pub const fn evaluations(self, steps: u16) -> u32 {
        match self {
            // The first of several steps predicts, and corrects itself.
            Self::Pndm if steps > 1 => steps as u32 + 1,
            _ => steps as u32,
        }
    }

    /// The name in text and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ddim => "ddim",
            Self::Euler => "euler",
            Self::Pndm => "pndm",
            Self::EulerAncestral => "euler_ancestral",
            Self::Dpmpp2m => "dpmpp_2m",
            Self::Unipc => "unipc",
            Self::Lcm => "lcm",
            Self::Ddpm => "ddpm",
            Self::EulerKarras => "euler_karras",
            Self::Dpmpp2mKarras => "dpmpp_2m_karras",
            Self::UnipcKarras => "unipc_karras",
        }
    }
}

impl fmt::Display for SchedulerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SchedulerKind {
    type Err = UnknownScheduler;

    fn from_str(name: &str) -> Result<Self, UnknownScheduler> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownScheduler(excerpt(name)))
    }
}
