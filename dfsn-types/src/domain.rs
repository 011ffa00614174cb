//! Every hashing and signing domain, in one table (rules HSH-01, HSH-02).
//!
//! Each domain is the context string of BLAKE3's key-derivation mode, so that bytes hashed or signed for one
//! purpose mean nothing for another.

use std::sync::OnceLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use borsh::BorshSerialize;

use crate::hash::Hash;

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident = $context:literal,)*) => {
        /// What a hash or a signature is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Domain { $($(#[$doc])* $name,)* }

        impl Domain {
            /// All domains, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The context string, unique to the domain.
            pub const fn context(self) -> &'static str {
                match self { $(Self::$name => $context,)* }
            }

            /// The key that BLAKE3 derives from the context string: derived once, since it costs as much as a small hash.
            fn context_key(self) -> &'static ContextKey {
                match self { $(Self::$name => {
                    static KEY: OnceLock<ContextKey> = OnceLock::new();
                    KEY.get_or_init(|| hash_derive_key_context($context))
                })* }
            }
        }
    };
}

domains! {
    /// Address of an Ed25519 key.
    Address = "dfsn/address/1",
    /// What a native transaction's signature covers.
    SignTransaction = "dfsn/sign-transaction/1",
    /// Name of a native transaction: its signed bytes.
    TransactionId = "dfsn/transaction-id/1",
    /// What the keys of a registration sign to show possession.
    SignRegistration = "dfsn/sign-registration/1",
    /// Input of the VRF proof of possession.
    RegistrationVrf = "dfsn/registration-vrf/1",
    /// What a duty's signature covers.
    SignDuty = "dfsn/sign-duty/1",
    /// Name of a duty message: its signed bytes.
    DutyId = "dfsn/duty-id/1",
    /// Name of a block: its header.
    BlockHash = "dfsn/block/1",
    /// What a block builder's signature covers.
    SignBlock = "dfsn/sign-block/1",
    /// Root over a block's transactions or duties.
    BodyRoot = "dfsn/body-root/1",
    /// Root over a block's receipts and events.
    ReceiptsRoot = "dfsn/receipts-root/1",
    /// Root over the state after a block.
    StateRoot = "dfsn/state-root/1",
    /// Name of a network: its genesis.
    Genesis = "dfsn/genesis/1",
    /// Name of a job: the transaction that asked for it.
    JobId = "dfsn/job/1",
    /// Name of a profile: its canonical record.
    Profile = "dfsn/profile/1",
    /// Name of a model: its manifest.
    Manifest = "dfsn/manifest/1",
    /// The chain's beacon.
    Beacon = "dfsn/beacon/1",
    /// Input of the builder's VRF proof.
    BeaconVrf = "dfsn/beacon-vrf/1",
    /// Which worker draws a job.
    Assign = "dfsn/assign/1",
    /// The prompt of a hardware test.
    TestPrompt = "dfsn/test-prompt/1",
    /// Input of the sortition of auditors.
    AuditVrf = "dfsn/audit/1",
    /// Which validators say that the pictures are stored.
    Witness = "dfsn/witness/1",
    /// Input of the sortition of jurors.
    JurorVrf = "dfsn/juror/1",
    /// Which image and which questions an auditor asks.
    Questions = "dfsn/questions/1",
    /// A state of the trace.
    TraceState = "dfsn/state/1",
    /// The answer about a state that no step could read.
    TraceMalformed = "dfsn/malformed/1",
    /// A leaf of the trace tree.
    TraceLeaf = "dfsn/leaf/1",
    /// An inner node of the trace tree.
    TraceNode = "dfsn/node/1",
    /// The padding leaf of the trace tree.
    TracePad = "dfsn/pad/1",
    /// The salt of a leaf.
    TraceSalt = "dfsn/salt/1",
    /// A blind answer.
    Answer = "dfsn/answer/1",
    /// The noise that a step adds.
    StepNoise = "dfsn/step-noise/1",
    /// Pixels of a picture.
    Pixels = "dfsn/pixels/1",
    /// Names evidence and its reporter before the evidence is shown.
    EvidenceNote = "dfsn/evidence-note/1",
    /// A stored file.
    File = "dfsn/file/1",
    /// The empty authenticated map.
    MerkleEmpty = "dfsn/merkle-empty/1",
    /// A value of an authenticated map.
    MerkleValue = "dfsn/merkle-value/1",
    /// An entry of an authenticated map.
    MerkleLeaf = "dfsn/merkle-leaf/1",
    /// An inner node of an authenticated map.
    MerkleBranch = "dfsn/merkle-branch/1",
    /// The part of the state that is no map.
    StateScalars = "dfsn/state-scalars/1",
    /// All that the state holds of something that a proof shows a part of.
    StateWhole = "dfsn/state-whole/1",
    /// What a checkpoint's signature covers.
    SignCheckpoint = "dfsn/sign-checkpoint/1",
    /// What a request to a compute worker signs.
    SignComputeCall = "dfsn/sign-compute-call/1",
    /// What a compute worker's reply signs.
    SignComputeReply = "dfsn/sign-compute-reply/1",
    /// The secret that a compute worker salts its traces with.
    ComputeSalt = "dfsn/compute-salt/1",
    /// What an auditor or juror signs who asks a worker's node for a state.
    SignStateQuestion = "dfsn/sign-state-question/1",
}

impl Domain {
    /// A hasher of this domain.
    pub fn hasher(self) -> blake3::Hasher {
        blake3::Hasher::new_from_context_key(self.context_key())
    }

    /// Hash of raw bytes. For one bytes value only; use [`Self::hash`] where several fields meet.
    pub fn hash_bytes(self, bytes: &[u8]) -> Hash {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        Hash::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Hash of a value's canonical bytes; a tuple of fields is a value.
    pub fn hash<T: BorshSerialize + ?Sized>(self, value: &T) -> Hash {
        self.hash_bytes(&crate::codec::encode(value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Domain;

    #[test]
    fn contexts_are_unique() {
        let contexts: BTreeSet<_> = Domain::ALL.iter().map(|domain| domain.context()).collect();
        assert_eq!(contexts.len(), Domain::ALL.len());
    }
}
