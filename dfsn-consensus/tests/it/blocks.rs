//! Blocks that break a rule, and what a chain does with the others.

use dfsn_consensus::transition::state_transition;
use dfsn_consensus::vm::{Vm, VmError};
use dfsn_consensus::{BlockRuleError, DutyError, IncludeError, Rule};
use dfsn_types::{
    Amount, BeaconProof, Block, BlockHash, BlockHeight, DutyKind, Gas, Header, ReceiptsRoot, SecretKey,
    StateRoot, Timestamp, VrfSecretKey, codec,
};

use crate::network::forge::{block, signed, transfer};
use crate::network::node::Keys;
use crate::network::setup::{START, sealer, user_key};
use crate::network::{Behaviour, Network, Setup};

fn network() -> Network {
    Network::new(&Setup::worker(Behaviour::HONEST, 3))
}

/// The rule that a block breaks whose header was changed.
fn broken(edit: impl FnOnce(&mut Header)) -> BlockRuleError {
    let network = network();
    let transfer = signed(network.state(), &user_key(0), transfer(), |_| {}).signed().clone();
    let block = block(network.state(), Vec::new(), vec![transfer], edit);
    state_transition(network.state(), &block).unwrap_err()
}

#[test]
fn blk_01_header_and_body_belong_together() {
    let other = dfsn_types::BodyRoot::from_bytes([1; 32]);
    assert!(matches!(broken(|header| header.duties_root = other), BlockRuleError::Form(_)));
    assert!(matches!(broken(|header| header.transactions_root = other), BlockRuleError::Form(_)));
    let error = broken(|header| header.builder = SecretKey::from_seed(&[1; 32]).public_key());
    assert!(matches!(error, BlockRuleError::Form(_)), "signed by another key than it names: {error}");
    assert_eq!(error.rule().as_str(), "BLK-01");
}

#[test]
fn blk_02_parent_and_height() {
    let foreign = BlockHash::from_bytes([1; 32]);
    assert!(
        matches!(broken(|header| header.parent = foreign), BlockRuleError::Parent { actual, .. } if actual == foreign)
    );
    for height in [0, 2, u64::MAX] {
        let error = broken(|header| header.height = BlockHeight::new(height));
        let (actual, expected) = (BlockHeight::new(height), BlockHeight::new(1));
        assert_eq!(error, BlockRuleError::Height { actual, expected });
    }
}

#[test]
fn blk_03_base_fee_is_the_parents_to_determine() {
    for fee in [0, 24_999_999_999, 25_000_000_001] {
        let error = broken(|header| header.base_fee_per_gas = Amount::from_base_units(fee));
        assert!(
            matches!(error, BlockRuleError::BaseFee { actual, .. } if actual.base_units() == fee),
            "{error}"
        );
    }
}

#[test]
fn tim_01_time_does_not_run_backwards() {
    let error = broken(|header| header.timestamp = Timestamp::new(START.get() - 1));
    assert!(matches!(error, BlockRuleError::Timestamp { parent, .. } if parent == START), "{error}");
}

#[test]
fn blk_07_outcome_is_what_execution_gives() {
    let error = broken(|header| header.gas_used = Gas::new(20_999));
    assert!(matches!(error, BlockRuleError::GasUsed { actual, .. } if actual.get() == 21_000), "{error}");
    let error = broken(|header| header.receipts_root = ReceiptsRoot::from_bytes([1; 32]));
    assert!(matches!(error, BlockRuleError::ReceiptsRoot { .. }), "{error}");
    let error = broken(|header| header.state_root = StateRoot::from_bytes([1; 32]));
    assert!(matches!(error, BlockRuleError::StateRoot { .. }), "{error}");
}

#[test]
fn blk_05_block_with_a_duty_that_is_not_valid() {
    let mut network = network();
    let job = network.request(0, 1);
    network.seal(1_000).unwrap();
    let early = network.signed_duty(0, &job, DutyKind::AcceptJob { draw: 1 });
    let block = block(network.state(), vec![early], Vec::new(), |_| {});
    let error = state_transition(network.state(), &block).unwrap_err();
    assert!(matches!(error, BlockRuleError::Duty { error: DutyError::NotAwaited { .. }, .. }), "{error}");
}

#[test]
fn blk_06_block_with_a_transaction_that_is_not_includable() {
    let network = network();
    let twice = signed(network.state(), &user_key(0), transfer(), |_| {}).signed().clone();
    let block = block(network.state(), Vec::new(), vec![twice.clone(), twice], |_| {});
    let error = state_transition(network.state(), &block).unwrap_err();
    assert!(matches!(error, BlockRuleError::Include { error: IncludeError::Nonce { .. }, .. }), "{error}");
}

#[test]
fn tx_01_block_with_a_transaction_of_another_network() {
    let network = network();
    let mut foreign = network.state().chain;
    foreign.chain_id = dfsn_types::ChainId::new(1).unwrap();
    let inner = crate::network::transaction(&foreign, dfsn_types::Nonce::ZERO, transfer());
    let block = block(network.state(), Vec::new(), vec![inner.sign(&foreign, &user_key(0))], |_| {});
    let error = state_transition(network.state(), &block).unwrap_err();
    assert!(matches!(error, BlockRuleError::Transaction { .. }), "{error}");
}

#[test]
fn bea_01_and_02_beacon_proof_by_a_registered_key_over_the_parents_beacon() {
    let network = network();
    let proof = |key: &VrfSecretKey, alpha: &[u8]| key.prove(alpha).unwrap();
    let (address, key) = (network.address(0), Keys::of(0).vrf());
    let stranger = BeaconProof { validator: network.user(0), proof: proof(&key, b"x") };
    assert_eq!(
        broken(|header| header.beacon_proof = Some(stranger)),
        BlockRuleError::BeaconKey(network.user(0))
    );
    let wrong = BeaconProof { validator: address, proof: proof(&key, b"another beacon") };
    assert!(matches!(broken(|header| header.beacon_proof = Some(wrong)), BlockRuleError::BeaconProof(_)));
}

#[test]
fn non_canonical_bytes() {
    let network = network();
    let transfer = signed(network.state(), &user_key(0), transfer(), |_| {}).signed().clone();
    let block = block(network.state(), Vec::new(), vec![transfer], |_| {});
    let bytes = codec::encode(&block);
    let vm = network.engine.vm();
    assert_eq!(vm.parse(&bytes).unwrap(), block);
    let longer = [bytes.as_slice(), &[0]].concat();
    for wrong in [&longer[..], &bytes[..bytes.len() - 1], &[]] {
        assert!(matches!(vm.parse(wrong), Err(VmError::Form(_))));
    }
    // Any changed byte is refused, or it is another block.
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(vm.parse(&changed).is_err(), "byte {at} is covered by the builder's signature");
    }
}

#[test]
fn two_siblings_by_one_key_are_harmless() {
    let mut network = network();
    let parent = network.state().clone();
    let first = block(&parent, Vec::new(), Vec::new(), |_| {});
    let transfer = signed(&parent, &user_key(0), transfer(), |_| {}).signed().clone();
    let second = block(&parent, Vec::new(), vec![transfer], |_| {});
    assert_ne!(first.hash(), second.hash());
    let now = first.header().timestamp;
    let vm = network.engine.vm_mut();
    vm.verify(first.clone(), now).unwrap();
    vm.verify(second.clone(), now).unwrap();
    vm.accept(&second.hash()).unwrap();
    assert!(matches!(vm.accept(&first.hash()), Err(VmError::Unknown(_))), "its sibling was accepted");
    vm.reject(&first.hash());
    assert_eq!(vm.last_accepted(), second.hash());
    assert_eq!(vm.state().validators, parent.validators, "nobody is at fault");
}

#[test]
fn tim_02_block_from_the_future_is_not_yet_valid() {
    let mut network = network();
    let ahead = block(network.state(), Vec::new(), Vec::new(), |_| {});
    let vm = network.engine.vm_mut();
    let timestamp = ahead.header().timestamp;
    // The block is 10 s after genesis: too early for a clock that stands just before genesis, valid a moment later.
    let early = Timestamp::new(START.get() - 1);
    let error = vm.verify(ahead.clone(), early).unwrap_err();
    assert!(
        matches!(error, VmError::NotYet { timestamp: block, now } if (block, now) == (timestamp, early)),
        "{error}"
    );
    vm.verify(ahead, START).unwrap();
}

#[test]
fn blk_10_only_the_sealer_builds_where_one_seals() {
    let mut network = network();
    let stranger = SecretKey::from_seed(&[66; 32]);
    let honest =
        block(network.state(), Vec::new(), Vec::new(), |header| header.builder = stranger.public_key());
    let forged =
        Block::seal(honest.header().clone(), honest.body().clone(), &network.state().chain, &stranger);
    let error = network.engine.vm_mut().verify(forged, START).unwrap_err();
    let (actual, expected) = (stranger.public_key(), sealer().public_key());
    assert!(
        matches!(error, VmError::Builder { actual: a, expected: e } if (a, e) == (actual, expected)),
        "{error}"
    );
}

#[test]
fn engine_may_only_name_blocks_that_it_knows() {
    let mut network = network();
    let unknown = BlockHash::from_bytes([1; 32]);
    let orphan = block(network.state(), Vec::new(), Vec::new(), |header| header.parent = unknown);
    let vm = network.engine.vm_mut();
    assert!(matches!(vm.verify(orphan, START), Err(VmError::Unknown(hash)) if hash == unknown));
    assert!(matches!(vm.accept(&unknown), Err(VmError::Unknown(_))));
    assert!(matches!(vm.set_preference(&unknown), Err(VmError::Unknown(_))));
    let wrong = block(vm.state(), Vec::new(), Vec::new(), |header| header.gas_used = Gas::new(1));
    assert!(matches!(vm.verify(wrong, START), Err(VmError::Invalid(BlockRuleError::GasUsed { .. }))));
}

#[test]
fn undecided_blocks_are_bounded() {
    let mut network = network();
    let parent = network.state().clone();
    let sibling = |offset: u64| {
        block(&parent, Vec::new(), Vec::new(), |header| header.fee_recipient = address_of(offset))
    };
    let vm = network.engine.vm_mut();
    let mut refused = None;
    for offset in 0..100 {
        if let Err(error) = vm.verify(sibling(offset), START) {
            refused = Some((offset, error));
            break;
        }
    }
    assert!(matches!(refused, Some((64, VmError::TooManyProcessing))), "{refused:?}");
}

fn address_of(number: u64) -> dfsn_types::Address {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    dfsn_types::Address::from_bytes(bytes)
}
