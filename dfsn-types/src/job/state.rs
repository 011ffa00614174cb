//! States of a trace: what is hashed, and in which pieces it can be posted on chain.

use borsh::BorshSerialize;

use super::{Attempt, Boundary};
use crate::address::Address;
use crate::domain::Domain;
use crate::hash::{GenesisHash, Hash, JobId, Salt, StateDigest};

/// Bytes of one piece of a state; only the last piece may be shorter (rule TRC-08).
pub const STATE_CHUNK_BYTES: u32 = 65_536;

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
        self.digest_of(state.len() as u64, &Hash::from_bytes(*blake3::hash(state).as_bytes()))
    }

    /// The digest of a state of `bytes` bytes from their BLAKE3 hash.
    pub fn digest_of(&self, bytes: u64, hash: &Hash) -> StateDigest {
        Domain::TraceState.hash(&(self, bytes, hash)).into()
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
}
