//! Posting of a state that the worker did not serve: pieces that prove themselves.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::state::chunk_hash;
use super::{Boundary, ChunkHashes, LeafOpening, STATE_CHUNK_BYTES, StateContext, TraceError, TraceShape};
use crate::bounded::BoundedVec;
use crate::hash::{Hash, Salt, TraceRoot};

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
    /// Hashes of all pieces.
    pub chunks: ChunkHashes,
    /// Which piece this is, from 0.
    pub index: u8,
    /// The piece.
    pub bytes: BoundedVec<u8, STATE_CHUNK_BYTES>,
}

/// Why a piece is not one of the committed state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PostError {
    /// Another number of pieces than the state's length gives.
    #[error("{actual} pieces where {bytes} bytes have {expected}")]
    ChunkCount {
        /// Hashes given.
        actual: usize,
        /// Bytes of the state.
        bytes: u32,
        /// Hashes needed.
        expected: usize,
    },
    /// There is no such piece.
    #[error("piece {index} of {count}")]
    Index {
        /// Which.
        index: u8,
        /// Pieces in all.
        count: usize,
    },
    /// A piece of the wrong length, or other bytes than were hashed.
    #[error("piece {index} is not what its hash names")]
    Chunk {
        /// Which.
        index: u8,
    },
    /// The leaf does not lead to the committed root.
    #[error(transparent)]
    Opening(#[from] TraceError),
}

impl PostedChunk {
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
        let length = usize::try_from(self.state_bytes).unwrap_or(usize::MAX);
        let (actual, expected) = (self.chunks.len(), length.div_ceil(STATE_CHUNK_BYTES));
        if actual != expected {
            return Err(PostError::ChunkCount { actual, bytes: self.state_bytes, expected });
        }
        let index = usize::from(self.index);
        let hash = self.chunks.get(index).ok_or(PostError::Index { index: self.index, count: actual })?;
        let before = index.saturating_mul(STATE_CHUNK_BYTES);
        let expected = length.saturating_sub(before).min(STATE_CHUNK_BYTES);
        if self.bytes.len() != expected || chunk_hash(&self.bytes) != *hash {
            return Err(PostError::Chunk { index: self.index });
        }
        let context = StateContext { boundary: self.boundary, ..*context };
        let opening = LeafOpening {
            boundary: self.boundary,
            digest: context.digest_of_chunks(self.state_bytes, &self.chunks),
            salt: self.salt,
            path: self.path.clone(),
        };
        opening.verify(shape, root)?;
        Ok(opening)
    }
}
