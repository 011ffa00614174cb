//! What validators register and what they are.

use core::net::IpAddr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::address::Address;
use crate::bounded::BoundedVec;
use crate::domain::Domain;
use crate::genesis::ChainIdentity;
use crate::hash::Hash;
use crate::key::{PublicKey, SecretKey, Signature, SignatureError, SigningDigest};
use crate::macros::fixed_bytes;
use crate::model::Pair;
use crate::unit::Amount;
use crate::vrf::{VrfError, VrfProof, VrfPublicKey, VrfSecretKey};

fixed_bytes!(
    /// A node of the network below, by the 20 bytes of its NodeID.
    NodeId, 20
);

/// Pairs that one validator can serve.
pub const PAIRS_MAX: usize = 16;

/// Where a validator's blobs are fetched; never a URL (rule REG-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relay {
    /// By messages to a peer.
    Node(NodeId),
    /// At a globally routable address and port.
    Ip(IpAddr, u16),
}

/// A pair that a worker offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairOffer {
    /// Model and profile.
    pub pair: Pair,
    /// Jobs at a time, at least 1.
    pub capacity: u8,
    /// The lowest price per work unit that the worker takes.
    pub min_price: Amount,
}

/// What `RegisterCompute` says of a validator's machines.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComputeRegistration {
    /// Hot key of the node: signs duties.
    pub duty_key: PublicKey,
    /// Key of the sortition.
    pub vrf_key: VrfPublicKey,
    /// Key of the machine that computes.
    pub compute_key: PublicKey,
    /// Where earnings go.
    pub payout: Address,
    /// Pairs served, in ascending order.
    pub offers: BoundedVec<PairOffer, PAIRS_MAX>,
    /// Where blobs are fetched.
    pub relay: Relay,
}

/// Shows that who registers keys holds them: each key signs the registration and its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPossession {
    /// By the duty key.
    pub duty: Signature,
    /// By the compute key.
    pub compute: Signature,
    /// By the VRF key: its proof over the registration, as 80 bytes.
    pub vrf: VrfProof,
}

/// Standing of a validator for one pair.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PairStatus {
    /// Registered, not yet tested.
    Trial,
    /// Tested: draws paid jobs and audits.
    Active,
}

/// Standing of a validator as a whole; that for each pair is [`PairStatus`].
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ValidatorStatus {
    /// Works, audits and judges in the pairs that are Active.
    Bonded,
    /// Gets nothing new until its owner unjails it.
    Jailed,
    /// Its stake is under the minimum for good; it gets nothing new and finishes what it accepted.
    Exiting,
    /// No stake is left; its record goes when all its money is paid out.
    Exited,
    /// Proven wrong by arithmetic: gets nothing new for ever.
    Tombstoned,
}

impl ComputeRegistration {
    /// What the duty and compute keys sign, and what the VRF key proves, to show that `owner` holds them.
    fn possession_digest(&self, chain: &ChainIdentity, owner: &Address) -> SigningDigest {
        SigningDigest::new(Domain::SignRegistration, &(chain.genesis, chain.chain_id, owner, self))
    }

    fn possession_alpha(&self, chain: &ChainIdentity, owner: &Address) -> Hash {
        Domain::RegistrationVrf.hash(&(chain.genesis, chain.chain_id, owner, self))
    }

    /// Shows that one of the two signing keys is held. The compute key lies on another machine than the rest.
    pub fn sign_possession(&self, chain: &ChainIdentity, owner: &Address, key: &SecretKey) -> Signature {
        key.sign(&self.possession_digest(chain, owner))
    }

    /// Shows that the VRF key is held.
    ///
    /// # Errors
    /// [`VrfError`] if the VRF cannot prove this input, which has a chance of about 2^-256.
    pub fn prove_vrf_possession(
        &self,
        chain: &ChainIdentity,
        owner: &Address,
        key: &VrfSecretKey,
    ) -> Result<VrfProof, VrfError> {
        key.prove(self.possession_alpha(chain, owner).as_bytes())
    }

    /// Proves possession of the three keys.
    ///
    /// # Errors
    /// [`VrfError`] if the VRF cannot prove this input, which has a chance of about 2^-256.
    pub fn prove_possession(
        &self,
        chain: &ChainIdentity,
        owner: &Address,
        duty_key: &SecretKey,
        compute_key: &SecretKey,
        vrf_key: &VrfSecretKey,
    ) -> Result<KeyPossession, VrfError> {
        Ok(KeyPossession {
            duty: self.sign_possession(chain, owner, duty_key),
            compute: self.sign_possession(chain, owner, compute_key),
            vrf: self.prove_vrf_possession(chain, owner, vrf_key)?,
        })
    }

    /// Checks that `owner` holds the three keys (rule REG-04).
    ///
    /// # Errors
    /// [`PossessionError`] names the first key whose proof fails.
    pub fn verify_possession(
        &self,
        chain: &ChainIdentity,
        owner: &Address,
        possession: &KeyPossession,
    ) -> Result<(), PossessionError> {
        let digest = self.possession_digest(chain, owner);
        self.duty_key.verify(&digest, &possession.duty).map_err(PossessionError::Duty)?;
        self.compute_key.verify(&digest, &possession.compute).map_err(PossessionError::Compute)?;
        let alpha = self.possession_alpha(chain, owner);
        self.vrf_key.verify(alpha.as_bytes(), &possession.vrf).map_err(PossessionError::Vrf)?;
        Ok(())
    }
}

/// Which of a registration's keys is not shown to be the owner's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PossessionError {
    /// The duty key.
    #[error("duty key: {0}")]
    Duty(SignatureError),
    /// The compute key.
    #[error("compute key: {0}")]
    Compute(SignatureError),
    /// The VRF key.
    #[error("vrf key: {0}")]
    Vrf(VrfError),
}
