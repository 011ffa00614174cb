//! The state that a genesis describes.

use dfsn_types::{
    Address, Amount, Beacon, BlockHash, BlockHeight, ChainClock, Domain, GenesisConfig, GenesisValidator,
    Hash, MerkleMap, MerkleSet, ModelId, PairStatus, ProfileId, RuleVersion, Timestamp,
};
use thiserror::Error;

use super::{Account, ChainState, Coins, ModelError, PairRecord, ParamError, SUPPLY_MAX, Tip, Validator};

/// Why a genesis is no start of a network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// More money than the arithmetic is made for.
    #[error("GNS-01: genesis makes {total}, more than {SUPPLY_MAX}")]
    SupplyTooLarge {
        /// What it makes.
        total: Amount,
    },
    /// Something is listed twice.
    #[error("GNS-02: {what} {name} is listed twice")]
    Duplicate {
        /// What kind of thing.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// A validator serves what the genesis does not list.
    #[error(
        "GNS-03: validator {validator} offers model {model} in profile {profile}, which genesis does not list"
    )]
    UnknownPair {
        /// The validator.
        validator: Address,
        /// The model.
        model: ModelId,
        /// The profile.
        profile: ProfileId,
    },
    /// A model that could not be registered either.
    #[error("GNS-05: model {model}: {error}")]
    Model {
        /// The model.
        model: ModelId,
        /// What is wrong with it.
        error: ModelError,
    },
    /// A number of the protocol out of bounds.
    #[error("GNS-04: {0}")]
    Param(#[from] ParamError),
    /// An offer without capacity, or a stake under the minimum.
    #[error("GNS-03: validator {validator} {what}")]
    Validator {
        /// Which.
        validator: Address,
        /// What is wrong with it.
        what: &'static str,
    },
    /// No prompt for hardware tests.
    #[error("GNS-06: genesis lists no test prompt")]
    NoTestPrompts,
}

impl ChainState {
    /// The state before block 1 (rule GNS-07).
    ///
    /// # Errors
    /// [`GenesisError`] when the genesis contradicts itself or a bound.
    pub fn genesis(config: &GenesisConfig) -> Result<Self, GenesisError> {
        if config.test_prompts.is_empty() {
            return Err(GenesisError::NoTestPrompts);
        }
        super::params_check::check(&config.params)?;
        let minted = check_supply(config)?;
        let chain = config.identity();
        let beacon: Beacon = Domain::Beacon.hash(&chain.genesis).into();
        let mut state = Self {
            chain,
            params: config.params.clone(),
            rule_version: RuleVersion::FIRST,
            upgraded_at: Timestamp::ZERO,
            guardian: config.guardian,
            paused_until: None,
            sealer: config.sealer,
            tip: Tip {
                hash: BlockHash::from(Hash::from(chain.genesis)),
                height: BlockHeight::ZERO,
                timestamp: config.timestamp,
                clock: ChainClock::ZERO,
                beacon,
                parent_beacon: beacon,
                base_fee_per_gas: config.params.chain.base_fee_floor,
            },
            accounts: MerkleMap::new(),
            validators: MerkleMap::new(),
            owners: MerkleMap::new(),
            changes: MerkleSet::new(),
            models: MerkleMap::new(),
            model_deposits: MerkleMap::new(),
            profiles: MerkleMap::new(),
            test_prompts: (0..).zip(config.test_prompts.iter().cloned()).collect(),
            jobs: MerkleMap::new(),
            queues: MerkleMap::new(),
            windows: MerkleSet::new(),
            ended: MerkleSet::new(),
            unbonding: MerkleMap::new(),
            unbonding_serial: 0,
            holds: MerkleMap::new(),
            hold_serial: 0,
            notes: MerkleMap::new(),
            note_order: MerkleSet::new(),
            queued_chunks: 0,
            burned: Coins::NONE,
            minted,
        };
        state.add_models(config)?;
        for allocation in config.allocations.iter() {
            let account = Account { balance: Coins::mint(allocation.amount), ..Account::default() };
            if state.accounts.insert(allocation.address, account).is_some() {
                return Err(duplicate("account", allocation.address));
            }
        }
        for validator in config.validators.iter() {
            state.add_validator(validator)?;
        }
        Ok(state)
    }

    fn add_models(&mut self, config: &GenesisConfig) -> Result<(), GenesisError> {
        for model in config.models.iter() {
            if let Err(error) = super::model_check::check(model) {
                return Err(GenesisError::Model { model: model.id, error });
            }
            if self.models.insert(model.id, model.clone()).is_some() {
                return Err(duplicate("model", model.id));
            }
        }
        for profile in config.profiles.iter() {
            if self.profiles.insert(profile.id(), profile.clone()).is_some() {
                return Err(duplicate("profile", profile.id()));
            }
        }
        Ok(())
    }

    fn add_validator(&mut self, config: &GenesisValidator) -> Result<(), GenesisError> {
        let wrong = |what| Err(GenesisError::Validator { validator: config.owner, what });
        if config.stake < self.params.economics.stake_min {
            return wrong("has less stake than the minimum");
        }
        if config.registration.offers.iter().any(|offer| offer.capacity == 0) {
            return wrong("offers a capacity of zero");
        }
        let mut validator = Validator::new(config.owner, self.params.sortition.duty_window);
        validator.free.put(Coins::mint(config.stake));
        validator.vrf_since = Timestamp::ZERO;
        for offer in config.registration.offers.iter() {
            let pair = offer.pair;
            if !self.models.contains_key(&pair.model) || !self.profiles.contains_key(&pair.profile) {
                return Err(GenesisError::UnknownPair {
                    validator: config.owner,
                    model: pair.model,
                    profile: pair.profile,
                });
            }
            let record = PairRecord { status: PairStatus::Active, ..PairRecord::from_offer(offer) };
            if validator.pairs.insert(pair, record).is_some() {
                return Err(duplicate("offer of validator", config.owner));
            }
        }
        let key = config.registration.vrf_key;
        if self
            .validators
            .values()
            .any(|other| other.registration.as_ref().is_some_and(|other| other.vrf_key == key))
        {
            return Err(duplicate("vrf key", key));
        }
        validator.registration = Some(config.registration.clone());
        self.owners.insert(config.owner, config.owner);
        if self.validators.insert(config.owner, validator).is_some() {
            return Err(duplicate("validator", config.owner));
        }
        Ok(())
    }
}

fn check_supply(config: &GenesisConfig) -> Result<Amount, GenesisError> {
    let accounts = config.allocations.iter().map(|allocation| allocation.amount);
    let stakes = config.validators.iter().map(|validator| validator.stake);
    let largest = Amount::from_base_units(u128::MAX);
    let total = accounts.chain(stakes).try_fold(Amount::ZERO, Amount::checked_add).unwrap_or(largest);
    if total > SUPPLY_MAX { Err(GenesisError::SupplyTooLarge { total }) } else { Ok(total) }
}

fn duplicate(what: &'static str, name: impl ToString) -> GenesisError {
    GenesisError::Duplicate { what, name: name.to_string() }
}
