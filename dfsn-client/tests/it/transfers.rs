//! Transactions that are included, fail, or are refused.

use dfsn_client::transport::TransportError;
use dfsn_client::view::Preview;
use dfsn_client::{Client, ClientError};
use dfsn_types::{Amount, Nonce, RuleId, Secp256k1SecretKey, SecretKey, TransactionKind};

use crate::node::genesis::{USER_MONEY, address, user_key};
use crate::node::{Node, SOMEBODY};

const TRANSFER_GAS: u64 = 21_000;

#[tokio::test(start_paused = true)]
async fn transfer_moves_money_and_costs_the_base_fee() {
    let node = Node::start();
    let (user, fee) = (node.client(0), node.base_fee().checked_mul(TRANSFER_GAS).unwrap());
    user.transfer(SOMEBODY, Amount::from_dfsn(3)).await.unwrap();

    let (sender, receiver) =
        (user.account(user.address()).await.unwrap(), user.account(SOMEBODY).await.unwrap());
    assert_eq!(receiver.balance, Amount::from_dfsn(3));
    assert_eq!(sender.nonce, Nonce::new(1));
    let spent = USER_MONEY.checked_sub(sender.balance).unwrap();
    assert_eq!(spent, Amount::from_dfsn(3).checked_add(fee).unwrap(), "not the headroom that was offered");
}

#[tokio::test(start_paused = true)]
async fn sends_of_one_client_and_its_clones_take_turns() {
    let node = Node::start();
    let user = node.client(0);
    let sends = (1..=8).map(|amount| {
        let clone = user.clone();
        tokio::spawn(async move { clone.transfer(SOMEBODY, Amount::from_base_units(amount)).await })
    });
    let mut ids = Vec::new();
    for send in sends.collect::<Vec<_>>() {
        ids.push(send.await.unwrap().unwrap());
    }
    let (first, second) = tokio::join!(
        user.transfer(SOMEBODY, Amount::from_base_units(100)),
        user.transfer(SOMEBODY, Amount::from_base_units(200)),
    );
    ids.extend([first.unwrap(), second.unwrap()]);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10, "each call has a transaction of its own");
    assert_eq!(user.account(user.address()).await.unwrap().nonce, Nonce::new(10));
    assert_eq!(node.balance(&SOMEBODY), Amount::from_base_units(336));
}

#[tokio::test(start_paused = true)]
async fn failed_transaction_names_its_rule_and_costs_its_fee() {
    let node = Node::start();
    let user = node.client(0);
    for (amount, rule) in [(USER_MONEY, "MON-02"), (Amount::ZERO, "MON-03")] {
        let before = node.balance(&user.address());
        let error = user.transfer(SOMEBODY, amount).await.unwrap_err();
        assert!(
            matches!(&error, ClientError::Failed { rule: broken, .. } if broken.as_str() == rule),
            "{error}"
        );
        assert!(!error.is_retryable());
        assert!(error.to_string().contains(rule), "{error}");
        assert!(node.balance(&user.address()) < before, "the fee is spent");
    }
    assert_eq!(node.balance(&SOMEBODY), Amount::ZERO);
    // The nonces of failed transactions are used, and the client goes on.
    user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    assert_eq!(user.account(user.address()).await.unwrap().nonce, Nonce::new(3));
}

#[tokio::test(start_paused = true)]
async fn account_without_money_is_refused() {
    let node = Node::start();
    let poor = Client::new(node.transport.clone(), SecretKey::from_seed(&[0xee; 32]));
    let error = poor.transfer(SOMEBODY, Amount::from_base_units(1)).await.unwrap_err();
    let ClientError::Transport(TransportError::Refused(reason)) = &error else { panic!("{error}") };
    assert!(reason.starts_with("MEM-06: TX-04"), "{reason}");
    assert!(!error.is_retryable());
    // A refused transaction leaves nothing behind: with money, the same client sends.
    node.client(0).transfer(poor.address(), Amount::DFSN).await.unwrap();
    poor.transfer(SOMEBODY, Amount::from_base_units(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wrong_nonces_are_refused() {
    let node = Node::start();
    node.client(0).transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    for (nonce, rule) in [(0, "MEM-02"), (1_000, "MEM-07")] {
        let sent = node.submit(&user_key(0), |transaction| transaction.nonce = Nonce::new(nonce)).await;
        let Err(TransportError::Refused(reason)) = sent else { panic!("{sent:?}") };
        assert!(reason.starts_with(rule), "{reason}");
    }
    assert_eq!(node.chain().state().accounts.get(&address(&user_key(0))).unwrap().nonce, Nonce::new(1));
}

#[tokio::test(start_paused = true)]
async fn wallet_key_sends_as_a_wallet_would() {
    let node = Node::start();
    let bot = Client::new(node.transport.clone(), Secp256k1SecretKey::from_bytes(&[7; 32]).unwrap());
    node.client(0).transfer(bot.address(), Amount::from_dfsn(5)).await.unwrap();
    bot.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    assert_eq!(node.balance(&SOMEBODY), Amount::DFSN);
    let spent = Amount::from_dfsn(4).checked_sub(node.balance(&bot.address())).unwrap();
    assert!(spent >= node.base_fee().checked_mul(TRANSFER_GAS).unwrap(), "and paid a fee, {spent}");

    let quote = bot.quote(&crate::node::params(1, 1)).await.unwrap();
    let request = crate::node::request(crate::node::params(1, 1), quote.price_per_unit);
    let job = bot.generate(request).await.unwrap();
    assert_eq!(bot.job(job.id()).await.unwrap().price, quote.price);

    // What would move nothing is not sent.
    let nonce = bot.account(bot.address()).await.unwrap().nonce;
    let test = TransactionKind::TestHardware { pair: crate::node::genesis::pair() };
    let refused = bot.send(test.clone()).await;
    assert!(
        matches!(&refused, Err(ClientError::WouldFail { rule }) if rule.as_str() == "STK-01"),
        "{refused:?}"
    );
    assert_eq!(bot.preview(&test).await, Ok(Preview::Fails(RuleId::new("STK-01").unwrap())));
    assert_eq!(bot.account(bot.address()).await.unwrap().nonce, nonce);
    // What moves nothing by its nature fails where a native one fails, too.
    let unstake = TransactionKind::Unstake { amount: Amount::DFSN };
    let failed = bot.send(unstake).await;
    assert!(
        matches!(&failed, Err(ClientError::Failed { rule, .. }) if rule.as_str() == "STK-01"),
        "{failed:?}"
    );
}
