//! Where a network starts.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::bounded::BoundedVec;
use crate::domain::Domain;
use crate::generation::Prompt;
use crate::hash::GenesisHash;
use crate::key::PublicKey;
use crate::model::{ModelRecord, ProfileRecord};
use crate::params::ConsensusParams;
use crate::unit::{Amount, BlockHeight, ChainId, Timestamp};
use crate::validator::ComputeRegistration;

/// What every signature of a network is bound to (rule SIG-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChainIdentity {
    /// The chain id that wallets show.
    pub chain_id: ChainId,
    /// Hash of the genesis.
    pub genesis: GenesisHash,
}

/// The state before the first block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisConfig {
    /// The network's chain id.
    pub chain_id: ChainId,
    /// Time of the genesis block.
    pub timestamp: Timestamp,
    /// The numbers of the protocol.
    pub params: ConsensusParams,
    /// Who builds blocks under the instant-seal engine; other engines choose by themselves.
    pub sealer: PublicKey,
    /// Money at the start.
    pub allocations: BoundedVec<Allocation, 65_536>,
    /// Models at the start.
    pub models: BoundedVec<ModelRecord, 64>,
    /// Profiles at the start.
    pub profiles: BoundedVec<ProfileRecord, 64>,
    /// Validators at the start, active for all their pairs.
    pub validators: BoundedVec<GenesisValidator, 1024>,
    /// Prompts that hardware tests draw from; at least one.
    pub test_prompts: BoundedVec<Prompt, 256>,
    /// Who may pause jobs alone while the network is young.
    pub guardian: Option<Guardian>,
}

impl GenesisConfig {
    /// The network's name: hash of everything it starts with.
    pub fn hash(&self) -> GenesisHash {
        Domain::Genesis.hash(self).into()
    }

    /// What signatures of this network are bound to.
    pub fn identity(&self) -> ChainIdentity {
        ChainIdentity { chain_id: self.chain_id, genesis: self.hash() }
    }
}

/// An account that may pause jobs alone, for a time (rule GOV-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guardian {
    /// Which account.
    pub account: Address,
    /// The last block in which it may.
    pub until_height: BlockHeight,
}

/// Money of one account at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// Whose.
    pub address: Address,
    /// How much.
    pub amount: Amount,
}

/// A validator at the start.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisValidator {
    /// Account that owns the stake.
    pub owner: Address,
    /// Its stake, minted at genesis.
    pub stake: Amount,
    /// Its keys and pairs.
    pub registration: ComputeRegistration,
}
