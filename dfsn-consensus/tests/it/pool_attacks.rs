//! Ways to keep others out of the pool, and what they cost.

use dfsn_consensus::vm::Vm;
use dfsn_consensus::{IncludeError, Mempool, MempoolError, MempoolLimits};
use dfsn_types::{
    AccountKey, Amount, DurationMs, DutyKind, Gas, Nonce, SecretKey, TransactionKind, VerifiedTransaction,
};

use crate::disk::Disk;
use crate::network::forge::{TRANSFER_GAS, block, signed, transfer};
use crate::network::setup::user_key;
use crate::network::{BUILDER, Behaviour, Network, Setup, TICK_MS, open};

const FEE: u128 = 100_000_000_000;

fn setup() -> Setup {
    let mut setup = Setup::worker(Behaviour::HONEST, 3);
    setup.users = 8;
    setup
}

fn pool(transactions: usize) -> Mempool {
    Mempool::new(MempoolLimits { transactions, ..MempoolLimits::default() })
}

fn sends(network: &Network, user: usize, nonce: u64, fee: u128, tip: u128) -> VerifiedTransaction {
    sends_kind(network, user, nonce, fee, tip, transfer())
}

fn sends_kind(
    network: &Network,
    user: usize,
    nonce: u64,
    fee: u128,
    tip: u128,
    kind: TransactionKind,
) -> VerifiedTransaction {
    signed(network.state(), &user_key(user), kind, |transaction| {
        transaction.nonce = Nonce::new(nonce);
        transaction.gas_limit = TRANSFER_GAS;
        transaction.max_fee_per_gas = Amount::from_base_units(fee);
        transaction.max_priority_fee_per_gas = Amount::from_base_units(tip);
    })
}

/// A full pool: one transaction of each of four users.
fn full(network: &Network) -> Mempool {
    let mut pool = pool(4);
    for user in 0..4 {
        pool.add_transaction(network.state(), sends(network, user, 0, FEE, 1)).unwrap();
    }
    pool
}

fn waiting(pool: &Mempool, network: &Network) -> Vec<usize> {
    let senders: Vec<_> = pool.ready(network.state()).map(VerifiedTransaction::sender).collect();
    (0..8).filter(|user| senders.contains(&network.user(*user))).collect()
}

#[test]
fn mem_09_sender_who_empties_its_account_loses_what_it_let_wait() {
    let mut network = Network::new(&setup());
    let all = network.state().balance(&network.user(0));
    // The first of ten moves the money that the other nine would be paid with.
    let kept = Amount::from_base_units(FEE * 21_000 * 3);
    let drain = TransactionKind::Transfer { to: BUILDER, amount: all.saturating_sub(kept) };
    let vm = network.engine.vm_mut();
    let chain = vm.state().chain;
    let sign = |nonce: u64, kind: TransactionKind| {
        let mut transaction = crate::network::transaction(&chain, Nonce::new(nonce), kind);
        transaction.gas_limit = TRANSFER_GAS;
        transaction.sign(&chain, &user_key(0))
    };
    vm.submit_transaction(sign(0, drain)).unwrap();
    for nonce in 1..10 {
        vm.submit_transaction(sign(nonce, transfer())).unwrap();
    }
    // A block with the first alone: the others are not known to its builder.
    let first = sign(0, TransactionKind::Transfer { to: BUILDER, amount: all.saturating_sub(kept) });
    let block = block(vm.state(), Vec::new(), vec![first], |_| {});
    let now = block.header().timestamp;
    vm.verify(block.clone(), now).unwrap();
    vm.accept(&block.hash()).unwrap();
    let payable = vm.state().balance(&address(0)).base_units() / (FEE * 21_000);
    assert!((2..3).contains(&payable), "{payable}");
    assert_eq!(vm.mempool().len(), (2, 0), "what is still paid for, in order of nonces");
    assert_eq!(vm.mempool().dropped().unpayable, 7);
    let left: Vec<_> = vm.mempool().ready(vm.state()).map(|left| left.transaction().nonce.get()).collect();
    assert_eq!(left, [1, 2]);
}

fn address(user: usize) -> dfsn_types::Address {
    crate::network::setup::address(&user_key(user))
}

#[test]
fn mem_05_one_account_takes_one_place_of_others() {
    // It offers a thousand times as much, with money for all of it, and empties its account later.
    let network = Network::new(&setup());
    let mut pool = full(&network);
    pool.add_transaction(network.state(), sends(&network, 4, 0, FEE * 1_000, FEE)).unwrap();
    for nonce in 1..20 {
        let refused = pool.add_transaction(network.state(), sends(&network, 4, nonce, FEE * 1_000, FEE));
        assert_eq!(refused, Err(MempoolError::Full));
    }
    assert_eq!(waiting(&pool, &network).len(), 4, "three of four others keep their places");
    assert_eq!(pool.dropped().evicted, 1);
}

#[test]
fn mem_05_places_of_chains_are_open_to_newcomers() {
    // The pool was empty when it came: it holds all places with a chain.
    let network = Network::new(&setup());
    let mut pool = pool(4);
    for nonce in 0..4 {
        pool.add_transaction(network.state(), sends(&network, 4, nonce, FEE * 1_000, FEE)).unwrap();
    }
    for user in 0..3 {
        pool.add_transaction(network.state(), sends(&network, user, 0, FEE, 0)).unwrap();
    }
    assert_eq!(
        waiting(&pool, &network),
        [0, 1, 2, 4],
        "cheap ones, of accounts that have nothing else there"
    );
    let refused = pool.add_transaction(network.state(), sends(&network, 3, 0, FEE, 0));
    assert_eq!(refused, Err(MempoolError::Full), "and as much as those of other accounts is not more");
}

#[test]
fn mem_05_what_cannot_run_now_takes_no_place_of_what_can() {
    let network = Network::new(&setup());
    let mut dear = network.state().clone();
    dear.tip.base_fee_per_gas = Amount::from_base_units(FEE / 2);
    let mut pool = full(&network);
    // Behind a gap; under the base fee of today; behind one that is.
    let refused = pool.add_transaction(&dear, sends(&network, 4, 1, FEE * 1_000, FEE));
    assert_eq!(refused, Err(MempoolError::Full));
    let refused = pool.add_transaction(&dear, sends(&network, 4, 0, FEE / 2 - 1, 0));
    assert_eq!(refused, Err(MempoolError::Full));
    let mut pool = self::pool(4);
    pool.add_transaction(&dear, sends(&network, 4, 0, FEE / 2 - 1, 0)).unwrap();
    for nonce in 1..4 {
        pool.add_transaction(&dear, sends(&network, 4, nonce, FEE * 1_000, FEE)).unwrap();
    }
    for user in 0..4 {
        pool.add_transaction(&dear, sends(&network, user, 0, FEE / 2, 0)).unwrap();
    }
    assert_eq!(waiting(&pool, &network), [0, 1, 2, 3], "all of its places were free to take");
}

#[test]
fn mem_05_tip_that_is_paid_counts_and_not_the_fee_that_is_promised() {
    let network = Network::new(&setup());
    let mut pool = full(&network);
    let refused = pool.add_transaction(network.state(), sends(&network, 4, 0, FEE * 1_000, 0));
    assert_eq!(refused, Err(MempoolError::Full), "a high fee that nobody would ever be paid");
    pool.add_transaction(network.state(), sends(&network, 4, 0, FEE, 2)).unwrap();
    assert_eq!(waiting(&pool, &network).len(), 4);
}

#[test]
fn mem_03_replacements_cost_more_each_time_and_take_no_place_of_others() {
    let network = Network::new(&setup());
    let mut pool = full(&network);
    let balance = network.state().balance(&network.user(0)).base_units();
    let (mut fee, mut count) = (FEE, 0);
    loop {
        let next = fee + fee / 10;
        match pool.add_transaction(network.state(), sends(&network, 0, 0, next, 1)) {
            Ok(()) => (fee, count) = (next, count + 1),
            Err(MempoolError::Include(IncludeError::Balance { .. })) => break,
            Err(other) => panic!("{other}"),
        }
    }
    assert!((fee + fee / 10) * 21_000 > balance, "until all of its money stands behind one transaction");
    assert!((100..200).contains(&count), "{count} replacements");
    assert_eq!(waiting(&pool, &network), [0, 1, 2, 3]);
    // Nor does a place that was won by a tip go on without it.
    let tip = Amount::from_base_units(1);
    let refused = pool.add_transaction(network.state(), sends(&network, 1, 0, FEE * 2, 0));
    let needed = Amount::from_base_units(FEE / 10 * 11);
    assert_eq!(refused, Err(MempoolError::Underpriced { nonce: Nonce::ZERO, needed, tip }));
}

#[test]
fn mem_06_fee_under_todays_hides_nothing() {
    // Such a transaction waits for a cheaper day; with gas for nothing it would wait for ever, and cost no money.
    let network = Network::new(&setup());
    let mut dear = network.state().clone();
    dear.tip.base_fee_per_gas = Amount::from_base_units(FEE * 2);
    let free = signed(&dear, &SecretKey::from_seed(&[70; 32]), transfer(), |transaction| {
        transaction.gas_limit = Gas::new(0);
        transaction.max_fee_per_gas = Amount::from_base_units(FEE);
    });
    let refused = pool(4).add_transaction(&dear, free);
    assert!(matches!(refused, Err(MempoolError::Include(IncludeError::GasLimit { .. }))), "{refused:?}");
}

#[test]
fn mem_09_other_key_of_an_account() {
    // Two keys of one address cannot be found: another one is put into the state that the chain opens with.
    let setup = setup();
    let mut genesis = setup.state();
    let sender = address(0);
    let mut vm = open(&Disk::default(), &setup).unwrap();
    let mut network = Network::new(&setup);
    network.send(&user_key(1), transfer());
    network.tick();
    for nonce in 0..3 {
        let chain = vm.state().chain;
        let transaction = crate::network::transaction(&chain, Nonce::new(nonce), transfer());
        vm.submit_transaction(transaction.sign(&chain, &user_key(0))).unwrap();
    }
    let other = AccountKey::Ed25519(SecretKey::from_seed(&[78; 32]).public_key());
    genesis.accounts.get_mut(&sender).unwrap().key = Some(other);
    let mut pool = vm.mempool().clone();
    pool.block_accepted(&genesis, &network.blocks[0]);
    assert!(pool.is_empty());
    assert_eq!((pool.dropped().pinned, pool.dropped().unpayable), (3, 0));
}

#[test]
fn mem_10_what_was_in_a_lost_sibling_waits_on_every_node_that_judged_it() {
    let setup = setup();
    let [mut one, mut two] = [0, 1].map(|_| open(&Disk::default(), &setup).unwrap());
    let chain = one.state().chain;
    let sign = |user: usize, nonce: u64| {
        crate::network::transaction(&chain, Nonce::new(nonce), transfer()).sign(&chain, &user_key(user))
    };
    // Three of one sender known to the first node alone, one of another to the second.
    for nonce in 0..3 {
        one.submit_transaction(sign(0, nonce)).unwrap();
    }
    two.submit_transaction(sign(1, 0)).unwrap();
    two.submit_transaction(sign(0, 0)).unwrap();
    let now = one.state().tip.timestamp.after(DurationMs::new(TICK_MS));
    let (lost, won) = (one.build(now).unwrap().unwrap(), two.build(now).unwrap().unwrap());
    one.verify(won.clone(), now).unwrap();
    two.verify(lost.clone(), now).unwrap();
    let winner = won.hash();
    for vm in [&mut one, &mut two] {
        vm.accept(&winner).unwrap();
        vm.reject(&lost.hash());
        let nonces: Vec<_> =
            vm.mempool().ready(vm.state()).map(|one| one.transaction().nonce.get()).collect();
        assert_eq!(nonces, [1, 2], "all but the one that the winner holds too");
    }
    let now = now.after(DurationMs::new(TICK_MS));
    let next = two.build(now).unwrap().unwrap();
    assert_eq!(next.body().transactions.len(), 2);
}

#[test]
fn mem_10_duties_of_a_lost_sibling_wait_again() {
    let setup = setup();
    let mut network = Network::new(&setup);
    let job = network.request(0, 1);
    network.until(|network| network.state().jobs.get(&job).is_some_and(|job| job.worker().is_some()));
    let mut other = open(&Disk::default(), &setup).unwrap();
    for block in &network.blocks {
        other.verify(block.clone(), network.now).unwrap();
        other.accept(&block.hash()).unwrap();
    }
    let accept = network.signed_duty(0, &job, DutyKind::AcceptJob { draw: 1 });
    let now = network.now.after(DurationMs::new(TICK_MS));
    let vm = network.engine.vm_mut();
    vm.submit_duty(accept.clone()).unwrap();
    let with = vm.build(now).unwrap().unwrap();
    assert_eq!(with.body().duties.first(), Some(&accept));
    let without = block(other.state(), Vec::new(), Vec::new(), |_| {});
    for block in [&with, &without] {
        other.verify(block.clone(), now).unwrap();
    }
    other.accept(&without.hash()).unwrap();
    other.reject(&with.hash());
    assert_eq!(
        other.mempool().duties().collect::<Vec<_>>(),
        [&accept],
        "it knew the duty from the block alone"
    );
    let next = other.build(now.after(DurationMs::new(TICK_MS))).unwrap().unwrap();
    assert_eq!(next.body().duties.len(), 1);
    other.accept(&next.hash()).unwrap();
    // Sent again, or come back with a sibling that held it too, it asks for no blocks.
    other.submit_duty(accept).unwrap();
    assert!(other.mempool().is_empty());
}
