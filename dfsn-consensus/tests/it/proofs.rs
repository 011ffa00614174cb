//! A client without a state follows the network by headers, and checks what a node answers.

use dfsn_types::{
    AccountKey, Address, Amount, BlockReceipts, Event, HeaderChain, HeaderChainError, JobId, JobStage,
    ProofError, Standing, TransactionId, TransactionKind, TransactionStatus,
};

use crate::network::setup::{pair, sealer, user_key};
use crate::network::{Behaviour, Network, Setup};

/// A network in which one request was settled, and a client that has followed it from the genesis.
fn followed() -> (Network, HeaderChain, JobId) {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    let mut headers = HeaderChain::at_genesis(network.state().chain, sealer().public_key());
    let job = network.request(0, 1);
    network.finish(&job, 100);
    for block in &network.blocks {
        headers.append(&block.signed_header()).expect("sealed blocks follow each other");
    }
    (network, headers, job)
}

#[test]
fn prf_04_a_client_without_a_state_sees_accounts_validators_and_jobs() {
    let (network, headers, job) = followed();
    let (state, height) = (network.state(), network.state().tip.height);
    let user = network.user(0);

    let answer = state.prove_account(&user);
    let (account, _) = headers.check_state(height, &user, &answer).expect("a true answer");
    let account = account.expect("the user has money");
    assert_eq!((account.balance, account.nonce.get()), (state.balance(&user), 2), "a request and a receipt");
    assert_eq!(account.key, Some(AccountKey::Ed25519(user_key(0).public_key())), "pinned");

    let stranger = Address::from_bytes([0x77; 20]);
    assert!(matches!(headers.check_state(height, &stranger, &state.prove_account(&stranger)), Ok((None, _))));

    let worker = network.address(0);
    let answer = state.prove_validator(&worker);
    let (validator, _) = headers.check_state(height, &worker, &answer).expect("a true answer");
    let validator = validator.expect("it is one");
    assert_eq!(validator.pairs.first().map(|standing| standing.pair), Some(pair()));
    assert!(validator.registration.is_some());

    let answer = state.prove_job(&job);
    let (record, _) = headers.check_state(height, &job, &answer).expect("a true answer");
    let record = record.expect("its record is still there");
    let (drawn_by, commitment) = record.result().expect("a result");
    assert!(matches!(record.stage, JobStage::Settled { .. }) && record.delivered);
    assert_eq!((*drawn_by, commitment.images.len()), (worker, 1));
    assert_eq!(record.requester, user);

    let no_job = JobId::from_bytes([0x55; 32]);
    assert!(matches!(headers.check_state(height, &no_job, &state.prove_job(&no_job)), Ok((None, _))));
    let (model, profile) = (pair().model, pair().profile);
    assert!(matches!(headers.check_state(height, &model, &state.prove_model(&model)), Ok((Some(_), _))));
    assert!(matches!(
        headers.check_state(height, &profile, &state.prove_profile(&profile)),
        Ok((Some(_), _))
    ));
}

#[test]
fn prf_04_a_node_that_lies_is_found_out() {
    let (network, headers, job) = followed();
    let (state, height) = (network.state(), network.state().tip.height);
    let user = network.user(0);
    let wrong_root = |refused: Result<(), HeaderChainError>| {
        assert!(matches!(refused, Err(HeaderChainError::Proof(ProofError::Entry(_)))), "{refused:?}");
    };

    // More money, none at all, another's account.
    let mut answer = state.prove_account(&user);
    if let Some(record) = &mut answer.record {
        record.balance = record.balance.checked_add(record.balance).expect("small");
    }
    wrong_root(headers.check_state(height, &user, &answer).map(|_| ()));
    answer.record = None;
    wrong_root(headers.check_state(height, &user, &answer).map(|_| ()));
    let other = state.prove_account(&network.user(1));
    wrong_root(headers.check_state(height, &user, &other).map(|_| ()));

    // A job that is paid and not settled, by another worker.
    let mut answer = state.prove_job(&job);
    if let Some(record) = &mut answer.record {
        record.stage = JobStage::Pending;
    }
    wrong_root(headers.check_state(height, &job, &answer).map(|_| ()));

    // What was true before is not true of a later header.
    let mut before = state.clone();
    before.queued_chunks += 1;
    let refused = headers.check_state(height, &user, &before.prove_account(&user)).map(|_| ());
    assert!(matches!(refused, Err(HeaderChainError::Proof(ProofError::StateRoot { .. }))), "{refused:?}");
}

#[test]
fn chk_01_the_sealers_checkpoint_makes_it_final() {
    let (network, mut headers, _) = followed();
    let vm = network.engine.vm();
    let (state, height, user) = (network.state(), network.state().tip.height, network.user(0));
    let answer = state.prove_account(&user);
    let standing = |headers: &HeaderChain| headers.check_state(height, &user, &answer).expect("true").1;
    assert_eq!(standing(&headers), Standing::Authored { builder: sealer().public_key() });
    let checkpoint = vm.checkpoint().expect("this node is the sealer");
    headers.finalise(&checkpoint).expect("the sealer signed it");
    assert_eq!(standing(&headers), Standing::Final);
}

#[test]
fn prf_05_receipts_are_found_in_their_block_and_nowhere_else() {
    let mut network = Network::new(&Setup::worker(Behaviour::HONEST, 3));
    network.sends_receipts = false;
    let mut headers = HeaderChain::at_genesis(network.state().chain, sealer().public_key());
    let kind = TransactionKind::Transfer { to: network.user(1), amount: Amount::DFSN };
    let id = network.send(&user_key(0), kind);
    network.tick();
    let transactions = network.receipts.values().cloned().collect();
    let accepted = BlockReceipts { transactions, events: network.events.clone() };
    headers.append(&network.blocks[0].signed_header()).expect("the first");
    let height = network.blocks[0].header().height;

    let answer = accepted.prove_receipt(&id);
    let (receipt, _) = headers.check_receipt(height, &id, &answer).expect("true");
    let (place, receipt) = receipt.expect("it is in the block");
    assert_eq!((place, &receipt.status), (0, &TransactionStatus::Succeeded));
    let other = TransactionId::from_bytes([3; 32]);
    let absent = accepted.prove_receipt(&other);
    assert!(matches!(headers.check_receipt(height, &other, &absent), Ok((None, _))));
    assert!(headers.check_receipt(height, &other, &answer).is_err(), "a receipt of another transaction");

    let root = network.blocks[0].header().receipts_root;
    let events: Vec<Option<Event>> =
        (0..9).map(|at| accepted.prove_event(at).verify(&root, at).expect("true").cloned()).collect();
    assert_eq!(events.iter().flatten().count(), accepted.events.len());
}
