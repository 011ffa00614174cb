//! The size of a picture.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::macros::checked_decode;

/// Height and width in pixels: multiples of 8 from 8 to 2048 (rule GEN-02). A model may ask for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize)]
pub struct ImageSize {
    height: u16,
    width: u16,
}

/// A size that no model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ImageSizeError {
    /// Under 8 or over 2048.
    #[error("{side} {pixels} is not between 8 and 2048")]
    Range {
        /// `height` or `width`.
        side: &'static str,
        /// Pixels given.
        pixels: u16,
    },
    /// Not a multiple of 8.
    #[error("{side} {pixels} is not a multiple of 8")]
    Multiple {
        /// `height` or `width`.
        side: &'static str,
        /// Pixels given.
        pixels: u16,
    },
}

impl ImageSize {
    /// The longest side in pixels.
    pub const MAX: u16 = 2048;

    /// Checks both sides.
    ///
    /// # Errors
    /// [`ImageSizeError`] for a side out of range or not a multiple of 8.
    pub fn new(height: u16, width: u16) -> Result<Self, ImageSizeError> {
        for (side, pixels) in [("height", height), ("width", width)] {
            if !(8..=Self::MAX).contains(&pixels) {
                return Err(ImageSizeError::Range { side, pixels });
            }
            if !pixels.is_multiple_of(8) {
                return Err(ImageSizeError::Multiple { side, pixels });
            }
        }
        Ok(Self { height, width })
    }

    /// Pixels from top to bottom.
    pub const fn height(self) -> u16 {
        self.height
    }

    /// Pixels from left to right.
    pub const fn width(self) -> u16 {
        self.width
    }

    /// Pixels in all.
    pub fn pixels(self) -> u32 {
        u32::from(self.height) * u32::from(self.width)
    }
}

#[derive(BorshDeserialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawImageSize {
    height: u16,
    width: u16,
}

impl TryFrom<RawImageSize> for ImageSize {
    type Error = ImageSizeError;

    fn try_from(raw: RawImageSize) -> Result<Self, ImageSizeError> {
        Self::new(raw.height, raw.width)
    }
}

checked_decode!(ImageSize, RawImageSize);
