//! What a worker commits to.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::bounded::BoundedVec;
use crate::hash::{FileHash, PixelHash, TraceRoot};

/// The result of one attempt, fixed before anyone asks about it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultCommitment {
    /// One entry an image, in order.
    pub images: BoundedVec<ImageCommitment, 4>,
    /// Root over the states of all images.
    pub trace_root: TraceRoot,
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
