//! What a worker commits to.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::Boundary;
use crate::bounded::BoundedVec;
use crate::hash::{FileHash, PixelHash, TraceRoot};

/// The result of one attempt, fixed before anyone asks about it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultCommitment {
    /// One entry an image, in order.
    pub images: BoundedVec<ImageResult, 4>,
    /// Root over the states of all images.
    pub trace_root: TraceRoot,
}

/// What became of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ImageResult {
    /// It was drawn.
    Picture(ImageCommitment),
    /// A number of its computation is none, as everybody finds who computes it (rule CMT-03).
    Failed {
        /// The first boundary that has no state.
        t: u16,
    },
}

/// One picture of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageCommitment {
    /// Hash of the stored file.
    pub file: FileHash,
    /// Bytes of the stored file.
    pub file_bytes: u32,
    /// Hash of the pixels.
    pub pixels: PixelHash,
}

impl ResultCommitment {
    /// The pictures, each with the number of its image.
    pub fn pictures(&self) -> impl Iterator<Item = (usize, &ImageCommitment)> {
        self.images.iter().enumerate().filter_map(|(image, result)| Some((image, result.picture()?)))
    }

    /// The first image that failed, and where.
    pub fn failed(&self) -> Option<Boundary> {
        (0..)
            .zip(self.images.iter())
            .find_map(|(image, result)| Some(Boundary { image, t: result.failed()? }))
    }

    /// Where an image failed, if it did.
    pub fn failed_at(&self, image: u8) -> Option<u16> {
        self.images.get(usize::from(image))?.failed()
    }

    /// Whether the commitment says that this is the first boundary of its image without a state.
    pub fn fails_at(&self, boundary: Boundary) -> bool {
        self.failed_at(boundary.image) == Some(boundary.t)
    }
}

impl ImageResult {
    /// The picture, if it was drawn.
    pub const fn picture(&self) -> Option<&ImageCommitment> {
        match self {
            Self::Picture(picture) => Some(picture),
            Self::Failed { .. } => None,
        }
    }

    /// The first boundary that has no state, if the image failed.
    pub const fn failed(&self) -> Option<u16> {
        match self {
            Self::Picture(_) => None,
            Self::Failed { t } => Some(*t),
        }
    }
}
