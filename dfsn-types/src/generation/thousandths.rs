//! Real-valued parameters as integers in thousandths, so that nothing encoded holds a float (rules ENC-04, GEN-01).

use borsh::BorshSerialize;
use serde::Serialize;
use thiserror::Error;

use crate::macros::checked_decode;

/// `guidance_scale` of classifier-free guidance, in thousandths; guidance is on above 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct GuidanceScale(u32);

/// A guidance scale out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("guidance scale {0} thousandths is over 100000 (100.0)")]
pub struct GuidanceScaleError(pub u32);

impl GuidanceScale {
    /// The largest scale, 100.0.
    pub const MAX_THOUSANDTHS: u32 = 100_000;

    /// Checks the range.
    ///
    /// # Errors
    /// [`GuidanceScaleError`] above 100.0.
    pub const fn from_thousandths(thousandths: u32) -> Result<Self, GuidanceScaleError> {
        if thousandths > Self::MAX_THOUSANDTHS {
            Err(GuidanceScaleError(thousandths))
        } else {
            Ok(Self(thousandths))
        }
    }

    /// The integer form.
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// Whether guidance needs a second, unconditional pass (rule GEN-01).
    pub const fn is_guided(self) -> bool {
        self.0 > 1000
    }

    /// The value a pipeline computes with: `f32(thousandths) / f32(1000)`, rounded once (rule GEN-05).
    pub fn to_f32(self) -> f32 {
        // Up to 100,000, so the conversion is exact.
        self.0 as f32 / 1000.0
    }
}

impl TryFrom<u32> for GuidanceScale {
    type Error = GuidanceScaleError;

    fn try_from(thousandths: u32) -> Result<Self, GuidanceScaleError> {
        Self::from_thousandths(thousandths)
    }
}

checked_decode!(GuidanceScale, u32);

/// `strength` of image-to-image, in thousandths, at most 1000; 1000 where there is no initial image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct Strength(u16);

/// A strength out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("strength {0} thousandths is over 1000 (1.0)")]
pub struct StrengthError(pub u16);

impl Strength {
    /// Full strength: the initial image, if any, leaves no trace.
    pub const FULL: Self = Self(1000);

    /// Checks the range.
    ///
    /// # Errors
    /// [`StrengthError`] above 1.0.
    pub const fn from_thousandths(thousandths: u16) -> Result<Self, StrengthError> {
        if thousandths > 1000 { Err(StrengthError(thousandths)) } else { Ok(Self(thousandths)) }
    }

    /// The integer form.
    pub const fn thousandths(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Strength {
    type Error = StrengthError;

    fn try_from(thousandths: u16) -> Result<Self, StrengthError> {
        Self::from_thousandths(thousandths)
    }
}

checked_decode!(Strength, u16);
