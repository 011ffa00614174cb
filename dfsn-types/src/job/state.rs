//! States of a trace: what is hashed, and in which pieces it can be posted on chain.

use borsh::BorshSerialize;
use thiserror::Error;

use super::{Attempt, Boundary};
use crate::address::Address;
use crate::bounded::BoundedVec;
use crate::domain::Domain;
use crate::hash::{GenesisHash, Hash, JobId, Salt, StateDigest};

/// Bytes of one piece of a state; only the last piece may be shorter (rule TRC-08).
pub const STATE_CHUNK_BYTES: usize = 65_536;

/// Pieces of the largest state that can be posted: 1 MiB.
const CHUNKS_MAX: usize = 16;

/// Hashes of a state's pieces, in order.
pub type ChunkHashes = BoundedVec<Hash, CHUNKS_MAX>;

/// A state too long to be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a state of {0} bytes, at most 1048576 can be posted")]
pub struct StateTooLong(pub usize);

/// What a state's digest is bound to, so that it fits no other place, attempt, job or worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize)]
pub struct StateContext {
    /// The network.
    pub genesis: GenesisHash,
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// Who computed it.
    pub worker: Address,
    /// Where in the trace.
    pub boundary: Boundary,
}

impl StateContext {
    /// Digest `h` of a state's canonical bytes (f32, little-endian; rule TRC-02).
    pub fn digest(&self, state: &[u8]) -> StateDigest {
        let chunks: Vec<Hash> = state.chunks(STATE_CHUNK_BYTES).map(chunk_hash).collect();
        self.digest_of(state.len() as u64, &chunks)
    }

    /// The digest of a state of `bytes` bytes, from the hashes of its pieces.
    pub fn digest_of_chunks(&self, bytes: u32, chunks: &ChunkHashes) -> StateDigest {
        self.digest_of(u64::from(bytes), chunks)
    }

    fn digest_of(&self, bytes: u64, chunks: &[Hash]) -> StateDigest {
        let mut hasher = Domain::TraceState.hasher();
        hasher.update(&crate::codec::encode(&(self, bytes)));
        for chunk in chunks {
            hasher.update(chunk.as_bytes());
        }
        StateDigest::from_bytes(*hasher.finalize().as_bytes())
    }

    /// What an answer says where the state before is none that a step could read: wrong length, or a number that is not finite. A
    /// worker can never open it (rule TRC-09).
    pub fn malformed(&self) -> StateDigest {
        Domain::TraceMalformed.hash(self).into()
    }

    /// The salt of this leaf, derived from the worker's secret, so that a standby node can open it too (rule TRC-03).
    pub fn salt(&self, secret: &[u8; 32]) -> Salt {
        let key = Domain::TraceSalt.hash_bytes(secret);
        let mut hasher = blake3::Hasher::new_keyed(key.as_bytes());
        hasher.update(&crate::codec::encode(self));
        Salt::from_bytes(*hasher.finalize().as_bytes())
    }

    /// The hashes of a state's pieces, to be posted with them.
    ///
    /// # Errors
    /// [`StateTooLong`] when there are more than can be posted.
    pub fn chunk_hashes(state: &[u8]) -> Result<ChunkHashes, StateTooLong> {
        let hashes = state.chunks(STATE_CHUNK_BYTES).map(chunk_hash).collect();
        BoundedVec::new(hashes).map_err(|_| StateTooLong(state.len()))
    }
}

/// Hash of one piece of a state.
pub(crate) fn chunk_hash(chunk: &[u8]) -> Hash {
    Domain::TraceChunk.hash_bytes(chunk)
}
