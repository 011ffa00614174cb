//! The genesis of the test network: four validators who serve one pair, five users with money.

use dfsn_types::{
    Address, Allocation, Amount, BoundedString, BoundedVec, ChainId, ComputeRegistration, ConsensusParams,
    GenesisConfig, GenesisValidator, ImageSize, ModelId, ModelRecord, NodeId, Pair, PairOffer, Ppm,
    ProfileRecord, Prompt, Relay, SecretKey, Timestamp, VrfSecretKey, WorkCoefficients,
};

/// Money of each user.
pub(crate) const USER_MONEY: Amount = Amount::from_dfsn(100);
/// Gas of a block: 23 transfers and nothing more.
pub(crate) const BLOCK_GAS: u64 = 500_000;

/// The keys of a validator.
#[derive(Debug)]
pub(crate) struct Keys(u8);

impl Keys {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (10..14).map(Self)
    }

    pub(crate) fn owner(&self) -> Address {
        address(&SecretKey::from_seed(&[self.0; 32]))
    }

    pub(crate) fn duty(&self) -> SecretKey {
        SecretKey::from_seed(&[self.0 + 10; 32])
    }

    pub(crate) fn vrf(&self) -> VrfSecretKey {
        VrfSecretKey::from_seed(&[self.0 + 20; 32])
    }

    fn genesis(&self, params: &ConsensusParams) -> GenesisValidator {
        let min_price = Amount::from_base_units(300_000_000_000);
        let offer = PairOffer { pair: pair(), capacity: 2, min_price };
        GenesisValidator {
            owner: self.owner(),
            stake: params.economics.stake_min.checked_mul(10).unwrap(),
            registration: ComputeRegistration {
                duty_key: self.duty().public_key(),
                vrf_key: self.vrf().public_key(),
                compute_key: SecretKey::from_seed(&[self.0 + 30; 32]).public_key(),
                payout: self.owner(),
                offers: BoundedVec::new(vec![offer]).unwrap(),
                relay: Relay::Node(NodeId::from_bytes([1; 20])),
            },
        }
    }
}

pub(crate) fn user_key(user: u8) -> SecretKey {
    SecretKey::from_seed(&[100 + user; 32])
}

pub(crate) fn sealer() -> SecretKey {
    SecretKey::from_seed(&[8; 32])
}

pub(crate) fn address(key: &SecretKey) -> Address {
    Address::from_public_key(&key.public_key())
}

/// Model and profile that everybody serves.
pub(crate) fn pair() -> Pair {
    Pair { model: ModelId::from_bytes([1; 32]), profile: profile().id() }
}

fn profile() -> ProfileRecord {
    ProfileRecord::Float {
        library: BoundedString::new("stand-in-1").unwrap(),
        device: BoundedString::new("cpu").unwrap(),
        instruction_set: BoundedString::new("any").unwrap(),
        dtype: BoundedString::new("f32").unwrap(),
        threads: 1,
    }
}

pub(crate) fn genesis() -> GenesisConfig {
    let mut params = ConsensusParams::default();
    params.chain.gas_limit = dfsn_types::Gas::new(BLOCK_GAS);
    // Everybody audits, so that the events of a job are always the same.
    params.sortition.rate_ramp = Ppm::new(100_000_000);
    let user = |user| Allocation { address: address(&user_key(user)), amount: USER_MONEY };
    let model = ModelRecord {
        id: pair().model,
        name: BoundedString::new("stand-in").unwrap(),
        work: WorkCoefficients { a: 10, b: 64, d: 20, t: 100 },
        latent_channels: 4,
        vae_scale_factor: 8,
        size_multiple: 32,
        size_max: 128,
        test_size: ImageSize::new(64, 64).unwrap(),
        exact: None,
    };
    GenesisConfig {
        chain_id: ChainId::new(7_777).unwrap(),
        timestamp: Timestamp::new(1_700_000_000_000),
        validators: BoundedVec::new(Keys::all().map(|keys| keys.genesis(&params)).collect()).unwrap(),
        params,
        sealer: sealer().public_key(),
        allocations: BoundedVec::new((0..5).map(user).collect()).unwrap(),
        models: BoundedVec::new(vec![model]).unwrap(),
        profiles: BoundedVec::new(vec![profile()]).unwrap(),
        test_prompts: BoundedVec::new(vec![Prompt::new("a fox").unwrap()]).unwrap(),
        guardian: None,
    }
}
