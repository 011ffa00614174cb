//! Making, reading and writing a genesis.

use std::fs;
use std::path::Path;

use dfsn_compute::exact::{ExactModel, ExactOptions, write_weights};
use dfsn_compute::{ComputeError, ModelConfig, manifest};
use dfsn_types::{
    Address, Allocation, Amount, BoundedString, BoundedVec, ChainId, ComputeRegistration, ConsensusParams,
    ExactRecord, GenesisConfig, GenesisValidator, Hash, ImageSize, ImageSizeError, ModelRecord, NodeId, Pair,
    PairOffer, ProfileRecord, Prompt, PublicKey, Relay, SchedulerKind, VrfPublicKey, WorkCoefficients,
};
use serde::{Deserialize, Serialize};

use crate::error::NodeError;
use crate::file::too_long;
use crate::node::system_time;
use crate::registration::MIN_PRICE;

/// The longest side of a picture.
const SIZE_MAX: u16 = 1_024;
/// Prompts of hardware tests.
const TEST_PROMPTS: [&str; 2] = ["a fox on a blue background", "rocket on a gray background"];
/// The most bytes of a genesis file.
const BYTES_MAX: u64 = 1 << 20;

/// What others may know of a node's secret: `fusionvm keygen` prints it, `fusionvm genesis` and operators read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKeys {
    /// The node's account, which owns its stake.
    pub address: Address,
    /// Seals blocks where this node does.
    pub sealer: PublicKey,
    /// Signs duties.
    pub duty_key: PublicKey,
    /// Runs the sortition.
    pub vrf_key: VrfPublicKey,
    /// Signs calls to ComputeClients: the `node` of their configuration.
    pub node: PublicKey,
    /// The ComputeClient that is registered at first.
    pub compute_key: PublicKey,
    /// The node of AvalancheGo behind which others find it, 40 hexadecimal digits; its operator adds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<NodeId>,
}

/// What a genesis is made of.
#[derive(Debug)]
pub struct GenesisPlan {
    /// The network's number.
    pub chain_id: ChainId,
    /// The numbers of the protocol.
    pub params: ConsensusParams,
    /// Seals blocks under instant seal.
    pub sealer: PublicKey,
    /// Who has coins.
    pub allocations: Vec<Allocation>,
    /// Models, all in the profile `exact-v1`, all served by every validator.
    pub models: Vec<ModelRecord>,
    /// Who validates.
    pub validators: Vec<PublicKeys>,
    /// Of each validator.
    pub stake: Amount,
}

impl GenesisPlan {
    /// The genesis, with the time of now; `path` stands in errors.
    ///
    /// # Errors
    /// [`NodeError::GenesisFile`] when a list is too long.
    pub fn build(&self, path: &Path) -> Result<GenesisConfig, NodeError> {
        self.try_build().map_err(|reason| NodeError::GenesisFile { path: path.to_owned(), reason })
    }

    fn try_build(&self) -> Result<GenesisConfig, String> {
        let profile = ProfileRecord::EXACT_V1;
        let pairs = self.models.iter().map(|model| Pair { model: model.id, profile: profile.id() });
        let pairs: Vec<_> = pairs.collect();
        let prompts = TEST_PROMPTS.into_iter().map(Prompt::new).collect::<Result<Vec<_>, _>>();
        let validators = self.validators.iter().map(|keys| self.validator(keys, &pairs));
        Ok(GenesisConfig {
            chain_id: self.chain_id,
            timestamp: system_time(),
            params: self.params.clone(),
            sealer: self.sealer,
            allocations: bounded(self.allocations.clone())?,
            models: bounded(self.models.clone())?,
            profiles: bounded(vec![profile])?,
            validators: bounded(validators.collect::<Result<Vec<_>, _>>()?)?,
            test_prompts: bounded(prompts.map_err(|error| error.to_string())?)?,
            guardian: None,
        })
    }

    fn validator(&self, keys: &PublicKeys, pairs: &[Pair]) -> Result<GenesisValidator, String> {
        let offers = pairs.iter().map(|pair| PairOffer { pair: *pair, capacity: 1, min_price: MIN_PRICE });
        Ok(GenesisValidator {
            owner: keys.address,
            stake: self.stake,
            registration: ComputeRegistration {
                duty_key: keys.duty_key,
                vrf_key: keys.vrf_key,
                compute_key: keys.compute_key,
                payout: keys.address,
                offers: bounded(offers.collect())?,
                // Where nobody relays, any name does.
                relay: Relay::Node(keys.relay.unwrap_or(NodeId::from_bytes(*keys.address.as_bytes()))),
            },
        })
    }
}

fn bounded<T, const MAX: usize>(items: Vec<T>) -> Result<BoundedVec<T, MAX>, String> {
    BoundedVec::new(items).map_err(|error| error.to_string())
}

/// What a model is to the chain, read off its diffusers folder. All weights are read and hashed in the form that the exact profile
/// computes with.
///
/// # Errors
/// [`NodeError`] when it is no model.
pub fn model_record(dir: &Path) -> Result<ModelRecord, NodeError> {
    let config = ModelConfig::load(dir).map_err(ComputeError::from)?;
    let wrong = |reason: String| NodeError::GenesisFile { path: dir.to_owned(), reason };
    let side = config.default_size().and_then(|side| u16::try_from(side).ok()).unwrap_or(512).min(SIZE_MAX);
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = name.chars().filter(char::is_ascii).take(64).collect();
    let small = |value: usize, name: &str| {
        u8::try_from(value).map_err(|_| wrong(format!("{name} is {value}, more than a chain takes")))
    };
    let architecture = ExactModel::of(&config).map_err(ComputeError::from)?.architecture().to_bytes();
    let multiple = u16::try_from(config.size_multiple()).unwrap_or(u16::MAX).max(8);
    let mut record = ModelRecord {
        id: manifest(dir)?.id(),
        name: BoundedString::new(name).map_err(|error| wrong(error.to_string()))?,
        work: WorkCoefficients { a: 8, b: 2_048, d: 40, t: 1_000 },
        latent_channels: small(config.unet.in_channels as usize, "in_channels")?,
        vae_scale_factor: small(config.vae_scale_factor() as usize, "vae_scale_factor")?,
        size_multiple: multiple,
        size_max: SIZE_MAX / multiple * multiple,
        test_size: ImageSize::new(side, side).map_err(|error| wrong(error.to_string()))?,
        exact: Some(ExactRecord {
            weights_root: Hash::from_bytes(write_weights(
                &config,
                ExactOptions::default(),
                &mut std::io::sink(),
            )?),
            architecture: BoundedVec::new(architecture).map_err(|error| wrong(error.to_string()))?,
        }),
    };
    // Rule MOD-02: the states of the largest picture fit into a chain, whatever scheduler draws it.
    while record.size_max > side && !fits(&record).map_err(|error| wrong(error.to_string()))? {
        record.size_max -= multiple;
    }
    Ok(record)
}

fn fits(model: &ModelRecord) -> Result<bool, ImageSizeError> {
    let largest = ImageSize::new(model.size_max, model.size_max)?;
    Ok(model.state_bytes(largest, SchedulerKind::LONGEST_HISTORY) <= ModelRecord::STEP_STATE_MAX)
}

/// Reads a genesis file.
///
/// # Errors
/// [`NodeError::Io`], [`NodeError::GenesisFile`].
pub fn read_genesis(path: &Path) -> Result<GenesisConfig, NodeError> {
    let wrong = |reason: String| NodeError::GenesisFile { path: path.to_owned(), reason };
    if let Some(reason) = too_long(path, BYTES_MAX).map_err(NodeError::io(path))? {
        return Err(wrong(reason));
    }
    let text = fs::read_to_string(path).map_err(NodeError::io(path))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

/// Writes a genesis file, whole or not at all: a chain is bound to its genesis.
///
/// # Errors
/// [`NodeError::Io`].
pub fn write_genesis(path: &Path, genesis: &GenesisConfig) -> Result<(), NodeError> {
    let wrong = |reason: String| NodeError::GenesisFile { path: path.to_owned(), reason };
    let text = serde_json::to_string_pretty(genesis).map_err(|error| wrong(error.to_string()))?;
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, text).map_err(NodeError::io(&unfinished))?;
    fs::rename(&unfinished, path).map_err(NodeError::io(path))
}
