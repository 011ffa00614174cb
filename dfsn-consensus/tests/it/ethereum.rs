//! Transactions of Ethereum wallets: the same rules, and one more about what they show their user.

use dfsn_consensus::state::{Outcome, Phase};
use dfsn_consensus::transition::{preview, state_transition};
use dfsn_consensus::{BlockRuleError, IncludeError, Rule, TransactionFailure, gas};
use dfsn_types::{
    AccountKey, Address, Amount, ComputeUpdate, DurationMs, EthereumCall, EthereumTransaction, Nonce,
    PairOffer, SYSTEM_ADDRESS, Secp256k1SecretKey, SignedTransaction, TransactionId, TransactionKind,
};
use proptest::prelude::*;

use crate::network::forge::{self, TRANSFER_GAS};
use crate::network::node::Keys;
use crate::network::setup::{model, pair, registration, user_key};
use crate::network::{Behaviour, Network, Setup, transaction, usual_request};

fn wallet() -> Secp256k1SecretKey {
    Secp256k1SecretKey::from_bytes(&[0x77; 32]).unwrap()
}

/// A network on which the wallet has 500 DFSN.
fn network() -> Network {
    funded(&Setup::worker(Behaviour::HONEST, 3))
}

fn funded(setup: &Setup) -> Network {
    let mut network = Network::new(setup);
    let to = wallet().address();
    network.send(&user_key(0), TransactionKind::Transfer { to, amount: Amount::from_dfsn(500) });
    assert!(network.seal(1_000).unwrap());
    network
}

fn sign(network: &Network, kind: TransactionKind, value: Amount) -> EthereumTransaction {
    let state = network.state();
    let nonce = state.accounts.get(&wallet().address()).unwrap().nonce;
    transaction(&state.chain, nonce, kind).sign_ethereum(value, &wallet()).unwrap()
}

/// Sends what the wallet signs, in a block of its own.
fn send(network: &mut Network, kind: TransactionKind, value: Amount) -> TransactionId {
    let signed = sign(network, kind, value);
    let id = network.engine.vm_mut().submit_transaction(signed.into()).unwrap();
    assert!(network.seal(1_000).unwrap());
    id
}

fn request(seed: u32) -> (TransactionKind, Amount) {
    let request = usual_request(seed);
    let units = model(1).work_units(&request.params).get();
    let price = request.price_per_unit.checked_mul(units).unwrap();
    (TransactionKind::GenerationRequest(Box::new(request)), price)
}

/// What a transaction took from the wallet beside its fee.
fn moved(network: &mut Network, kind: TransactionKind, value: Amount) -> (Amount, Option<String>) {
    let before = network.state().balance(&wallet().address());
    let id = send(network, kind, value);
    let left = before.checked_sub(network.state().balance(&wallet().address())).unwrap();
    (left.checked_sub(network.receipts[&id].fee).unwrap(), network.failed_rule(&id))
}

#[test]
fn wallet_asks_for_a_picture_and_gets_it() {
    let mut network = network();
    let (kind, price) = request(1);
    let (id, before) = (send(&mut network, kind, price), network.state().balance(&wallet().address()));
    assert_eq!(network.failed_rule(&id), None);
    let job = id.job_id();
    network.until(|network| network.phase(&job).is_some());
    let receipt = send(&mut network, TransactionKind::Receipt { job }, Amount::ZERO);
    assert_eq!(network.failed_rule(&receipt), None);
    let outcome = network.finish(&job, 60);
    assert!(matches!(outcome, Outcome::Settled { .. }), "{outcome:?}");
    let after = network.state().balance(&wallet().address());
    assert_eq!(before.checked_sub(after), Some(network.receipts[&receipt].fee));
}

#[test]
fn value_equals_money_moved() {
    let mut network = network();
    let (kind, price) = request(1);
    let (amount, to) = (Amount::from_dfsn(100), Address::from_bytes([5; 20]));
    assert_eq!(moved(&mut network, kind, price), (price, None));
    assert_eq!(moved(&mut network, TransactionKind::Transfer { to, amount }, amount), (amount, None));
    assert_eq!(network.state().balance(&to), amount);
}

/// Every kind that makes a validator, signed by a wallet.
#[test]
fn value_equals_money_moved_from_stake_to_test() {
    let mut network = Network::new(&crate::hardware::setup(Behaviour::HONEST));
    let (address, stake) = (wallet().address(), Amount::from_dfsn(1_100));
    for user in 0..2 {
        let amount = Amount::from_dfsn(900);
        network.send(&user_key(user), TransactionKind::Transfer { to: address, amount });
    }
    assert!(network.seal(1_000).unwrap());
    assert_eq!(moved(&mut network, TransactionKind::Stake { amount: stake }, stake), (stake, None));
    assert_eq!(network.state().validators.get(&address).map(|validator| validator.stake()), Some(stake));

    let keys = Keys::of(70);
    let offers = vec![PairOffer { pair: pair(), capacity: 1, min_price: Amount::ZERO }];
    let registration = registration(&keys, offers);
    let possession = registration
        .prove_possession(&network.state().chain, &address, &keys.duty, &keys.compute, &keys.vrf())
        .unwrap();
    let update = TransactionKind::RegisterCompute(Box::new(ComputeUpdate { registration, possession }));
    assert_eq!(moved(&mut network, update, Amount::ZERO), (Amount::ZERO, None));

    let test = TransactionKind::TestHardware { pair: pair() };
    let deposit = preview(network.state(), address, &test).unwrap();
    let more = deposit.checked_add(Amount::from_base_units(1)).unwrap();
    assert_eq!(moved(&mut network, test.clone(), more).1.as_deref(), Some("ETH-08"));
    assert_eq!(moved(&mut network, test, deposit), (deposit, None));
    let escrow = network.state().jobs.values().map(|job| job.escrow.amount()).next();
    assert_eq!(escrow, Some(deposit));

    let unstake = TransactionKind::Unstake { amount: Amount::from_dfsn(50) };
    assert_eq!(moved(&mut network, unstake, Amount::ZERO), (Amount::ZERO, None));
}

#[test]
fn value_equals_money_moved_for_another_audit() {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.params.windows.challenge_ms = DurationMs::new(600_000);
    let mut network = funded(&setup);
    let (kind, price) = request(1);
    let job = send(&mut network, kind, price).job_id();
    network.until(|network| matches!(network.phase(&job), Some(Phase::Delivering)));
    let audit = TransactionKind::RequestAudit { job };
    let deposit = preview(network.state(), wallet().address(), &audit).unwrap();
    let failed = moved(&mut network, audit.clone(), Amount::ZERO);
    assert_eq!(failed, (Amount::ZERO, Some("ETH-08".to_owned())));
    assert_eq!(moved(&mut network, audit, deposit), (deposit, None));
    assert_ne!(deposit, Amount::ZERO);
}

#[test]
fn preview_tells_what_is_moved_or_what_fails() {
    let (network, somebody) = (network(), Address::from_bytes([5; 20]));
    let before = network.state().root();
    let (kind, price) = request(1);
    assert_eq!(preview(network.state(), wallet().address(), &kind), Ok(price));
    let unpayable = preview(network.state(), somebody, &kind).unwrap_err();
    assert_eq!(unpayable.rule().as_str(), "MON-02");
    let job = TransactionId::from_bytes([1; 32]).job_id();
    let unknown = preview(network.state(), somebody, &TransactionKind::Receipt { job }).unwrap_err();
    assert_eq!(unknown, TransactionFailure::UnknownJob(job));
    assert_eq!(network.state().root(), before);
}

/// What a wallet may try, with the value that the rules ask for or another one.
fn attempts() -> impl Strategy<Value = (usize, u8, u64)> {
    (0..6usize, prop_oneof![3 => Just(0u8), 1 => 1..4u8], 0..1_000u64)
}

fn attempt(network: &Network, kind: usize, number: u64) -> TransactionKind {
    // Nothing, or an odd number: the wallet's 500 less the fee are never moved as a whole, which a preview would allow.
    let amount = Amount::from_dfsn(if number == 0 { 0 } else { 2 * number + 1 });
    match kind {
        0 => TransactionKind::Transfer { to: network.user(number as usize % 3), amount },
        1 => TransactionKind::Stake { amount },
        2 => TransactionKind::Unstake { amount },
        3 => TransactionKind::TestHardware { pair: pair() },
        4 => request(number as u32).0,
        _ => TransactionKind::Receipt { job: TransactionId::from_bytes([number as u8; 32]).job_id() },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn eth_08_wallet_never_loses_more_than_it_saw(attempts in prop::collection::vec(attempts(), 1..24)) {
        let mut network = network();
        for (kind, wrong, number) in attempts {
            let kind = attempt(&network, kind, number);
            let right = preview(network.state(), wallet().address(), &kind);
            let value = match (&kind, wrong) {
                // Their amount is their value.
                (TransactionKind::Transfer { amount, .. } | TransactionKind::Stake { amount }, _) => *amount,
                (_, 0) => right.clone().unwrap_or_default(),
                (_, wrong) => Amount::from_base_units(u128::from(wrong)),
            };
            let (lost, failed) = moved(&mut network, kind, value);
            let expected = if right.as_ref() == Ok(&value) { value } else { Amount::ZERO };
            prop_assert_eq!(lost, expected);
            prop_assert_eq!(failed.is_none(), right == Ok(value), "{:?}", failed);
        }
    }
}

#[test]
fn eth_08_value_that_is_not_what_is_moved_fails() {
    let mut network = network();
    let (kind, price) = request(1);
    let one = Amount::from_base_units(1);
    let fails = |network: &mut Network, kind: &TransactionKind, value| {
        let jobs = network.state().jobs.len();
        let result = moved(network, kind.clone(), value);
        assert_eq!(result, (Amount::ZERO, Some("ETH-08".to_owned())), "{value}");
        assert_eq!(network.state().jobs.len(), jobs);
    };
    // A form that shows its user nothing, one that shows less, and one that shows more.
    for value in [Amount::ZERO, price.checked_sub(one).unwrap(), price.checked_add(one).unwrap()] {
        fails(&mut network, &kind, value);
    }
    // Nothing is moved, so nothing may be shown.
    fails(&mut network, &TransactionKind::Unstake { amount: Amount::DFSN }, one);
    fails(&mut network, &TransactionKind::Receipt { job: TransactionId::from_bytes([1; 32]).job_id() }, one);
    assert_eq!(
        network.state().accounts.get(&wallet().address()).unwrap().nonce,
        Nonce::new(5),
        "each used a nonce"
    );
}

#[test]
fn eth_09_nothing_is_sent_to_the_system_address() {
    let mut network = network();
    let to = SYSTEM_ADDRESS;
    let id = network.send(&user_key(0), TransactionKind::Transfer { to, amount: Amount::DFSN });
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.failed_rule(&id).as_deref(), Some("ETH-09"));
    assert_eq!(network.state().balance(&to), Amount::ZERO);
}

#[test]
fn fee_01_call_pays_for_its_data_and_a_transfer_for_nothing_more() {
    let mut network = network();
    let transfer = TransactionKind::Transfer { to: Address::from_bytes([5; 20]), amount: Amount::DFSN };
    let id = send(&mut network, transfer, Amount::DFSN);
    assert_eq!(network.receipts[&id].gas_used, TRANSFER_GAS);
    let (kind, price) = request(1);
    let data = EthereumCall::new(&kind, price).unwrap().data;
    let id = send(&mut network, kind.clone(), price);
    let expected = 21_000 + 50_000 + 16 * data.len() as u64;
    assert_eq!(network.receipts[&id].gas_used.get(), expected);
    assert!(expected > gas::gas_of(&kind).get(), "words of 32 bytes take more room than native bytes");
}

#[test]
fn tx_05_first_transaction_pins_the_wallets_key_and_scheme() {
    let mut network = network();
    let address = wallet().address();
    assert_eq!(
        network.state().accounts.get(&address).unwrap().key,
        None,
        "an account that only received is free"
    );
    let (kind, price) = request(1);
    let late = sign(&network, kind.clone(), price);
    send(&mut network, kind, price);
    let key = AccountKey::Secp256k1(wallet().public_key());
    assert_eq!(network.state().accounts.get(&address).unwrap().key, Some(key));
    // A key of the other scheme with the same address cannot be found; the pin is put into the state instead.
    let mut state = network.state().clone();
    let account = state.accounts.get_mut(&address).unwrap();
    account.key = Some(AccountKey::Ed25519(user_key(0).public_key()));
    account.nonce = Nonce::ZERO;
    let late = SignedTransaction::from(late).verify(&state.chain).unwrap();
    let context = dfsn_consensus::transition::BlockContext {
        timestamp: network.now,
        fee_recipient: crate::network::BUILDER,
        beacon_proof: None,
    };
    let mut block = dfsn_consensus::transition::Execution::open(&state, &context).unwrap();
    assert_eq!(block.apply_transaction(&late), Err(IncludeError::KeyPinned { sender: address, key }));
}

#[test]
fn tx_01_raw_bytes_that_are_no_transaction_spoil_their_block() {
    let network = network();
    let (kind, price) = request(1);
    let mut raw = sign(&network, kind, price).as_bytes().to_vec();
    raw.push(0);
    let longer = SignedTransaction::from(EthereumTransaction::new(raw).unwrap());
    let block = forge::block(network.state(), Vec::new(), vec![longer.clone()], |_| {});
    let error = state_transition(network.state(), &block).unwrap_err();
    assert!(matches!(error, BlockRuleError::Transaction { id, .. } if id == longer.id()), "{error}");
    assert!(error.to_string().contains("ETH-01"), "{error}");
}

/// Signatures cost most: a block over its bounds costs nobody a thousand of them.
#[test]
fn blk_09_lane_is_bounded_before_signatures_are_checked() {
    let network = network();
    let params = &network.state().params.chain;
    let unsigned = |bytes: usize| SignedTransaction::from(EthereumTransaction::new(vec![2; bytes]).unwrap());
    let most = usize::try_from(params.gas_limit.get() / 21_000).unwrap();
    let long = usize::try_from(params.user_lane_bytes).unwrap() / EthereumTransaction::MAX_BYTES;
    let lanes = [
        ("gas", vec![unsigned(1); most + 1]),
        ("bytes", vec![unsigned(EthereumTransaction::MAX_BYTES); long + 1]),
    ];
    for (over, mut lane) in lanes {
        let refusal = |lane: &Vec<_>| {
            let block = forge::block(network.state(), Vec::new(), lane.clone(), |_| {});
            state_transition(network.state(), &block).unwrap_err()
        };
        let error = refusal(&lane);
        assert!(
            matches!(error, BlockRuleError::Include { error: IncludeError::LaneFull { what, .. }, .. } if what == over),
            "{error}"
        );
        lane.pop();
        assert!(matches!(refusal(&lane), BlockRuleError::Transaction { .. }), "within its bounds it is read");
    }
}
