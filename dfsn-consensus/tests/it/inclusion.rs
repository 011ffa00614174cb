//! Transactions that no block may hold, and what failing ones cost.

use dfsn_consensus::state::Supply;
use dfsn_consensus::transition::state_transition;
use dfsn_consensus::{BlockRuleError, IncludeError, Rule, gas};
use dfsn_types::{
    AccountKey, Address, Amount, ChainParams, Gas, Nonce, SecretKey, TransactionError, TransactionKind,
    VerifiedTransaction,
};

use crate::network::forge::{self, TRANSFER_GAS, signed, transfer};
use crate::network::setup::user_key;
use crate::network::{BUILDER, Behaviour, Network, Setup};

fn network() -> Network {
    Network::new(&Setup::worker(Behaviour::HONEST, 3))
}

/// What the rules say of one transaction, which changes nothing when refused.
fn refused(network: &Network, transaction: &VerifiedTransaction) -> IncludeError {
    let mut block = network.open_block();
    let before = block.state().clone();
    let error = block.apply_transaction(transaction).unwrap_err();
    assert_eq!(*block.state(), before, "nothing happens to the sender");
    assert_eq!(block.close().gas_used, Gas::ZERO);
    error
}

#[test]
fn tx_02_wrong_nonce_is_not_includable() {
    let network = network();
    let early =
        signed(network.state(), &user_key(0), transfer(), |transaction| transaction.nonce = Nonce::new(1));
    let error = refused(&network, &early);
    assert_eq!(
        error,
        IncludeError::Nonce { sender: network.user(0), actual: Nonce::new(1), expected: Nonce::ZERO }
    );
    assert!(error.may_pass_later());
    assert_eq!(error.rule().as_str(), "TX-02");
}

#[test]
fn tx_02_used_nonce_never_passes_again() {
    let mut network = network();
    let first = signed(network.state(), &user_key(0), transfer(), |_| {});
    network.engine.vm_mut().submit_transaction(first.signed().clone()).unwrap();
    network.tick();
    let error = refused(&network, &first);
    assert!(matches!(error, IncludeError::Nonce { .. }) && !error.may_pass_later(), "{error}");
}

#[test]
fn tx_03_fee_under_the_base_fee_is_not_includable() {
    let network = network();
    let max_fee = Amount::from_base_units(24_999_999_999);
    let cheap = signed(network.state(), &user_key(0), transfer(), |transaction| {
        transaction.max_fee_per_gas = max_fee;
        transaction.max_priority_fee_per_gas = Amount::ZERO;
    });
    let base_fee = ChainParams::default().base_fee_floor;
    assert_eq!(refused(&network, &cheap), IncludeError::FeeTooLow { max_fee, base_fee });
}

#[test]
fn tx_03_tip_over_the_fee_is_not_includable() {
    let network = network();
    let (tip, max_fee) = (Amount::from_base_units(100_000_000_001), Amount::from_base_units(100_000_000_000));
    let greedy = signed(network.state(), &user_key(0), transfer(), |transaction| {
        transaction.max_priority_fee_per_gas = tip
    });
    let error = refused(&network, &greedy);
    assert_eq!(error, IncludeError::TipOverFee { tip, max_fee });
    assert!(!error.may_pass_later());
}

#[test]
fn tx_04_gas_limit_under_the_need_is_not_includable() {
    let network = network();
    let limit = Gas::new(20_999);
    let tight =
        signed(network.state(), &user_key(0), transfer(), |transaction| transaction.gas_limit = limit);
    assert_eq!(refused(&network, &tight), IncludeError::GasLimit { needed: TRANSFER_GAS, limit });
}

#[test]
fn tx_04_unpayable_fee_is_not_includable() {
    let network = network();
    let poor = SecretKey::from_seed(&[77; 32]);
    let unpayable =
        signed(network.state(), &poor, transfer(), |transaction| transaction.gas_limit = TRANSFER_GAS);
    let fee = Amount::from_base_units(21_000 * 100_000_000_000);
    assert_eq!(refused(&network, &unpayable), IncludeError::Balance { fee, balance: Amount::ZERO });
}

#[test]
fn fee_overflow() {
    let network = network();
    let huge = signed(network.state(), &user_key(0), transfer(), |transaction| {
        transaction.gas_limit = Gas::new(u64::MAX);
        transaction.max_fee_per_gas = Amount::from_base_units(u128::MAX);
        transaction.max_priority_fee_per_gas = Amount::from_base_units(u128::MAX);
    });
    let error = refused(&network, &huge);
    assert!(matches!(error, IncludeError::Balance { fee, .. } if fee.base_units() == u128::MAX), "{error}");
    // The largest fee that the account can pay does not overflow either: only what is used is charged.
    let all = network.state().balance(&network.user(0)).split(21_000);
    let rich = signed(network.state(), &user_key(0), transfer(), |transaction| {
        transaction.gas_limit = TRANSFER_GAS;
        transaction.max_fee_per_gas = all;
        transaction.max_priority_fee_per_gas = all;
    });
    let mut block = network.open_block();
    block.apply_transaction(&rich).unwrap();
    let state = block.close().state;
    assert_eq!(Supply::of(&state).total(), state.minted);
}

#[test]
fn tx_05_account_is_pinned_to_its_first_key() {
    // Two keys of one address cannot be found; the pin is put into the state instead.
    let network = network();
    let mut state = network.state().clone();
    let other = AccountKey::Ed25519(SecretKey::from_seed(&[78; 32]).public_key());
    state.accounts.get_mut(&network.user(0)).unwrap().key = Some(other);
    let transaction = signed(&state, &user_key(0), transfer(), |_| {});
    let context = dfsn_consensus::transition::BlockContext {
        timestamp: network.now,
        fee_recipient: BUILDER,
        beacon_proof: None,
    };
    let mut block = dfsn_consensus::transition::Execution::open(&state, &context).unwrap();
    let key = AccountKey::Ed25519(user_key(0).public_key());
    let expected = IncludeError::KeyPinned { sender: network.user(0), key };
    assert_eq!(block.apply_transaction(&transaction), Err(expected));
}

#[test]
fn tx_05_first_transaction_pins_the_key() {
    let mut network = network();
    assert_eq!(network.state().accounts.get(&network.user(0)).unwrap().key, None);
    network.send(&user_key(0), transfer());
    network.tick();
    let key = AccountKey::Ed25519(user_key(0).public_key());
    assert_eq!(network.state().accounts.get(&network.user(0)).unwrap().key, Some(key));
}

#[test]
fn blk_09_full_user_lane() {
    for (what, limit) in [("gas", 500_000), ("bytes", 16_384)] {
        let mut setup = Setup::worker(Behaviour::HONEST, 3);
        match what {
            "gas" => setup.params.chain.gas_limit = Gas::new(limit),
            _ => setup.params.chain.user_lane_bytes = u32::try_from(limit).unwrap(),
        }
        let network = Network::new(&setup);
        let mut block = network.open_block();
        let mut fits = 0;
        let (full, size) = loop {
            let next = signed(network.state(), &user_key(0), transfer(), |transaction| {
                transaction.nonce = Nonce::new(fits);
            });
            match block.apply_transaction(&next) {
                Ok(()) => fits += 1,
                Err(error) => break (error, next.byte_len() as u64),
            }
        };
        let each = if what == "gas" { TRANSFER_GAS.get() } else { size };
        assert_eq!(fits, limit / each, "{what}");
        assert_eq!(full, IncludeError::LaneFull { what, used: (fits + 1) * each, limit });
        assert!(full.may_pass_later());
    }
}

#[test]
fn replay_on_another_chain() {
    let (here, mut setup) = (network(), Setup::worker(Behaviour::HONEST, 3));
    setup.chain_id = 7_778;
    let mut there = Network::new(&setup);
    let ours = signed(here.state(), &user_key(0), transfer(), |_| {}).signed().clone();
    let error = there.engine.vm_mut().submit_transaction(ours.clone()).unwrap_err();
    assert!(error.to_string().contains("chain 7777"), "{error}");
    // The same chain id with another genesis: the signature does not hold.
    let mut sibling = Setup::worker(Behaviour::HONEST, 4);
    sibling.chain_id = 7_777;
    let sibling = Network::new(&sibling);
    let block = forge::block(sibling.state(), Vec::new(), vec![ours], |_| {});
    let error = state_transition(sibling.state(), &block).unwrap_err();
    let foreign = matches!(error, BlockRuleError::Transaction { error: TransactionError::Signature(_), .. });
    assert!(foreign, "{error}");
}

#[test]
fn failing_call_uses_nonce_and_gas() {
    let mut network = network();
    let (user, money) = (network.user(0), network.state().balance(&network.user(0)));
    let kind = TransactionKind::Unstake { amount: Amount::DFSN };
    let gas_used = gas::gas_of(&kind);
    let id = network.send(&user_key(0), kind);
    network.tick();
    let receipt = &network.receipts[&id];
    assert_eq!(network.failed_rule(&id).as_deref(), Some("STK-01"));
    assert_eq!(receipt.gas_used, gas_used);
    // Base fee at its floor and the tip, on the gas used and not on the limit.
    assert_eq!(receipt.fee.base_units(), u128::from(gas_used.get()) * (25_000_000_000 + 1_000_000_000));
    assert_eq!(money.checked_sub(network.state().balance(&user)), Some(receipt.fee));
    assert_eq!(network.state().accounts.get(&user).unwrap().nonce, Nonce::new(1));
    let tip = Amount::from_base_units(u128::from(gas_used.get()) * 1_000_000_000);
    assert_eq!(network.state().balance(&BUILDER), tip);
    assert_eq!(network.state().burned.amount(), receipt.fee.checked_sub(tip).unwrap());
}

#[test]
fn mon_02_transfer_moves_all_or_nothing() {
    let mut network = network();
    let to = Address::from_bytes([5; 20]);
    let all = network.state().balance(&network.user(0));
    let id = network.send(&user_key(0), TransactionKind::Transfer { to, amount: all });
    network.tick();
    assert_eq!(network.failed_rule(&id).as_deref(), Some("MON-02"), "the fee is not left");
    assert_eq!(network.state().balance(&to), Amount::ZERO);
    let id =
        network.send(&user_key(0), TransactionKind::Transfer { to: network.user(0), amount: Amount::DFSN });
    network.tick();
    assert_eq!(network.failed_rule(&id), None, "to oneself is allowed, and changes nothing but the fee");
    assert_eq!(all.checked_sub(network.state().balance(&network.user(0))), Some(network.fees()));
}
