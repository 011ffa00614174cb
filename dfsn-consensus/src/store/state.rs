//! The whole state as entries of a store.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{
    Amount, ChainIdentity, ConsensusParams, Guardian, MerkleMap, MerkleSet, PublicKey, RuleVersion,
    Timestamp, codec,
};

use super::section::Section;
use super::{EntryName, KvStore, ReadError, Table, WriteBatch};
use crate::state::{ChainState, Coins, Tip};

/// The most bytes of [`Scalars`]: parameters and a few numbers.
const SCALARS_MAX: usize = 64 << 10;

/// What of the state is no map.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Scalars {
    chain: ChainIdentity,
    params: ConsensusParams,
    rule_version: RuleVersion,
    upgraded_at: Timestamp,
    guardian: Option<Guardian>,
    paused_until: Option<Timestamp>,
    sealer: PublicKey,
    tip: Tip,
    unbonding_serial: u64,
    hold_serial: u64,
    queued_chunks: u64,
    burned: Coins,
    minted: Amount,
}

impl Scalars {
    fn of(state: &ChainState) -> Self {
        Self {
            chain: state.chain,
            params: state.params.clone(),
            rule_version: state.rule_version,
            upgraded_at: state.upgraded_at,
            guardian: state.guardian,
            paused_until: state.paused_until,
            sealer: state.sealer,
            tip: state.tip,
            unbonding_serial: state.unbonding_serial,
            hold_serial: state.hold_serial,
            queued_chunks: state.queued_chunks,
            burned: state.burned.clone(),
            minted: state.minted,
        }
    }

    /// A state without entries in its maps.
    fn into_state(self) -> ChainState {
        ChainState {
            chain: self.chain,
            params: self.params,
            rule_version: self.rule_version,
            upgraded_at: self.upgraded_at,
            guardian: self.guardian,
            paused_until: self.paused_until,
            sealer: self.sealer,
            tip: self.tip,
            accounts: MerkleMap::new(),
            validators: MerkleMap::new(),
            owners: MerkleMap::new(),
            changes: MerkleSet::new(),
            models: MerkleMap::new(),
            model_deposits: MerkleMap::new(),
            profiles: MerkleMap::new(),
            test_prompts: MerkleMap::new(),
            jobs: MerkleMap::new(),
            queues: MerkleMap::new(),
            windows: MerkleSet::new(),
            ended: MerkleSet::new(),
            unbonding: MerkleMap::new(),
            unbonding_serial: self.unbonding_serial,
            holds: MerkleMap::new(),
            hold_serial: self.hold_serial,
            notes: MerkleMap::new(),
            note_order: MerkleSet::new(),
            queued_chunks: self.queued_chunks,
            burned: self.burned,
            minted: self.minted,
        }
    }
}

/// Writes the functions that go through all maps of the state, so that none of them forgets one.
macro_rules! sections {
    ($($table:ident: $field:ident,)*) => {
        fn write_sections(state: &ChainState, older: &ChainState, batch: &mut WriteBatch) {
            $( state.$field.write_changes(&older.$field, Table::$table, batch); )*
        }

        fn read_sections<S: KvStore>(store: &S, state: &mut ChainState) -> Result<(), ReadError> {
            $( read_section(store, Table::$table, &mut state.$field)?; )*
            Ok(())
        }
    };
}

sections! {
    Accounts: accounts,
    Validators: validators,
    Owners: owners,
    Changes: changes,
    Models: models,
    ModelDeposits: model_deposits,
    Profiles: profiles,
    TestPrompts: test_prompts,
    Jobs: jobs,
    Queues: queues,
    Windows: windows,
    Ended: ended,
    Unbonding: unbonding,
    Holds: holds,
    Notes: notes,
    NoteOrder: note_order,
}

/// All entries of a state (tables 16 to 32 of chapter 12 of docs/spec).
pub fn state_batch(state: &ChainState) -> WriteBatch {
    let mut batch = WriteBatch::default();
    write_changes(state, &Scalars::of(state).into_state(), &mut batch);
    batch
}

/// Adds what turns the entries of `older` into those of `state`.
pub(super) fn write_changes(state: &ChainState, older: &ChainState, batch: &mut WriteBatch) {
    batch.put(Table::Scalars.key(&[]), codec::encode(&Scalars::of(state)));
    write_sections(state, older, batch);
}

/// Reads what [`state_batch`] wrote. Whether it is the state of a block shows in its root (rule STO-05).
///
/// # Errors
/// [`ReadError`] names the first entry that is broken.
pub fn read<S: KvStore>(store: &S) -> Result<ChainState, ReadError> {
    let scalars: Option<Scalars> = Table::Scalars.read(store, &[], SCALARS_MAX)?;
    let missing = || ReadError::corrupt(EntryName::new(Table::Scalars, &[]), "missing");
    let mut state = scalars.ok_or_else(missing)?.into_state();
    read_sections(store, &mut state)?;
    Ok(state)
}

fn read_section<S: KvStore>(store: &S, table: Table, section: &mut impl Section) -> Result<(), ReadError> {
    let prefix = table.key(&[]);
    for entry in store.iterate(&prefix, &prefix)? {
        let (key, value) = entry?;
        let key = key.get(prefix.len()..).unwrap_or_default();
        let read = section.read_entry(key, &value);
        read.map_err(|reason| ReadError::corrupt(EntryName::new(table, key), reason))?;
    }
    Ok(())
}
