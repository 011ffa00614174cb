//! Blocks that the network stands by.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::domain::Domain;
use crate::genesis::ChainIdentity;
use crate::hash::BlockHash;
use crate::key::{PublicKey, SecretKey, Signature, SignatureError, SigningDigest};
use crate::unit::BlockHeight;

/// A block that is final, with all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Its height.
    pub height: BlockHeight,
    /// Its name.
    pub hash: BlockHash,
}

/// A checkpoint and the signature of the network's sealer (rule CHK-01).
///
/// The sealer is the one machine that orders an instant-seal network: its word is final there, and nothing more than one machine's
/// word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// By the sealer.
    pub signature: Signature,
}

impl Checkpoint {
    /// Signs it for a network.
    pub fn sign(self, chain: &ChainIdentity, sealer: &SecretKey) -> SignedCheckpoint {
        SignedCheckpoint { checkpoint: self, signature: sealer.sign(&self.digest(chain)) }
    }

    fn digest(&self, chain: &ChainIdentity) -> SigningDigest {
        SigningDigest::new(Domain::SignCheckpoint, &(chain.genesis, chain.chain_id, self))
    }
}

impl SignedCheckpoint {
    /// The checkpoint, if the sealer signed it for this network.
    ///
    /// # Errors
    /// [`SignatureError`] when it did not.
    pub fn verify(&self, chain: &ChainIdentity, sealer: &PublicKey) -> Result<Checkpoint, SignatureError> {
        sealer.verify(&self.checkpoint.digest(chain), &self.signature)?;
        Ok(self.checkpoint)
    }
}
