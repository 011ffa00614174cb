//! What a node answers.

use dfsn_client::transport::{Notification, Transport, TransportError};
use dfsn_client::view::HistoryQuery;
use dfsn_types::{Address, Amount, BlockHeight, TransactionId};

use super::DevNode;

const SOMEBODY: Address = Address::from_bytes([0x50; 20]);

#[tokio::test]
async fn coins_come_from_the_faucet_and_go_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let user = node.user(1).await;
    assert_eq!(user.account(user.address()).await.unwrap().balance, Amount::from_dfsn(10));
    let id = user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();

    let transport = node.transport().await;
    let receipt = transport.receipt(id).await.unwrap().expect("a block has it");
    assert_eq!((receipt.height.get(), receipt.receipt.id), (2, id));
    let blocks = transport.blocks(receipt.height).await.unwrap();
    assert_eq!((blocks.len(), &blocks[0].transactions[..]), (1, &[id][..]));
    assert_eq!(transport.receipt(TransactionId::from_bytes([1; 32])).await.unwrap(), None);

    let twice = transport.ask_faucet(user.address()).await.unwrap_err();
    assert!(matches!(&twice, TransportError::Busy(why) if why.contains("ask again in")), "{twice}");
    node.stop().await;
}

#[tokio::test]
async fn a_transaction_that_a_block_has_is_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let user = node.user(1).await;
    let transport = node.transport().await;
    let network = transport.network().await.unwrap();
    let transfer = dfsn_types::Transaction {
        chain_id: network.chain_id,
        nonce: dfsn_types::Nonce::ZERO,
        gas_limit: dfsn_types::Gas::new(21_000),
        max_fee_per_gas: network.base_fee_per_gas,
        max_priority_fee_per_gas: Amount::ZERO,
        kind: dfsn_types::TransactionKind::Transfer { to: SOMEBODY, amount: Amount::DFSN },
    };
    let chain = dfsn_types::ChainIdentity { chain_id: network.chain_id, genesis: network.genesis };
    let signed = transfer.sign(&chain, &dfsn_types::SecretKey::from_seed(&[1; 32]));
    let mut subscription = transport.subscribe();
    let id = transport.submit(signed.clone()).await.unwrap();
    while !matches!(&*subscription.recv().await.unwrap(), Notification::Block { receipts, .. }
        if receipts.iter().any(|receipt| receipt.id == id))
    {}
    assert_eq!(transport.submit(signed).await.unwrap(), id, "as after an answer that was lost");
    assert_eq!(user.account(SOMEBODY).await.unwrap().balance, Amount::DFSN);
    node.stop().await;
}

#[tokio::test]
async fn a_node_goes_on_where_it_stopped_and_makes_a_lost_index_again() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let user = node.user(1).await;
    let id = user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    drop(user);
    node.stop().await;

    std::fs::remove_file(folder.path().join("index.redb")).unwrap();
    let node = DevNode::start(folder.path()).await;
    let transport = node.transport().await;
    assert_eq!(transport.sync_status().await.unwrap().height, BlockHeight::new(2));
    assert_eq!(transport.account(SOMEBODY).await.unwrap().balance, Amount::DFSN);
    assert_eq!(transport.receipt(id).await.unwrap().unwrap().height, BlockHeight::new(2));
    node.stop().await;
}

#[tokio::test]
async fn what_an_account_did_is_read_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let user = node.user(1).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(user.transfer(SOMEBODY, Amount::from_base_units(1)).await.unwrap());
    }
    let to_itself = user.transfer(user.address(), Amount::from_base_units(1)).await.unwrap();
    ids.reverse();

    let transport = node.transport().await;
    let received = transport.history(HistoryQuery::of(SOMEBODY)).await.unwrap();
    assert_eq!(received.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), ids);
    assert_eq!(received.next, None);
    // The faucet's transfer is the oldest; one to itself is one.
    let (mut query, mut pages) =
        (HistoryQuery { limit: Some(3), ..HistoryQuery::of(user.address()) }, Vec::new());
    loop {
        let page = transport.history(query).await.unwrap();
        query.before = page.next;
        pages.push(page.entries);
        if query.before.is_none() {
            break;
        }
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    let all: Vec<_> = pages.concat().iter().map(|entry| entry.id).collect();
    assert_eq!((all[0], &all[1..6]), (to_itself, &ids[..]));
    for entry in pages.concat() {
        assert_eq!(transport.receipt(entry.id).await.unwrap().unwrap().height, entry.place.height);
    }
    let nobody = HistoryQuery::of(Address::from_bytes([0x52; 20]));
    assert!(transport.history(nobody).await.unwrap().entries.is_empty());
    node.stop().await;
}

#[tokio::test]
async fn a_folder_has_one_node() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let network = fusionvm::DevNetwork::open(folder.path(), None).unwrap();
    let second = fusionvm::Node::start(fusionvm::NodeParts {
        data_dir: folder.path(),
        genesis: &network.genesis,
        sealer: &network.sealer,
        beacon: None,
        upgrades: fusionvm::Upgrades::default(),
        blobs: node.blobs.clone(),
        clock: fusionvm::system_time,
    });
    let error = second.unwrap_err().to_string();
    assert!(error.contains("open in another process"), "{error}");
    node.stop().await;
}

#[tokio::test]
async fn health_and_figures_are_there_for_whoever_watches() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    node.user(1).await;
    let health = node.get("/health", "").await;
    let body: serde_json::Value = serde_json::from_slice(&health.body).unwrap();
    assert_eq!((health.status, &body["healthy"], &body["height"]), (200, &true.into(), &1.into()));
    let metrics = node.get("/metrics", "").await;
    assert_eq!(metrics.status, 200);
    for line in
        ["fusionvm_height 1", "fusionvm_transactions_total 1", "fusionvm_submissions_accepted_total 1"]
    {
        assert!(metrics.text().lines().any(|it| it == line), "{line} in {}", metrics.text());
    }
    node.stop().await;
}

#[tokio::test]
async fn web_pages_may_ask() {
    let folder = tempfile::tempdir().unwrap();
    let node = DevNode::start(folder.path()).await;
    let preflight = node
        .raw(
            "OPTIONS / HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: https://app.example.org\r\n\
             access-control-request-method: POST\r\naccess-control-request-headers: content-type\r\n\r\n",
        )
        .await;
    assert_eq!(preflight.status, 200);
    assert!(preflight.head.contains("access-control-allow-origin: *"), "{}", preflight.head);
    assert!(preflight.head.contains("content-type"), "{}", preflight.head);
    node.stop().await;
}
