//! The demo's genesis: four active validators, a user's faucet, long windows scaled down.

use std::time::{SystemTime, UNIX_EPOCH};

use dfsn_compute::ModelConfig;
use dfsn_types::{
    Address, Allocation, Amount, BoundedString, BoundedVec, ChainId, ComputeRegistration, ConsensusParams,
    DurationMs, ExactRecord, GenesisConfig, GenesisValidator, ImageSize, ModelId, ModelRecord, NodeId, Pair,
    PairOffer, ProfileRecord, Prompt, PublicKey, Relay, Timestamp, WorkCoefficients,
};

use super::ValidatorKeys;
use crate::error::DemoError;

/// The longest side of a picture that the demo's chain takes.
const SIZE_MAX: u16 = 512;
/// Prompts of hardware tests.
const TEST_PROMPTS: [&str; 4] = [
    "a fox on a blue background",
    "rocket on a gray background",
    "pizza",
    "a red apple on a white background",
];

/// What a genesis is made of.
#[derive(Debug)]
pub(crate) struct Genesis<'a> {
    /// The model's name: its manifest's hash.
    pub(crate) model: ModelId,
    /// The model's shape.
    pub(crate) config: &'a ModelConfig,
    /// What the workers' bits depend on.
    pub(crate) profile: ProfileRecord,
    /// What verdicts by arithmetic need to know of it.
    pub(crate) exact: Option<ExactRecord>,
    /// Who serves it.
    pub(crate) validators: &'a [ValidatorKeys],
    /// Who builds blocks.
    pub(crate) sealer: PublicKey,
    /// Account with money to hand out.
    pub(crate) faucet: Address,
}

impl Genesis<'_> {
    /// The pair that every validator serves.
    pub(crate) fn pair(&self) -> Pair {
        Pair { model: self.model, profile: self.profile.id() }
    }

    /// The size that the model is trained for, where it fits the demo's chain.
    pub(crate) fn size(&self) -> Result<ImageSize, DemoError> {
        let side = self.config.default_size().and_then(|side| u16::try_from(side).ok()).unwrap_or(SIZE_MAX);
        let side = side.min(SIZE_MAX);
        Ok(ImageSize::new(side, side)?)
    }

    /// The whole genesis.
    pub(crate) fn build(&self) -> Result<GenesisConfig, DemoError> {
        let prompts = TEST_PROMPTS.into_iter().map(Prompt::new).collect::<Result<Vec<_>, _>>()?;
        let validators =
            self.validators.iter().map(|keys| self.validator(keys)).collect::<Result<Vec<_>, _>>()?;
        let faucet = Allocation { address: self.faucet, amount: Amount::from_dfsn(1_000_000) };
        Ok(GenesisConfig {
            chain_id: DEMO_CHAIN,
            timestamp: now(),
            params: params(),
            sealer: self.sealer,
            allocations: BoundedVec::new(vec![faucet])?,
            models: BoundedVec::new(vec![self.model_record()?])?,
            profiles: BoundedVec::new(vec![self.profile.clone()])?,
            validators: BoundedVec::new(validators)?,
            test_prompts: BoundedVec::new(prompts)?,
            guardian: None,
        })
    }

    fn model_record(&self) -> Result<ModelRecord, DemoError> {
        let multiple = u16::try_from(self.config.size_multiple()).unwrap_or(8).max(8);
        Ok(ModelRecord {
            id: self.model,
            name: BoundedString::new(model_name(self.config))?,
            work: WorkCoefficients { a: 8, b: 2_048, d: 40, t: 1_000 },
            latent_channels: u8::try_from(self.config.unet.in_channels).unwrap_or(4),
            vae_scale_factor: u8::try_from(self.config.vae_scale_factor()).unwrap_or(8),
            size_multiple: multiple,
            size_max: SIZE_MAX,
            test_size: self.size()?,
            exact: self.exact.clone(),
        })
    }

    fn validator(&self, keys: &ValidatorKeys) -> Result<GenesisValidator, DemoError> {
        let mut node = [0; 20];
        node.copy_from_slice(keys.owner.as_bytes());
        let offer =
            PairOffer { pair: self.pair(), capacity: 1, min_price: Amount::from_base_units(300_000_000_000) };
        Ok(GenesisValidator {
            owner: keys.owner,
            stake: Amount::from_dfsn(10_000),
            registration: ComputeRegistration {
                duty_key: keys.duty.public_key(),
                vrf_key: keys.vrf().public_key(),
                compute_key: keys.compute.public_key(),
                payout: keys.owner,
                offers: BoundedVec::new(vec![offer])?,
                relay: Relay::Node(NodeId::from_bytes(node)),
            },
        })
    }
}

const DEMO_CHAIN: ChainId = match ChainId::new(33_777) {
    Ok(id) => id,
    Err(_) => panic!("a constant in range"),
};

/// Defaults, but for the windows that would only make a demo of honest people slow.
fn params() -> ConsensusParams {
    let mut params = ConsensusParams::default();
    let windows = &mut params.windows;
    windows.claim_ms = DurationMs::new(6_000);
    windows.open_ms = DurationMs::new(120_000);
    windows.juror_ms = DurationMs::new(120_000);
    // A demo ends with its job: penalties are paid at once, and nobody comes back to object.
    windows.hold_ms = DurationMs::ZERO;
    windows.challenge_ms = DurationMs::ZERO;
    params
}

fn model_name(config: &ModelConfig) -> String {
    let folder =
        config.dir.as_path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    folder.chars().filter(char::is_ascii).take(64).collect()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
