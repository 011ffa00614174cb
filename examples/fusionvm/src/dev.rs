//! A network for trying things: one node, four validators, keys that everybody knows.

use std::path::Path;

use dfsn_types::{Allocation, Amount, ChainId, ConsensusParams, DurationMs, GenesisConfig, ModelRecord};

use crate::error::NodeError;
use crate::genesis::{GenesisPlan, model_record, read_genesis, write_genesis};
use crate::keystore::NodeSecret;
use crate::operated::Operated;

/// Validators, the fewest that audited jobs need.
const VALIDATORS: [&str; 4] = ["validator A", "validator B", "validator C", "validator D"];
/// The file of the genesis in a data folder.
const GENESIS_FILE: &str = "genesis.json";

const CHAIN: ChainId = match ChainId::new(33_778) {
    Ok(id) => id,
    Err(_) => panic!("a constant in range"),
};

/// A development network. Its coins are worth nothing: whoever reads this file can spend them.
#[derive(Debug)]
pub struct DevNetwork {
    /// The network.
    pub genesis: GenesisConfig,
    /// Seals blocks, and owns the faucet's coins.
    pub sealer: NodeSecret,
    /// All validators.
    pub validators: Vec<Operated>,
}

impl DevNetwork {
    /// The secret of the node of every development network.
    pub fn sealer() -> NodeSecret {
        NodeSecret::public("sealer")
    }

    /// Defaults, but for the windows that would make people wait: nobody is far away, and a clock that runs in real time should
    /// let a job settle in seconds.
    pub fn params() -> ConsensusParams {
        let mut params = ConsensusParams::default();
        params.chain.heartbeat_ms = DurationMs::new(200);
        let windows = &mut params.windows;
        windows.claim_ms = DurationMs::new(1_000);
        windows.open_ms = DurationMs::new(120_000);
        windows.juror_ms = DurationMs::new(120_000);
        windows.hold_ms = DurationMs::ZERO;
        windows.challenge_ms = DurationMs::ZERO;
        params
    }

    /// The network of a data folder. A new folder gets one for the model of a diffusers folder, or for none.
    ///
    /// # Errors
    /// [`NodeError::OtherModel`] when the folder was made for another model; [`NodeError`] when a file is not what it should be.
    pub fn open(data_dir: &Path, model: Option<&Path>) -> Result<Self, NodeError> {
        std::fs::create_dir_all(data_dir).map_err(NodeError::io(data_dir))?;
        let path = data_dir.join(GENESIS_FILE);
        let record = model.map(model_record).transpose()?;
        let sealer = Self::sealer();
        let validators: Vec<Operated> =
            VALIDATORS.into_iter().map(|name| NodeSecret::public(name).into()).collect();
        if path.exists() {
            let genesis = read_genesis(&path)?;
            check_model(data_dir, &genesis, record.as_ref())?;
            return Ok(Self { genesis, sealer, validators });
        }
        let plan = GenesisPlan {
            chain_id: CHAIN,
            params: Self::params(),
            sealer: sealer.sealer().public_key(),
            allocations: vec![Allocation { address: sealer.address(), amount: Amount::from_dfsn(1_000_000) }],
            models: record.into_iter().collect(),
            validators: validators.iter().map(|operated| operated.secret.public_keys()).collect(),
            stake: Amount::from_dfsn(10_000),
        };
        let genesis = plan.build(&path)?;
        write_genesis(&path, &genesis)?;
        Ok(Self { genesis, sealer, validators })
    }
}

fn check_model(
    data_dir: &Path,
    genesis: &GenesisConfig,
    record: Option<&ModelRecord>,
) -> Result<(), NodeError> {
    let Some(record) = record else { return Ok(()) };
    if genesis.models.iter().any(|model| model.id == record.id) {
        return Ok(());
    }
    let found = genesis.models.iter().map(|model| model.name.to_string()).collect::<Vec<_>>().join(", ");
    let found = if found.is_empty() { "none".to_owned() } else { found };
    Err(NodeError::OtherModel { path: data_dir.to_owned(), found, given: record.name.to_string() })
}
