//! What waits for a block, and what the mempool refuses.

use dfsn_consensus::{IncludeError, Mempool, MempoolError, MempoolLimits};
use dfsn_types::{Amount, Nonce, SecretKey, SignedTransaction, VerifiedTransaction};

use crate::network::forge::{TRANSFER_GAS, signed, transfer};
use crate::network::setup::user_key;
use crate::network::{Behaviour, Network, Setup};

fn network() -> Network {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.users = 8;
    Network::new(&setup)
}

fn pool(transactions: usize, per_sender: usize) -> Mempool {
    Mempool::new(MempoolLimits { transactions, per_sender, ..MempoolLimits::default() })
}

/// A transfer of a user with this nonce and fee.
fn waiting(network: &Network, user: usize, nonce: u64, fee: u128) -> VerifiedTransaction {
    signed(network.state(), &user_key(user), transfer(), |transaction| {
        transaction.nonce = Nonce::new(nonce);
        transaction.gas_limit = TRANSFER_GAS;
        transaction.max_fee_per_gas = Amount::from_base_units(fee);
        transaction.max_priority_fee_per_gas = Amount::ZERO;
    })
}

const FEE: u128 = 100_000_000_000;

#[test]
fn mem_01_known_transaction() {
    let (network, mut pool) = (network(), pool(10, 10));
    let one = waiting(&network, 0, 0, FEE);
    pool.add_transaction(network.state(), one.clone()).unwrap();
    assert_eq!(pool.add_transaction(network.state(), one.clone()), Err(MempoolError::Known(one.id())));
}

#[test]
fn mem_02_used_nonce() {
    let mut network = network();
    let one = waiting(&network, 0, 0, FEE);
    network.engine.vm_mut().submit_transaction(one.signed().clone()).unwrap();
    network.tick();
    let (sender, actual, expected) = (network.user(0), Nonce::ZERO, Nonce::new(1));
    let refused = pool(10, 10).add_transaction(network.state(), one);
    assert_eq!(refused, Err(MempoolError::NonceUsed { sender, actual, expected }));
}

#[test]
fn mem_03_replacement_pays_a_tenth_more() {
    let (network, mut pool) = (network(), pool(10, 10));
    pool.add_transaction(network.state(), waiting(&network, 0, 0, FEE)).unwrap();
    let needed = Amount::from_base_units(FEE / 10 * 11);
    let refused = pool.add_transaction(network.state(), waiting(&network, 0, 0, FEE / 10 * 11 - 1));
    assert_eq!(refused, Err(MempoolError::Underpriced { nonce: Nonce::ZERO, needed, tip: Amount::ZERO }));
    let better = waiting(&network, 0, 0, FEE / 10 * 11);
    pool.add_transaction(network.state(), better.clone()).unwrap();
    assert_eq!(pool.len(), (1, 0));
    assert_eq!(pool.ready(network.state()).next().map(VerifiedTransaction::id), Some(better.id()));
}

#[test]
fn mem_04_one_sender_has_a_bounded_number() {
    let (network, mut pool) = (network(), pool(10, 2));
    for nonce in 0..2 {
        pool.add_transaction(network.state(), waiting(&network, 0, nonce, FEE)).unwrap();
    }
    // Its first was included elsewhere and the pool has not heard of it: two wait, and a third nonce is near enough.
    let mut ahead = network.state().clone();
    ahead.accounts.get_mut(&network.user(0)).unwrap().nonce = Nonce::new(1);
    let refused = pool.add_transaction(&ahead, waiting(&network, 0, 2, FEE));
    assert_eq!(refused, Err(MempoolError::SenderFull { sender: network.user(0), count: 2 }));
}

#[test]
fn mem_05_full_pool_takes_only_what_is_worth_more() {
    let (network, mut pool) = (network(), pool(2, 10));
    pool.add_transaction(network.state(), waiting(&network, 0, 0, FEE)).unwrap();
    pool.add_transaction(network.state(), waiting(&network, 1, 0, FEE + 1)).unwrap();
    let refused = pool.add_transaction(network.state(), waiting(&network, 2, 0, FEE));
    assert_eq!(refused, Err(MempoolError::Full));
    let better = waiting(&network, 2, 0, FEE + 1);
    pool.add_transaction(network.state(), better.clone()).unwrap();
    let ready: Vec<_> = pool.ready(network.state()).map(VerifiedTransaction::sender).collect();
    assert!(ready.contains(&better.sender()) && !ready.contains(&network.user(0)) && ready.len() == 2);
}

#[test]
fn mem_05_transactions_behind_a_gap_make_way_first() {
    let (network, mut pool) = (network(), pool(2, 10));
    pool.add_transaction(network.state(), waiting(&network, 0, 3, FEE * 100)).unwrap();
    pool.add_transaction(network.state(), waiting(&network, 1, 0, FEE)).unwrap();
    pool.add_transaction(network.state(), waiting(&network, 2, 0, FEE)).unwrap();
    let ready: Vec<_> = pool.ready(network.state()).map(VerifiedTransaction::sender).collect();
    assert_eq!(ready.len(), 2, "who holds places with nonces that cannot run loses them first");
}

#[test]
fn next_nonce_counts_what_waits_without_a_gap() {
    let (network, mut pool) = (network(), pool(10, 10));
    let sender = network.user(0);
    let next = |pool: &Mempool| pool.next_nonce(network.state(), &sender);
    assert_eq!(next(&pool), Nonce::ZERO);
    let (early, first) = (waiting(&network, 0, 1, FEE), waiting(&network, 0, 0, FEE));
    pool.add_transaction(network.state(), early.clone()).unwrap();
    assert_eq!(next(&pool), Nonce::ZERO);
    assert_eq!(pool.transaction(&early.id()), Some(&early));
    assert_eq!(pool.transaction(&first.id()), None);
    pool.add_transaction(network.state(), first).unwrap();
    assert_eq!(next(&pool), Nonce::new(2));
    // What waits for a nonce that has been used meanwhile counts no more.
    let mut ahead = network.state().clone();
    ahead.accounts.get_mut(&sender).unwrap().nonce = Nonce::new(5);
    assert_eq!(pool.next_nonce(&ahead, &sender), Nonce::new(5));
}

#[test]
fn mem_06_what_no_block_could_hold() {
    let (network, mut pool) = (network(), pool(10, 10));
    let poor = SecretKey::from_seed(&[70; 32]);
    let cases = [
        signed(network.state(), &poor, transfer(), |_| {}),
        signed(network.state(), &user_key(0), transfer(), |transaction| {
            transaction.gas_limit = dfsn_types::Gas::new(1)
        }),
        waiting(&network, 0, 0, 24_999_999_999),
        signed(network.state(), &user_key(0), transfer(), |transaction| {
            transaction.max_priority_fee_per_gas = Amount::DFSN;
        }),
    ];
    for transaction in cases {
        let refused = pool.add_transaction(network.state(), transaction);
        assert!(matches!(refused, Err(MempoolError::Include(_))), "{refused:?}");
    }
    assert!(pool.is_empty());
    // A fee under today's base fee but over the floor may wait for a cheaper day.
    let mut dear = network.state().clone();
    dear.tip.base_fee_per_gas = Amount::from_base_units(FEE * 2);
    pool.add_transaction(&dear, waiting(&network, 0, 0, FEE)).unwrap();
    assert!(!pool.wants_block(&dear), "and wants no block until then");
    assert!(pool.wants_block(network.state()));
}

#[test]
fn mem_06_all_that_waits_must_be_payable() {
    let (network, mut pool) = (network(), pool(100, 100));
    let balance = network.state().balance(&network.user(0)).base_units();
    let fee = balance / 21_000 / 2;
    pool.add_transaction(network.state(), waiting(&network, 0, 0, fee)).unwrap();
    pool.add_transaction(network.state(), waiting(&network, 0, 1, fee)).unwrap();
    let refused = pool.add_transaction(network.state(), waiting(&network, 0, 2, fee));
    assert!(matches!(refused, Err(MempoolError::Include(IncludeError::Balance { .. }))), "{refused:?}");
}

#[test]
fn mem_07_nonce_too_far_ahead() {
    let (network, mut pool) = (network(), pool(10, 4));
    let refused = pool.add_transaction(network.state(), waiting(&network, 0, 4, FEE));
    let (sender, actual, expected) = (network.user(0), Nonce::new(4), Nonce::ZERO);
    assert_eq!(refused, Err(MempoolError::NonceAhead { sender, actual, expected, limit: 4 }));
    pool.add_transaction(network.state(), waiting(&network, 0, 3, FEE)).unwrap();
    assert!(!pool.wants_block(network.state()), "nothing in it can run");
}

#[test]
fn best_paying_sender_comes_first_and_each_in_order() {
    let mut network = network();
    for (user, tip) in [(0, 1), (1, 3), (2, 2)] {
        for nonce in 0..2 {
            let one = signed(network.state(), &user_key(user), transfer(), |transaction| {
                transaction.nonce = Nonce::new(nonce);
                transaction.max_priority_fee_per_gas = Amount::from_base_units(tip);
            });
            network.engine.vm_mut().submit_transaction(one.signed().clone()).unwrap();
        }
    }
    network.tick();
    let sender = |transaction: &SignedTransaction| {
        transaction.clone().verify(&network.state().chain).unwrap().sender()
    };
    let senders: Vec<_> = network.blocks[0].body().transactions.iter().map(sender).collect();
    let expected = [1, 1, 2, 2, 0, 0].map(|user| network.user(user));
    assert_eq!(senders, expected);
}

#[test]
fn what_waits_for_nothing_wants_no_block() {
    let mut network = network();
    let ahead = waiting(&network, 0, 1, FEE);
    network.engine.vm_mut().submit_transaction(ahead.signed().clone()).unwrap();
    assert!(!network.seal(60_000).unwrap(), "its account's next transaction is missing");
    let next = waiting(&network, 0, 0, FEE);
    network.engine.vm_mut().submit_transaction(next.signed().clone()).unwrap();
    assert!(network.seal(1_000).unwrap());
    assert_eq!(network.blocks[0].body().transactions.len(), 2);
}
