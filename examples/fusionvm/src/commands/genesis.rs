//! `genesis`: from keys and models to a network.

use std::path::Path;

use dfsn_consensus::state::ChainState;
use dfsn_types::{Allocation, ConsensusParams};
use fusionvm::{GenesisPlan, NodeError, PublicKeys, model_record};

use crate::cli::GenesisArgs;

/// Prints a genesis that is known to be the start of a network.
pub(super) fn genesis(args: &GenesisArgs) -> Result<(), NodeError> {
    let path = Path::new("genesis");
    let wrong = |reason: String| NodeError::GenesisFile { path: path.to_owned(), reason };
    let allocation = |(address, amount)| Allocation { address, amount };
    let plan = GenesisPlan {
        chain_id: args.chain_id().map_err(wrong)?,
        params: ConsensusParams::default(),
        sealer: public_keys(&args.sealer)?.sealer,
        allocations: args.allocations.iter().copied().map(allocation).collect(),
        models: args.models.iter().map(|dir| model_record(dir)).collect::<Result<_, _>>()?,
        validators: args.validators.iter().map(|path| public_keys(path)).collect::<Result<_, _>>()?,
        stake: args.stake,
    };
    let genesis = plan.build(path)?;
    ChainState::genesis(&genesis)?;
    let text = serde_json::to_string_pretty(&genesis).map_err(|error| wrong(error.to_string()))?;
    super::write(&(text + "\n"))
}

fn public_keys(path: &Path) -> Result<PublicKeys, NodeError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| NodeError::Io { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|error| NodeError::Config {
        path: path.to_owned(),
        reason: format!("no public keys: {error}"),
    })
}
