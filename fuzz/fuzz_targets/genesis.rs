//! A genesis as an operator writes it, in JSON, up to the state that it starts.
#![no_main]

use dfsn_consensus::state::{ChainState, Supply};
use dfsn_fuzz::{decoded, read_json};
use dfsn_types::{ConsensusParams, GenesisConfig, ModelManifest, codec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = read_json::<ConsensusParams>(data);
    let _ = read_json::<ModelManifest>(data);
    let Some(config) = read_json::<GenesisConfig>(data) else { return };
    let again: GenesisConfig = decoded(&codec::encode(&config)).expect("a genesis has bytes");
    assert_eq!(again.hash(), config.hash());
    let Ok(state) = ChainState::genesis(&config) else { return };
    assert_eq!(Supply::of(&state).total(), state.minted, "coins are conserved");
    assert_eq!(state.root(), ChainState::genesis(&again).expect("the same genesis").root());
});
