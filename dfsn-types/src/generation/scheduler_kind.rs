//! The schedulers a request can name.

use core::fmt;
use core::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::excerpt::excerpt;

/// A noise scheduler, named as in diffusers.
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
}

/// A name that no scheduler has, cut at 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown scheduler {0:?}, known: ddim, euler")]
pub struct UnknownScheduler(pub String);

impl SchedulerKind {
    /// Every scheduler.
    pub const ALL: &[Self] = &[Self::Ddim, Self::Euler];

    /// What the scheduler of the longest history remembers.
    pub const LONGEST_HISTORY: u64 = {
        let (mut longest, mut rest) = (0, Self::ALL);
        while let [kind, others @ ..] = rest {
            if kind.history() > longest {
                longest = kind.history();
            }
            rest = others;
        }
        longest
    };

    /// Earlier tensors of a latent's shape that a step reads, beside the latents (rule MOD-02).
    pub const fn history(self) -> u64 {
        match self {
            Self::Ddim | Self::Euler => 0,
        }
    }

    /// The name in text and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ddim => "ddim",
            Self::Euler => "euler",
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
            .iter()
            .copied()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownScheduler(excerpt(name)))
    }
}
