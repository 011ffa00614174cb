//! The store in a file: what opens, and what is left of it when the power goes.

mod platter;

use std::fs;

use dfsn_consensus::store::{KvStore, MemoryStore, RedbError, RedbStore, WriteBatch};
use dfsn_consensus::vm::{Vm, VmError};
use dfsn_types::Block;
use proptest::prelude::*;
use redb::{Database, TableDefinition};

use crate::network::{Behaviour, Network, Setup, open_in};
use platter::{Arrived, Platter};

fn setup() -> Setup {
    Setup::worker(Behaviour::HONEST, 3)
}

/// The first blocks of a job.
fn blocks() -> Vec<Block> {
    let mut network = Network::new(&setup());
    network.request(0, 1);
    network.ticks(8);
    network.blocks
}

fn accept(vm: &mut impl Vm<Error = VmError>, block: &Block) -> Result<(), VmError> {
    vm.verify(block.clone(), block.header().timestamp)?;
    vm.accept(&block.hash()).map(|_| ())
}

/// A database in which the chain is at its genesis.
fn begun() -> Platter {
    let platter = Platter::default();
    open_in(RedbStore::open_backend("memory", platter.clone()).unwrap(), &setup()).unwrap();
    platter.copy()
}

/// Accepts blocks until the power goes; says how many were said to be on disk.
fn run(platter: &Platter, blocks: &[Block]) -> usize {
    let Ok(store) = RedbStore::open_backend("memory", platter.clone()) else { return 0 };
    let Ok(mut vm) = open_in(store, &setup()) else { return 0 };
    blocks.iter().take_while(|block| accept(&mut vm, block).is_ok()).count()
}

#[test]
fn sto_01_power_may_go_at_every_operation_of_a_disk() {
    let (begun, blocks) = (begun(), blocks());
    let whole = begun.copy();
    assert_eq!(run(&whole, &blocks), blocks.len());
    let last = blocks.last().unwrap().header().state_root;
    let (mut last_kept, mut next_kept) = (0, 0);
    for operations in 0..whole.operations() {
        let cut = begun.copy();
        cut.power_for(operations);
        let told = run(&cut, &blocks);
        for arrived in
            [Arrived::Nothing, Arrived::Everything, Arrived::Some(operations), Arrived::Some(!operations)]
        {
            let disk = cut.after_loss(arrived);
            let store = RedbStore::open_backend("memory", disk).unwrap();
            let mut vm = open_in(store, &setup()).unwrap_or_else(|error| {
                panic!("after {operations} operations, {arrived:?}: {error}");
            });
            // What was said to be written is there; at most the block under way is there beside it.
            let kept = usize::try_from(vm.state().tip.height.get()).unwrap();
            assert!(kept == told || kept == told + 1, "{told} blocks were written, {kept} are there");
            *if kept == told { &mut last_kept } else { &mut next_kept } += 1;
            for block in &blocks[kept..] {
                accept(&mut vm, block).unwrap();
            }
            assert_eq!(vm.state().root(), last);
        }
    }
    println!(
        "{} operations, {last_kept} cuts back to the last block, {next_kept} to the next",
        whole.operations()
    );
    assert!(last_kept > 100 && next_kept > 10, "{last_kept} {next_kept}");
}

#[test]
fn chain_goes_on_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.redb");
    let blocks = blocks();
    for block in &blocks {
        let mut vm = open_in(RedbStore::open(&path).unwrap(), &setup()).unwrap();
        assert_eq!(vm.last_accepted(), block.header().parent);
        accept(&mut vm, block).unwrap();
    }
    let vm = open_in(RedbStore::open(&path).unwrap(), &setup()).unwrap();
    let all: Vec<_> = vm.blocks_from(dfsn_types::BlockHeight::ZERO).unwrap().map(Result::unwrap).collect();
    assert_eq!(all, blocks);
}

#[test]
fn what_is_no_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let store = RedbStore::open(path("chain.redb")).unwrap();
    let refused = RedbStore::open(path("chain.redb")).unwrap_err();
    assert!(matches!(refused, RedbError::Locked { .. }), "{refused:?}");
    assert!(refused.to_string().contains("chain.redb is open in another process: stop"), "{refused}");
    drop(store);
    RedbStore::open(path("chain.redb")).unwrap();

    for (name, text) in [("short.txt", "abc".to_owned()), ("long.txt", "no database\n".repeat(10_000))] {
        fs::write(path(name), &text).unwrap();
        let refused = RedbStore::open(path(name)).unwrap_err();
        assert!(matches!(refused, RedbError::NotADatabase { .. }), "{refused:?}");
        assert!(refused.to_string().contains(name), "{refused}");
        assert_eq!(fs::read_to_string(path(name)).unwrap(), text, "it is left as it is");
    }

    let other = Database::create(path("other.redb")).unwrap();
    let transaction = other.begin_write().unwrap();
    transaction.open_table(TableDefinition::<u64, u64>::new("songs")).unwrap().insert(1, 2).unwrap();
    transaction.commit().unwrap();
    drop(other);
    let refused = RedbStore::open(path("other.redb")).unwrap_err();
    assert!(matches!(&refused, RedbError::Foreign { table, .. } if table == "songs"), "{refused:?}");

    // The number of the file's format is the first byte of each commit slot (redb's design document).
    let mut bytes = fs::read(path("chain.redb")).unwrap();
    for slot in [64, 192] {
        bytes[slot] = 1;
    }
    fs::write(path("old.redb"), bytes).unwrap();
    let refused = RedbStore::open(path("old.redb")).unwrap_err();
    assert!(refused.to_string().contains("old.redb"), "{refused}");

    let refused = RedbStore::open(path("no/such/folder.redb")).unwrap_err();
    assert!(
        matches!(refused, RedbError::Database { .. }) && refused.to_string().contains("folder.redb"),
        "{refused}"
    );
}

#[test]
fn a_start_that_was_cut_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.redb");
    fs::write(folder.path().join("chain.redb.new"), [0; 4_096]).unwrap();
    open_in(RedbStore::open(&path).unwrap(), &setup()).unwrap();
    assert!(!folder.path().join("chain.redb.new").exists());
}

/// A key of few letters, so that prefixes meet.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..3_u8, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_hold_the_same(
        batches in prop::collection::vec(prop::collection::btree_map(key(), prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 0..6), 1..8),
        reads in prop::collection::vec((key(), key()), 8),
    ) {
        let mut memory = MemoryStore::default();
        let mut file = RedbStore::open_backend("memory", Platter::default()).unwrap();
        for entries in batches {
            let mut batch = WriteBatch::default();
            for (key, value) in entries {
                match value {
                    Some(value) => batch.put(key, value),
                    None => batch.delete(key),
                }
            }
            memory.write(batch.clone()).unwrap();
            file.write(batch).unwrap();
        }
        for (prefix, start) in &reads {
            prop_assert_eq!(memory.get(prefix).unwrap(), file.get(prefix).unwrap());
            let entries = |store: &dyn KvStore| -> Vec<_> {
                store.iterate(prefix, start).unwrap().map(Result::unwrap).collect()
            };
            prop_assert_eq!(entries(&memory), entries(&file));
        }
    }
}
