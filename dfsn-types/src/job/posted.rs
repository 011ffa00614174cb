//! Posting of a state that the worker did not serve: pieces that prove themselves.

use core::ops::Range;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Boundary, LeafOpening, STATE_CHUNK_BYTES, StateContext, TraceError, TraceShape};
use crate::bounded::BoundedVec;
use crate::hash::{Hash, Salt, TraceRoot};
use crate::slice::{ChunkRun, SLICE_CHUNK_BYTES, Slice, SliceError};

/// Bytes of the largest state that can be posted.
const STATE_BYTES_MAX: u32 = 1 << 20;

/// One piece of a committed state, with what leads from it to the committed root (rule TRC-08).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostedChunk {
    /// Where the state stands.
    pub boundary: Boundary,
    /// Salt of its leaf.
    pub salt: Salt,
    /// Sibling hashes from the leaf to the root.
    pub path: BoundedVec<Hash, 10>,
    /// Bytes of the whole state.
    pub state_bytes: u32,
    /// BLAKE3 hash of the whole state.
    pub state_hash: Hash,
    /// Which piece this is, from 0.
    pub index: u8,
    /// The piece, under the state's hash.
    pub slice: Slice,
}

/// Why a piece is not one of the committed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PostError {
    /// A state longer than can be posted, or an empty one.
    #[error("a state of {0} bytes, 1 to {STATE_BYTES_MAX} can be posted")]
    StateBytes(u32),
    /// There is no such piece, or the slice shows another part of the state.
    #[error("the slice is not piece {index} of {count}")]
    Index {
        /// Which.
        index: u8,
        /// Pieces in all.
        count: u32,
    },
    /// The piece is not one of a state with this hash.
    #[error(transparent)]
    Slice(#[from] SliceError),
    /// The leaf does not lead to the committed root.
    #[error(transparent)]
    Opening(#[from] TraceError),
}

impl PostedChunk {
    /// Piece `index` of a state of the trace, whose leaf `opening` opens.
    ///
    /// # Errors
    /// [`PostError::StateBytes`], [`PostError::Index`].
    pub fn new(state: &[u8], index: u8, opening: &LeafOpening) -> Result<Self, PostError> {
        let bytes = u32::try_from(state.len()).unwrap_or(u32::MAX);
        if bytes == 0 || bytes > STATE_BYTES_MAX {
            return Err(PostError::StateBytes(bytes));
        }
        let count = bytes.div_ceil(STATE_CHUNK_BYTES);
        let slice = Slice::of(state, [Self::piece_range(bytes, index)])
            .map_err(|_| PostError::Index { index, count })?;
        Ok(Self {
            boundary: opening.boundary,
            salt: opening.salt,
            path: opening.path.clone(),
            state_bytes: bytes,
            state_hash: Hash::from_bytes(*blake3::hash(state).as_bytes()),
            index,
            slice,
        })
    }

    /// Pieces of the state in all.
    pub const fn count(&self) -> u32 {
        self.state_bytes.div_ceil(STATE_CHUNK_BYTES)
    }

    /// The bytes of a piece of a state, the last of which may be shorter.
    pub fn piece_range(state_bytes: u32, index: u8) -> Range<u64> {
        let place = |index: u32| u64::from(index.saturating_mul(STATE_CHUNK_BYTES).min(state_bytes));
        place(u32::from(index))..place(u32::from(index).saturating_add(1))
    }

    /// Checks that this is a piece of the state committed at its boundary.
    ///
    /// # Errors
    /// [`PostError`] when it is not.
    pub fn verify(
        &self,
        context: &StateContext,
        shape: TraceShape,
        root: &TraceRoot,
    ) -> Result<LeafOpening, PostError> {
        let (bytes, index) = (self.state_bytes, self.index);
        if bytes == 0 || bytes > STATE_BYTES_MAX {
            return Err(PostError::StateBytes(bytes));
        }
        if *self.slice.runs != [piece_run(bytes, index)] {
            return Err(PostError::Index { index, count: self.count() });
        }
        self.slice.verify(&self.state_hash, u64::from(bytes))?;
        let context = StateContext { boundary: self.boundary, ..*context };
        let opening = LeafOpening {
            boundary: self.boundary,
            digest: context.digest_of(u64::from(bytes), &self.state_hash),
            salt: self.salt,
            path: self.path.clone(),
        };
        opening.verify(shape, root)?;
        Ok(opening)
    }
}

fn piece_run(state_bytes: u32, index: u8) -> ChunkRun {
    let range = PostedChunk::piece_range(state_bytes, index);
    let chunk = |byte: u64| u32::try_from(byte.div_ceil(SLICE_CHUNK_BYTES)).unwrap_or(u32::MAX);
    let first = chunk(range.start);
    ChunkRun { first, count: chunk(range.end).saturating_sub(first) }
}
