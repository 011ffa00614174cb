//! The whole state.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{
    Address, Amount, Beacon, BlockHash, BlockHeight, ChainClock, ChainIdentity, ConsensusParams, Domain,
    EvidenceNote, Guardian, Hash, JobId, MerkleMap, MerkleSet, ModelId, ModelRecord, Pair, ProfileId,
    ProfileRecord, Prompt, PublicKey, RuleVersion, StateRoot, Timestamp, Upgrade, state_root,
};

use super::{Account, Change, Coins, Hold, Job, ModelDeposit, QueueKey, Validator};

/// Everything that blocks read and change. Ordered maps only, so that all machines walk it alike; they share what they have in
/// common with the states before and beside, so that a copy costs nothing and a root only what has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainState {
    /// What signatures are bound to.
    pub chain: ChainIdentity,
    /// The numbers of the protocol.
    pub params: ConsensusParams,
    /// The version of the rules.
    pub rule_version: RuleVersion,
    /// Activation of the last upgrade; zero before the first.
    pub upgraded_at: Timestamp,
    /// Who may pause jobs alone.
    pub guardian: Option<Guardian>,
    /// New jobs and the chain clock stand until then.
    pub paused_until: Option<Timestamp>,
    /// Builder of the instant-seal engine.
    pub sealer: PublicKey,
    /// The last block.
    pub tip: Tip,
    /// Accounts with money or a nonce.
    pub accounts: MerkleMap<Address, Account>,
    /// Stakers, by the account that staked first.
    pub validators: MerkleMap<Address, Validator>,
    /// The validator of each owner.
    pub owners: MerkleMap<Address, Address>,
    /// Changes of validators, by when they are due.
    pub changes: MerkleSet<(Timestamp, Address, Change)>,
    /// Registered models.
    pub models: MerkleMap<ModelId, ModelRecord>,
    /// Deposits of models, but for those of the genesis.
    pub model_deposits: MerkleMap<ModelId, ModelDeposit>,
    /// Registered profiles.
    pub profiles: MerkleMap<ProfileId, ProfileRecord>,
    /// Prompts of hardware tests, by number.
    pub test_prompts: MerkleMap<u32, Prompt>,
    /// Jobs, open and ended.
    pub jobs: MerkleMap<JobId, Job>,
    /// Waiting requests, by pair.
    pub queues: MerkleMap<Pair, MerkleSet<QueueKey>>,
    /// Open windows, by when they may close.
    pub windows: MerkleSet<(ChainClock, JobId)>,
    /// Ended jobs, by when their records leave the state.
    pub ended: MerkleSet<(Timestamp, JobId)>,
    /// Unstaked money of validators, by when it is paid out and a serial number.
    pub unbonding: MerkleMap<(Timestamp, u64), (Address, Coins)>,
    /// Serial number of the next unbonding.
    pub unbonding_serial: u64,
    /// Held penalties, by when they are paid out and a serial number.
    pub holds: MerkleMap<(Timestamp, u64), Hold>,
    /// Serial number of the next hold.
    pub hold_serial: u64,
    /// Announced evidence, by when it is forgotten, and the block that holds the announcement.
    pub notes: MerkleMap<EvidenceNote, BlockHeight>,
    /// The same, oldest first.
    pub note_order: MerkleSet<(BlockHeight, EvidenceNote)>,
    /// Pieces of states that are demanded and not posted, in all jobs.
    pub queued_chunks: u64,
    /// Money gone for ever.
    pub burned: Coins,
    /// Money that genesis made.
    pub minted: Amount,
}

/// The last block and what it left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
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
    /// Covers the state (rule HSH-03). The tip's own hash, which covers the root, is left out.
    pub fn root(&self) -> StateRoot {
        state_root(&self.section_roots())
    }

    /// The root of every section, in the order of [`StateSection`](dfsn_types::StateSection).
    pub(super) fn section_roots(&self) -> Vec<Hash> {
        vec![
            self.scalars_hash(),
            self.accounts.root(),
            self.validators.root(),
            self.owners.root(),
            self.changes.root(),
            self.models.root(),
            self.model_deposits.root(),
            self.profiles.root(),
            self.test_prompts.root(),
            self.jobs.root(),
            self.queues.root(),
            self.windows.root(),
            self.ended.root(),
            self.unbonding.root(),
            self.holds.root(),
            self.notes.root(),
            self.note_order.root(),
        ]
    }

    fn scalars_hash(&self) -> Hash {
        let tip = Tip { hash: BlockHash::from_bytes([0; 32]), ..self.tip };
        let scalars = (&self.chain, &self.params, &self.sealer, tip);
        let rules = (self.rule_version, self.upgraded_at, self.guardian, self.paused_until);
        let serials = (self.unbonding_serial, self.hold_serial, self.queued_chunks);
        Domain::StateScalars.hash(&(scalars, rules, serials, &self.burned, self.minted))
    }

    /// An account's balance; nothing if it has never been seen.
    pub fn balance(&self, address: &Address) -> Amount {
        self.accounts.get(address).map_or(Amount::ZERO, |account| account.balance.amount())
    }

    /// The validator that an account owns.
    pub fn validator_of(&self, owner: &Address) -> Option<&Validator> {
        self.validators.get(self.owners.get(owner)?)
    }

    /// Until when jobs are paused at `now`, if they are (rule GOV-05).
    pub fn pause(&self, now: Timestamp) -> Option<Timestamp> {
        self.paused_until.filter(|until| now < *until)
    }

    /// Puts an upgrade into force, in a block of time `now` (rule UPG-03).
    pub(crate) fn upgrade(&mut self, upgrade: &Upgrade, now: Timestamp) {
        (self.rule_version, self.upgraded_at) = (upgrade.rule_version, upgrade.activation);
        if let Some(params) = &upgrade.new_params {
            self.params = params.clone();
            self.minimum_changed(now);
        }
    }

    /// Whether some job is not over, so that time must go on (rule TIM-05).
    pub fn has_open_jobs(&self) -> bool {
        !self.windows.is_empty()
    }
}
