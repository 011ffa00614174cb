//! A chain in a store: what is written, what is read back, and what is refused.

use std::collections::BTreeMap;

use dfsn_consensus::store::{OpenError, ReadError, STORE_FORMAT};
use dfsn_consensus::vm::{Vm, VmError};
use dfsn_types::{Block, BlockHash, BlockHeight, Nonce, codec};

use crate::disk::{Cut, Disk};
use crate::network::forge::transfer;
use crate::network::setup::user_key;
use crate::network::{Behaviour, Network, Setup, Working, open};

/// Tables of chapter 12 of docs/spec.
const META: u8 = 0;
const BLOCKS: u8 = 1;
const RECEIPTS: u8 = 2;
const HEIGHTS: u8 = 3;
const SCALARS: u8 = 16;
const ACCOUNTS: u8 = 17;
const QUEUES: u8 = 26;

fn setup() -> Setup {
    Setup::worker(Behaviour::HONEST, 3)
}

/// A network whose worker cheats.
fn cheated() -> Setup {
    Setup::worker(Behaviour::working(Working::WrongStep(3)), 3)
}

/// It, after pictures were asked for, drawn, audited, and refunded.
fn busy() -> Network {
    let mut network = Network::new(&cheated());
    for seed in 0..3 {
        network.request(0, seed);
    }
    network.ticks(40);
    network
}

/// Blocks of a whole job.
fn blocks() -> Vec<Block> {
    let mut network = Network::new(&setup());
    let job = network.request(0, 1);
    network.finish(&job, 60);
    network.blocks
}

fn accept(vm: &mut impl Vm<Error = VmError>, block: &Block) -> Result<(), VmError> {
    vm.verify(block.clone(), block.header().timestamp)?;
    vm.accept(&block.hash()).map(|_| ())
}

#[test]
fn sto_01_one_batch_a_block_holds_what_changed_and_nothing_else() {
    let mut network = Network::new(&setup());
    let job = network.request(0, 1);
    for seed in 2..20 {
        network.request(1, seed);
    }
    let mut most = 0;
    for _ in 0..40 {
        let before: BTreeMap<_, _> = network.disk.entries().into_iter().collect();
        let height = network.state().tip.height;
        network.tick();
        if network.state().tip.height == height {
            continue;
        }
        let after: BTreeMap<_, _> = network.disk.entries().into_iter().collect();
        let batch = network.disk.last_batch();
        let mut expected = before.clone();
        for (key, value) in &batch.puts {
            let old = expected.insert(key.clone(), value.clone());
            assert_ne!(old.as_ref(), Some(value), "an entry that did not change: {key:?}");
        }
        for key in &batch.deletes {
            assert!(expected.remove(key).is_some(), "an entry that was not there: {key:?}");
        }
        assert_eq!(expected, after, "nothing is written outside the batch");
        let count = |table| batch.puts.iter().filter(|(key, _)| key[0] == table).count();
        assert_eq!([BLOCKS, RECEIPTS, HEIGHTS, META, SCALARS].map(count), [1; 5]);
        most = most.max(batch.puts.iter().filter(|(key, _)| key[0] == QUEUES).count());
    }
    assert!(network.job_is_over(&job));
    assert!(most > 10, "requests came in one block");
    let queue = network.disk.entries().iter().filter(|(key, _)| key[0] == QUEUES).count();
    assert_eq!(queue, network.state().queues.values().map(dfsn_types::MerkleSet::len).sum::<usize>());
}

#[test]
fn sto_01_chain_goes_on_from_its_store() {
    let blocks = blocks();
    let disk = Disk::default();
    for block in &blocks {
        // Every block by another process.
        let mut vm = open(&disk, &setup()).unwrap();
        assert_eq!(vm.last_accepted(), block.header().parent);
        accept(&mut vm, block).unwrap();
        assert_eq!(vm.state().root(), block.header().state_root);
    }
    assert!(blocks.len() > 10);
}

#[test]
fn sto_01_power_may_go_at_every_write() {
    let blocks = blocks();
    let last = blocks.last().unwrap().header().state_root;
    for n in 0..=blocks.len() {
        for cut in [Cut::Before, Cut::After] {
            let disk = Disk::default();
            if n == 0 {
                disk.cut_next(cut);
                assert!(
                    matches!(open(&disk, &setup()), Err(OpenError::Write(_))),
                    "the genesis is not written"
                );
            }
            let mut vm = open(&disk, &setup()).unwrap();
            for (number, block) in (1..).zip(&blocks) {
                if n != number {
                    accept(&mut vm, block).unwrap();
                    continue;
                }
                let before = vm.state().clone();
                disk.cut_next(cut);
                assert!(matches!(accept(&mut vm, block), Err(VmError::Store(_))));
                assert_eq!(*vm.state(), before);
                vm = open(&disk, &setup()).unwrap();
                if cut == Cut::Before {
                    assert_eq!(*vm.state(), before);
                    accept(&mut vm, block).unwrap();
                }
                assert_eq!(vm.last_accepted(), block.hash());
            }
            assert_eq!(vm.state().root(), last, "write {n} was cut");
        }
    }
}

#[test]
fn a_write_that_failed_can_be_tried_again() {
    let mut network = Network::new(&setup());
    network.send(&user_key(0), transfer());
    network.disk.cut_next(Cut::Before);
    assert!(matches!(network.seal(1_000), Err(VmError::Store(_))));
    assert_eq!(*network.state(), setup().state());
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.blocks[0].body().transactions.len(), 1);
}

#[test]
fn sto_02_other_formats_and_other_stores_are_refused() {
    let disk = busy().disk;
    for (format, expected) in [(0, "has no migration"), (STORE_FORMAT + 1, "install the release")] {
        let disk = disk.copy();
        disk.put(&[META, 0], &codec::encode(&format));
        let refused = open(&disk, &cheated()).unwrap_err();
        let message = refused.to_string();
        let names = message.starts_with("STO-02: ")
            && message.contains(&format!("format {format}"))
            && message.contains(&STORE_FORMAT.to_string());
        assert!(names && message.contains(expected), "{message}");
    }
    let disk = Disk::default();
    disk.put(b"somebody", b"else");
    assert!(matches!(open(&disk, &setup()), Err(OpenError::Foreign)));
    assert_eq!(disk.entries().len(), 1, "and nothing is written to it");
}

#[test]
fn sto_03_store_of_another_network_is_refused() {
    let disk = busy().disk;
    let mut other = cheated();
    other.chain_id += 1;
    let refused = open(&disk, &other).unwrap_err();
    let (found, expected) = (cheated().state().chain.genesis, other.state().chain.genesis);
    assert!(refused.to_string().contains(&found.to_string()), "{refused}");
    assert!(refused.to_string().contains(&expected.to_string()), "{refused}");
    assert!(matches!(refused, OpenError::Genesis { .. }));
}

#[test]
fn sto_04_and_05_no_entry_of_the_state_may_be_changed_missing_or_new() {
    let network = busy();
    assert_eq!(open(&network.disk, &cheated()).unwrap().state(), network.state());
    let entries = network.disk.entries();
    let tip = network.state().tip.hash;
    let of_the_past = |key: &[u8]| match key[0] {
        BLOCKS => key[1..] != *tip.as_bytes(),
        RECEIPTS | HEIGHTS => true,
        _ => false,
    };
    let (mut corrupt, mut roots) = (0, 0);
    for (key, value) in entries.iter().filter(|(key, _)| !of_the_past(key)) {
        let mut broken = vec![network.disk.copy(), network.disk.copy(), network.disk.copy()];
        broken[0].delete(key);
        broken[1].put(key, &[value, &[0][..]].concat());
        broken[2].put(&[&key[..], &[0][..]].concat(), value);
        if !value.is_empty() {
            let mut flipped = value.clone();
            flipped[value.len() / 2] ^= 1;
            broken.push(network.disk.copy());
            broken[3].put(key, &flipped);
        }
        for (how, disk) in broken.iter().enumerate() {
            match open(disk, &cheated()) {
                Err(OpenError::Read(ReadError::Corrupt { .. })) => corrupt += 1,
                Err(OpenError::Root { .. }) => roots += 1,
                // What lies beside the entries of a chain is not its business.
                Ok(_) if how == 2 && [META, BLOCKS, SCALARS].contains(&key[0]) => {}
                Err(
                    OpenError::Genesis { .. } | OpenError::NewerFormat { .. } | OpenError::OlderFormat { .. },
                )
                | Err(OpenError::Foreign)
                    if key[0] == META => {}
                other => panic!("{how} of {key:?}: {:?}", other.map(|vm| vm.state().tip)),
            }
        }
    }
    assert!(corrupt > 50 && roots > 20, "{corrupt} {roots}");
}

#[test]
fn sto_04_broken_entry_is_named() {
    let disk = busy().disk;
    let (key, _) = disk.entries().into_iter().find(|(key, _)| key[0] == ACCOUNTS).unwrap();
    disk.put(&key, &[1, 2, 3]);
    let refused = open(&disk, &cheated()).unwrap_err().to_string();
    let hex: String = key[1..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(
        refused.starts_with("STO-04") && refused.contains("Accounts") && refused.contains(&hex),
        "{refused}"
    );
}

#[test]
fn sto_05_half_a_batch_is_never_taken_for_a_state() {
    let mut network = Network::new(&setup());
    network.request(0, 1);
    network.ticks(6);
    let before = network.disk.copy();
    let height = network.state().tip.height;
    network.tick();
    assert_ne!(network.state().tip.height, height);
    let batch = network.disk.last_batch();
    // A store that is not atomic, against its contract.
    for kept in 1..batch.puts.len() {
        let disk = before.copy();
        batch.puts[..kept].iter().for_each(|(key, value)| disk.put(key, value));
        match open(&disk, &setup()) {
            Ok(vm) => assert_eq!(vm.state().tip.height, height, "its first entries are the block's own"),
            Err(OpenError::Root { .. } | OpenError::Read(ReadError::Corrupt { .. })) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn accepted_blocks_are_found_again() {
    let network = busy();
    let vm = network.engine.vm();
    let tip = network.state().tip;
    for block in &network.blocks {
        assert_eq!(vm.accepted_block(&block.hash()).unwrap().as_ref(), Some(block));
        assert_eq!(vm.block_at(block.header().height).unwrap().as_ref(), Some(block));
        assert_eq!(vm.receipts(&block.hash()).unwrap().unwrap().root(), block.header().receipts_root);
    }
    let unknown = BlockHash::from_bytes([1; 32]);
    assert_eq!(vm.accepted_block(&unknown).unwrap(), None);
    assert_eq!(vm.receipts(&unknown).unwrap(), None);
    assert_eq!(vm.block_at(BlockHeight::ZERO).unwrap(), None, "the genesis is no block");
    assert_eq!(vm.block_at(tip.height.next()).unwrap(), None);
    let some: Vec<Block> = vm.blocks_from(BlockHeight::new(5)).unwrap().take(3).map(Result::unwrap).collect();
    assert_eq!(some, network.blocks[4..7]);
    assert_eq!(vm.blocks_from(tip.height.next()).unwrap().count(), 0);
}

#[test]
fn sto_04_block_that_is_broken_or_another_is_no_block() {
    let network = busy();
    let [first, second] = [0, 1].map(|at| network.blocks[at].clone());
    let key = |table: u8, block: &Block| [&[table][..], block.hash().as_bytes()].concat();
    network.disk.put(&key(BLOCKS, &first), &codec::encode(&second));
    network.disk.put(&key(BLOCKS, &second), &[1, 2, 3]);
    network.disk.put(&key(RECEIPTS, &second), &[1, 2, 3]);
    let vm = network.engine.vm();
    for block in [&first, &second] {
        assert!(matches!(vm.accepted_block(&block.hash()), Err(VmError::Read(ReadError::Corrupt { .. }))));
    }
    assert!(matches!(vm.receipts(&second.hash()), Err(VmError::Read(ReadError::Corrupt { .. }))));
    let mut all = vm.blocks_from(BlockHeight::new(1)).unwrap();
    assert!(all.next().unwrap().is_err() && all.next().unwrap().is_err() && all.next().unwrap().is_ok());
}

#[test]
fn sto_06_nothing_is_written_onto_another_block_than_it_follows() {
    // A write arrived and nobody was told: what is built instead must not be mixed with it.
    let mut network = busy();
    network.disk.cut_next(Cut::After);
    network.send(&user_key(1), transfer());
    assert!(matches!(network.seal(1_000), Err(VmError::Store(_))));
    let (before, entries) = (network.state().clone(), network.disk.entries());
    network.send(&user_key(2), transfer());
    let refused = network.seal(1_000).unwrap_err();
    assert!(
        matches!(refused, VmError::StoreMoved { expected, .. } if expected == before.tip.hash),
        "{refused}"
    );
    assert_eq!((network.state(), network.disk.entries()), (&before, entries));
    let mut vm = open(&network.disk, &cheated()).unwrap();
    assert_eq!(vm.state().tip.height, before.tip.height.next());
    let chain = vm.state().chain;
    let third = crate::network::transaction(&chain, Nonce::ZERO, transfer()).sign(&chain, &user_key(2));
    vm.submit_transaction(third).unwrap();
    let next = vm.build(network.now).unwrap().unwrap();
    vm.accept(&next.hash()).unwrap();
    assert_eq!(open(&network.disk, &cheated()).unwrap().state(), vm.state());
}
