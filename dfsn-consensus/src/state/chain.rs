//! The whole state.

use std::collections::{BTreeMap, BTreeSet};

use borsh::BorshSerialize;
use dfsn_types::{
    Address, Amount, Beacon, BlockHash, BlockHeight, ChainClock, ChainIdentity, ConsensusParams, Domain,
    JobId, ModelId, ModelRecord, Pair, ProfileId, ProfileRecord, Prompt, PublicKey, StateRoot, Timestamp,
};

use super::{Account, Change, Coins, Job, QueueKey, Validator};

/// Everything that blocks read and change. Ordered maps only, so that all machines walk it alike.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct ChainState {
    /// What signatures are bound to.
    pub chain: ChainIdentity,
    /// The numbers of the protocol.
    pub params: ConsensusParams,
    /// Builder of the instant-seal engine.
    pub sealer: PublicKey,
    /// The last block.
    pub tip: Tip,
    /// Accounts with money or a nonce.
    pub accounts: BTreeMap<Address, Account>,
    /// Stakers, by the account that staked first.
    pub validators: BTreeMap<Address, Validator>,
    /// The validator of each owner.
    pub owners: BTreeMap<Address, Address>,
    /// Changes of validators, by when they are due.
    pub changes: BTreeSet<(Timestamp, Address, Change)>,
    /// Registered models.
    pub models: BTreeMap<ModelId, ModelRecord>,
    /// Registered profiles.
    pub profiles: BTreeMap<ProfileId, ProfileRecord>,
    /// Prompts of hardware tests.
    pub test_prompts: Vec<Prompt>,
    /// Jobs, open and ended.
    pub jobs: BTreeMap<JobId, Job>,
    /// Waiting requests, by pair.
    pub queues: BTreeMap<Pair, BTreeSet<QueueKey>>,
    /// Open windows, by when they may close.
    pub windows: BTreeSet<(ChainClock, JobId)>,
    /// Ended jobs, by when their records leave the state.
    pub ended: BTreeSet<(Timestamp, JobId)>,
    /// Unstaked money of validators, by when it is paid out and a serial number.
    pub unbonding: BTreeMap<(Timestamp, u64), (Address, Coins)>,
    /// Serial number of the next unbonding.
    pub unbonding_serial: u64,
    /// Money gone for ever.
    pub burned: Coins,
    /// Money that genesis made.
    pub minted: Amount,
}

/// The last block and what it left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Tip {
    /// Its name.
    pub hash: BlockHash,
    /// Its height.
    pub height: BlockHeight,
    /// When it was built.
    pub timestamp: Timestamp,
    /// The chain clock after it.
    pub clock: ChainClock,
    /// The beacon after it.
    pub beacon: Beacon,
    /// The beacon before it.
    pub parent_beacon: Beacon,
    /// Base fee that the next block must charge.
    pub base_fee_per_gas: Amount,
}

impl ChainState {
    /// Covers the state; the tip's own hash, which covers the root, is left out (rule HSH-03).
    pub fn root(&self) -> StateRoot {
        let mut covered = self.tip;
        covered.hash = BlockHash::from_bytes([0; 32]);
        Domain::StateRoot
            .hash(&(
                (&self.chain, &self.params, &self.sealer, covered),
                (&self.accounts, &self.validators, &self.owners, &self.changes),
                (&self.models, &self.profiles, &self.test_prompts),
                (&self.jobs, &self.queues, &self.windows, &self.ended),
                (&self.unbonding, self.unbonding_serial, &self.burned, self.minted),
            ))
            .into()
    }

    /// An account's balance; nothing if it has never been seen.
    pub fn balance(&self, address: &Address) -> Amount {
        self.accounts.get(address).map_or(Amount::ZERO, |account| account.balance.amount())
    }

    /// The validator that an account owns.
    pub fn validator_of(&self, owner: &Address) -> Option<&Validator> {
        self.validators.get(self.owners.get(owner)?)
    }

    /// Whether some job is not over, so that time must go on (rule TIM-05).
    pub fn has_open_jobs(&self) -> bool {
        !self.windows.is_empty()
    }
}
