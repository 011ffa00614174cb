//! Headers.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::domain::Domain;
use crate::genesis::ChainIdentity;
use crate::hash::{BlockHash, BodyRoot, ReceiptsRoot, StateRoot};
use crate::key::{PublicKey, SecretKey, Signature, SignatureError, SigningDigest};
use crate::unit::{Amount, BlockHeight, Gas, Timestamp};
use crate::vrf::VrfProof;

/// What a block claims; its hash names the block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Position, one more than the parent's.
    pub height: BlockHeight,
    /// The block before.
    pub parent: BlockHash,
    /// When it was built, not before the parent.
    pub timestamp: Timestamp,
    /// Who built it. Shows authorship only.
    pub builder: PublicKey,
    /// Who earns the tips.
    pub fee_recipient: Address,
    /// Randomness that the builder adds to the beacon.
    pub beacon_proof: Option<BeaconProof>,
    /// Fee of one unit of gas in this block, burned.
    pub base_fee_per_gas: Amount,
    /// Gas used by all transactions.
    pub gas_used: Gas,
    /// Over the duties.
    pub duties_root: BodyRoot,
    /// Over the posted data.
    pub data_root: BodyRoot,
    /// Over the transactions.
    pub transactions_root: BodyRoot,
    /// Over the receipts and events that the block causes.
    pub receipts_root: ReceiptsRoot,
    /// Over the state after the block.
    pub state_root: StateRoot,
}

impl Header {
    /// The block's name (rule HSH-04).
    pub fn hash(&self) -> BlockHash {
        Domain::BlockHash.hash(self).into()
    }

    fn signing_digest(&self, chain: &ChainIdentity) -> SigningDigest {
        SigningDigest::new(Domain::SignBlock, &(chain.genesis, chain.chain_id, self))
    }
}

/// A header with its builder's signature, which is not part of the block's name: what a light client needs of a block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// By its builder.
    pub signature: Signature,
}

impl SignedHeader {
    /// Signs a header for a network.
    pub fn seal(header: Header, chain: &ChainIdentity, key: &SecretKey) -> Self {
        let signature = key.sign(&header.signing_digest(chain));
        Self { header, signature }
    }

    /// Checks that the header's builder signed it for this network (rule BLK-01). This shows authorship and nothing else.
    ///
    /// # Errors
    /// [`SignatureError`] when it did not.
    pub fn verify(&self, chain: &ChainIdentity) -> Result<(), SignatureError> {
        self.header.builder.verify(&self.header.signing_digest(chain), &self.signature)
    }
}

/// A VRF output of a registered validator over the parent's beacon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeaconProof {
    /// Whose VRF key.
    pub validator: Address,
    /// The proof.
    pub proof: VrfProof,
}
