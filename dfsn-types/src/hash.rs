//! 32-byte hashes, one type for each thing that is named by its hash.

use crate::macros::fixed_bytes;

fixed_bytes!(
    /// A 32-byte hash of no particular kind.
    Hash, 32
);

macro_rules! hash_newtype {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        fixed_bytes!($(#[$doc])* $name, 32);

        impl From<Hash> for $name {
            fn from(hash: Hash) -> Self {
                Self::from_bytes(*hash.as_bytes())
            }
        }

        impl From<$name> for Hash {
            fn from(name: $name) -> Self {
                Self::from_bytes(*name.as_bytes())
            }
        }
    )* };
}

hash_newtype! {
    /// Names a transaction: hash of its signed bytes.
    TransactionId;
    /// Names a duty message: hash of its signed bytes.
    DutyId;
    /// Names a block: hash of its header.
    BlockHash;
    /// Names a network: hash of its genesis.
    GenesisHash;
    /// Covers the state after a block.
    StateRoot;
    /// Covers the transactions or the duties of a block.
    BodyRoot;
    /// Covers the receipts and events of a block.
    ReceiptsRoot;
    /// Names a job: hash over the request's transaction.
    JobId;
    /// Names a model: hash of its manifest.
    ModelId;
    /// Names a profile: hash of its record.
    ProfileId;
    /// Hash of a picture's pixels.
    PixelHash;
    /// Hash of a stored file.
    FileHash;
    /// Root of a trace tree.
    TraceRoot;
    /// Digest of one state of a trace, `h` in the protocol.
    StateDigest;
    /// A blind answer, `A` in the protocol.
    AnswerDigest;
    /// Names evidence and its reporter, before the evidence is shown.
    EvidenceNote;
    /// The chain's randomness after a block.
    Beacon;
}

fixed_bytes!(
    /// The secret-derived salt of a trace leaf.
    Salt, 32
);

impl TransactionId {
    /// The job that a request or a hardware test of this name opens (rule JOB-02).
    pub fn job_id(self) -> JobId {
        crate::domain::Domain::JobId.hash(&self).into()
    }
}
