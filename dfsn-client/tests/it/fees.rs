//! Transactions that no block takes in time, and what the next call does about them: nothing is ever paid twice.

use std::time::Duration;

use dfsn_client::transport::{InProcess, TransportError};
use dfsn_client::{Client, ClientConfig, ClientError};
use dfsn_types::{Amount, Nonce, TransactionId};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::node::genesis::user_key;
use crate::node::{Node, SOMEBODY};

/// Transfers of a full block.
const BLOCK_TRANSFERS: u64 = 23;
/// Full blocks after which the base fee has more than doubled.
const BLOCKS: u64 = 8;

fn spawn_transfer(client: &Client<InProcess>) -> JoinHandle<Result<TransactionId, ClientError>> {
    let client = client.clone();
    tokio::spawn(async move { client.transfer(SOMEBODY, Amount::DFSN).await })
}

/// Fills blocks with transfers of other users, who tip, until the base fee has doubled.
async fn raise_base_fee(node: &Node) {
    for user in [1, 2, 3, 4] {
        let key = user_key(user);
        for nonce in 0..BLOCK_TRANSFERS * BLOCKS / 4 {
            let sent = node.submit(&key, |transaction| {
                transaction.nonce = Nonce::new(nonce);
                transaction.max_fee_per_gas = Amount::from_base_units(1_000_000_000_000);
                transaction.max_priority_fee_per_gas = Amount::from_base_units(1_000_000_000);
                let amount = Amount::from_base_units(1);
                transaction.kind =
                    dfsn_types::TransactionKind::Transfer { to: crate::node::genesis::address(&key), amount };
            });
            sent.await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn base_fee_over_the_offer_ends_the_wait_and_the_same_call_pays_today_s_fee() {
    let node = Node::start();
    let (user, before) = (node.client(0), node.base_fee());
    node.hold();
    let sending = spawn_transfer(&user);
    node.until_waiting().await;
    raise_base_fee(&node).await;
    node.release();
    let start = Instant::now();
    let error = sending.await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::NotIncluded { nonce: Nonce::ZERO, .. }), "{error}");
    assert!(error.is_retryable());
    assert!(start.elapsed() <= ClientConfig::default().inclusion_timeout);
    assert!(node.base_fee() > before.checked_mul(2).unwrap(), "that is why");
    assert_eq!(node.balance(&SOMEBODY), Amount::ZERO);

    user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    assert_eq!(node.balance(&SOMEBODY), Amount::DFSN, "paid once");
    assert_eq!(user.account(user.address()).await.unwrap().nonce, Nonce::new(1));
}

#[tokio::test(start_paused = true)]
async fn timeout_is_as_configured() {
    let node = Node::start();
    let inclusion_timeout = Duration::from_secs(5);
    let user = node.client_with(0, ClientConfig { inclusion_timeout, ..ClientConfig::default() });
    node.hold();
    let start = Instant::now();
    let error = user.transfer(SOMEBODY, Amount::DFSN).await.unwrap_err();
    assert!(
        matches!(error, ClientError::NotIncluded { waited, .. } if waited == inclusion_timeout),
        "{error}"
    );
    assert_eq!(start.elapsed().as_secs(), 5);
    // Again and again: each try outbids the last, and one of them counts.
    for _ in 0..3 {
        let again = user.transfer(SOMEBODY, Amount::DFSN).await.unwrap_err();
        assert!(matches!(again, ClientError::NotIncluded { nonce: Nonce::ZERO, .. }), "{again}");
    }
    node.release();
    node.until_sealed().await;
    assert_eq!(node.balance(&SOMEBODY), Amount::DFSN, "paid once");
}

#[tokio::test(start_paused = true)]
async fn late_inclusion_is_told_before_anything_else_is_sent() {
    let node = Node::start();
    let user = node.client(0);
    node.hold();
    let ClientError::NotIncluded { id, .. } = user.transfer(SOMEBODY, Amount::DFSN).await.unwrap_err() else {
        panic!("no block was built")
    };
    node.release();
    node.until_sealed().await;
    assert_eq!(node.balance(&SOMEBODY), Amount::DFSN);

    let error = user.transfer(SOMEBODY, Amount::DFSN).await.unwrap_err();
    assert!(
        matches!(error, ClientError::EarlierSettled { earlier, nonce: Nonce::ZERO } if earlier == id),
        "{error}"
    );
    assert!(!error.is_retryable());
    assert_eq!(node.balance(&SOMEBODY), Amount::DFSN, "nothing was sent");
    user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    assert_eq!(node.balance(&SOMEBODY), Amount::from_dfsn(2), "told once");
}

#[tokio::test(start_paused = true)]
async fn dropped_call_is_not_forgotten() {
    let node = Node::start();
    let user = node.client(0);
    node.hold();
    let call = user.transfer(SOMEBODY, Amount::DFSN);
    tokio::time::timeout(Duration::from_secs(1), call).await.unwrap_err();
    node.release();
    node.until_sealed().await;
    let error = user.transfer(SOMEBODY, Amount::DFSN).await.unwrap_err();
    assert!(matches!(error, ClientError::EarlierSettled { .. }), "{error}");
    assert_eq!(node.balance(&SOMEBODY), Amount::DFSN);
}

#[tokio::test(start_paused = true)]
async fn replacement_by_another_client_of_the_key_is_told() {
    let node = Node::start();
    let user = node.client(0);
    node.hold();
    let sending = spawn_transfer(&user);
    node.until_waiting().await;
    let key = user_key(0);
    let outbid = node.submit(&key, |transaction| {
        transaction.max_fee_per_gas = transaction.max_fee_per_gas.checked_mul(3).unwrap();
        transaction.kind = dfsn_types::TransactionKind::Stake { amount: Amount::DFSN };
        transaction.gas_limit = dfsn_consensus::gas::gas_of(&transaction.kind);
    });
    outbid.await.unwrap();
    node.release();
    let error = sending.await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Replaced { nonce: Nonce::ZERO, .. }), "{error}");
    assert!(error.is_retryable());
    assert_eq!(node.balance(&SOMEBODY), Amount::ZERO);
    user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    assert_eq!(node.balance(&SOMEBODY), Amount::DFSN);
}

#[tokio::test(start_paused = true)]
async fn underpriced_replacement_is_refused() {
    let node = Node::start();
    let (first, second) = (node.client(0), node.client(0));
    node.hold();
    let sending = spawn_transfer(&first);
    node.until_waiting().await;
    // A second client of the same key knows nothing of the first one's transaction.
    let error = second.transfer(SOMEBODY, Amount::from_base_units(1)).await.unwrap_err();
    let ClientError::Transport(TransportError::Refused(reason)) = &error else { panic!("{error}") };
    assert!(reason.starts_with("MEM-03"), "{reason}");
    node.release();
    sending.await.unwrap().unwrap();
    second.transfer(SOMEBODY, Amount::from_base_units(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn client_that_misses_its_receipt_does_not_claim_success() {
    let node = Node::start();
    let user = node.client(0);
    node.hold();
    let sending = spawn_transfer(&user);
    node.until_waiting().await;
    node.chain().noise = 5_000;
    node.release();
    let error = sending.await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::OutcomeUnknown { nonce: Nonce::ZERO, .. }), "{error}");
    assert!(!error.is_retryable());
    user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
}
