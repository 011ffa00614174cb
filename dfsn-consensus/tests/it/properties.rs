//! What holds whatever happens. Every block that is sealed passes `network::books::check` (supply, index of windows, queues,
//! locks) and is executed a second time from its parent.

use dfsn_consensus::state::{Account, ChainState, Hold, Job, Validator};
use dfsn_consensus::vm::Vm;
use dfsn_types::codec;
use proptest::prelude::*;

use crate::actions::{Action, action, behaviours, perform};
use crate::disk::Disk;
use crate::network::{Behaviour, Network, Seat, Setup, open};

fn setup(behaviours: &[Behaviour]) -> Setup {
    let mut setup = Setup::of(behaviours.iter().map(|behaviour| Seat::new(*behaviour)).collect());
    // Short windows let more of a job's life happen in one run.
    setup.params.windows.open_ms = dfsn_types::DurationMs::new(60_000);
    setup.params.windows.deadline_ms = dfsn_types::DurationMs::new(60_000);
    setup.params.windows.juror_ms = dfsn_types::DurationMs::new(60_000);
    setup.params.chain.window_blocks_min = 2;
    setup
}

fn run(behaviours: &[Behaviour], actions: &[Action]) -> Network {
    let mut network = Network::new(&setup(behaviours));
    network.sends_receipts = false;
    for action in actions {
        perform(&mut network, action);
    }
    network
}

/// Decodes a record and encodes it again.
type Again = fn(&[u8]) -> Option<Vec<u8>>;

fn again<T: borsh::BorshDeserialize + borsh::BorshSerialize>(bytes: &[u8]) -> Option<Vec<u8>> {
    codec::decode::<T>(bytes, 1 << 20).ok().map(|record| codec::encode(&record))
}

fn records(state: &ChainState) -> Vec<(Vec<u8>, Again)> {
    let mut records: Vec<(Vec<u8>, Again)> = Vec::new();
    records.extend(state.accounts.values().map(|record| (codec::encode(record), again::<Account> as Again)));
    records
        .extend(state.validators.values().map(|record| (codec::encode(record), again::<Validator> as Again)));
    records.extend(state.jobs.values().map(|record| (codec::encode(record), again::<Job> as Again)));
    records.extend(state.holds.values().map(|record| (codec::encode(record), again::<Hold> as Again)));
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mon_01_supply_windows_queues_and_locks_hold_after_every_block(
        behaviours in behaviours(),
        actions in prop::collection::vec(action(), 1..120),
    ) {
        run(&behaviours, &actions);
    }

    #[test]
    fn two_runs_give_the_same_bytes(
        behaviours in behaviours(),
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let (first, second) = (run(&behaviours, &actions), run(&behaviours, &actions));
        prop_assert_eq!(first.state().root(), second.state().root());
        prop_assert_eq!(codec::encode(&first.blocks), codec::encode(&second.blocks));
    }

    #[test]
    fn what_one_instance_builds_another_accepts(
        behaviours in behaviours(),
        actions in prop::collection::vec(action(), 1..60),
    ) {
        let network = run(&behaviours, &actions);
        let mut other = open(&Disk::default(), &setup(&behaviours)).unwrap();
        for block in &network.blocks {
            let parsed = other.parse(&codec::encode(block)).unwrap();
            other.verify(parsed, network.now).unwrap();
            other.accept(&block.hash()).unwrap();
        }
        prop_assert_eq!(other.state(), network.state());
    }

    #[test]
    fn sto_01_state_is_read_back_as_it_was(
        behaviours in behaviours(),
        actions in prop::collection::vec(action(), 1..80),
    ) {
        let network = run(&behaviours, &actions);
        let again = open(&network.disk, &setup(&behaviours)).unwrap();
        prop_assert_eq!(again.state(), network.state());
        prop_assert_eq!(again.state().root(), network.state().root());
    }

    #[test]
    fn sto_04_records_have_one_form(
        behaviours in behaviours(),
        actions in prop::collection::vec(action(), 20..80),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8u8), 64),
    ) {
        let state = run(&behaviours, &actions).state().clone();
        let records: Vec<(Vec<u8>, Again)> = records(&state);
        for (bytes, again) in &records {
            prop_assert_eq!(again(bytes), Some(bytes.clone()));
            prop_assert_eq!(again(&bytes[1..]), None, "cut short");
        }
        for (record, at, bit) in flips {
            let (bytes, again) = &records[record.index(records.len())];
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= 1 << bit;
            // Another record, or none; never the same one from other bytes.
            if let Some(read) = again(&changed) {
                prop_assert_eq!(read, changed);
            }
        }
    }

    #[test]
    fn flipped_bit_is_refused_or_names_another_block(
        behaviours in behaviours(),
        actions in prop::collection::vec(action(), 1..40),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 32),
    ) {
        let network = run(&behaviours, &actions);
        let Some(block) = network.blocks.last() else { return Ok(()) };
        let bytes = codec::encode(block);
        for (at, bit) in flips {
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= 1 << bit;
            if let Ok(other) = network.engine.vm().parse(&changed) {
                prop_assert_ne!(other.hash(), block.hash());
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_block_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let network = Network::new(&setup(&[Behaviour::HONEST; 5]));
        prop_assert!(network.engine.vm().parse(&bytes).is_err());
    }
}
