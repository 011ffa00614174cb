//! What an honest node does with its plugin.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use dfsn_types::{Amount, TransactionKind};
use fusionvm::plugin::proto::vm;
use tokio::net::TcpStream;

use super::database::MemoryDatabase;
use super::host::{Host, PATIENCE, PROGRAM, Sent, Waiting, command, terminate};
use super::{SOMEBODY, balance, network, submit};

/// Long enough for an event that comes at once, and no test of speed.
const A_WHILE: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_only_asks_for_the_version_gets_it() {
    let mut host = Host::start(&MemoryDatabase::default()).await;
    assert_eq!(host.protocol, 45);
    let version = host.vm.version(()).await.unwrap().into_inner().version;
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let health = host.vm.health(()).await.unwrap().into_inner().details;
    let health: serde_json::Value = serde_json::from_slice(&health).unwrap();
    assert_eq!(health["initialised"], false);
    // Whatever else it is asked: an answer, and no end.
    let early = host.build().await.unwrap_err();
    assert!(early.message().contains("not initialised"), "{early}");
    host.vm.app_gossip(vm::AppGossipMsg::default()).await.unwrap();
    // A terminal's Ctrl-C goes to the whole group, and the end is announced by the node.
    terminate(&host.child);
    assert!(Command::new("kill").args(["-INT", &host.child.id().to_string()]).status().unwrap().success());
    tokio::time::sleep(A_WHILE).await;
    host.vm.version(()).await.unwrap();
    host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_name_says_the_protocol_and_a_node_of_another_one_is_told_by_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("n8AzjcdC5RQA1ZHdM7yJZFbqtwWPwKcr2RqscwAZbBXi3sWde.p46");
    std::fs::copy(PROGRAM, &program).unwrap();
    let host = Host::start_program(&program, &MemoryDatabase::default()).await;
    assert_eq!(host.protocol, 46);
    host.shut_down().await;

    let waiting = Waiting::listen(&MemoryDatabase::default(), Some(46)).await;
    let mut child = command(Path::new(PROGRAM), waiting.address).stderr(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(text.contains("another RPCChainVM protocol") && text.contains(".p46"), "{text}");
}

#[test]
fn operators_see_the_protocol_without_a_node() {
    let output = Command::new(PROGRAM).arg("version-json").output().unwrap();
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&version["rpcchainvm"], &version["name"]), (&45.into(), &"fusionvm".into()));
    assert_eq!(version["vmid"], "n8AzjcdC5RQA1ZHdM7yJZFbqtwWPwKcr2RqscwAZbBXi3sWde");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_built_decided_and_kept() {
    let (network, sender) = network();
    let database = MemoryDatabase::default();
    let mut host = Host::start(&database).await;
    let genesis = host.initialize(&network).await.unwrap();
    assert_eq!((genesis.height, genesis.last_accepted_id.len()), (0, 32));
    assert!(genesis.timestamp.is_some());
    let again = host.initialize(&network).await.unwrap_err();
    assert!(again.message().contains("already"), "{again}");
    assert!(!host.vm.state_sync_enabled(()).await.unwrap().into_inner().enabled);
    let summary = host.vm.get_last_state_summary(()).await.unwrap().into_inner();
    assert_eq!(summary.err(), vm::Error::StateSyncNotImplemented);

    // The genesis is a block like others.
    let parsed = host.parse(&genesis.bytes).await.unwrap();
    assert_eq!((parsed.id, parsed.height), (genesis.last_accepted_id.clone(), 0));
    host.verify(&genesis.bytes).await.unwrap();
    let at = host.vm.get_block_id_at_height(vm::GetBlockIdAtHeightRequest { height: 0 }).await.unwrap();
    assert_eq!(at.into_inner().blk_id, genesis.last_accepted_id);

    // Nothing is built before normal operation, whatever waits, and whoever waited then is answered after it.
    host.set_state(vm::State::Bootstrapping).await;
    submit(&mut host, &sender.transfer(0)).await;
    let early = tokio::time::timeout(A_WHILE, host.vm.wait_for_event(())).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(host.call("dfsn_syncing", serde_json::json!([])).await["syncing"], true);
    let syncing = host.eth("eth_syncing", serde_json::json!([])).await;
    assert_eq!(
        (&syncing["currentBlock"], &syncing["highestBlock"]),
        (&"0x0".into(), &"0x0".into()),
        "{syncing}"
    );
    host.prefer(&genesis.last_accepted_id).await;
    assert_eq!(host.set_state(vm::State::NormalOp).await.last_accepted_id, genesis.last_accepted_id);
    assert_eq!(host.call("dfsn_syncing", serde_json::json!([])).await["syncing"], false);
    assert_eq!(host.eth("eth_syncing", serde_json::json!([])).await, false);

    // An event is there as long as its reason is: a node that lost the answer asks again.
    for _ in 0..3 {
        assert_eq!(host.event().await, vm::Message::BuildBlock);
    }
    let first = host.next_block().await;
    assert_eq!((first.height, &first.parent_id), (1, &genesis.last_accepted_id));
    let idle = tokio::time::timeout(A_WHILE, host.vm.wait_for_event(())).await;
    assert!(idle.is_err(), "{idle:?}");
    let nothing = host.build().await.unwrap_err();
    assert!(nothing.message().contains("nothing waits"), "{nothing}");

    submit(&mut host, &sender.transfer(1)).await;
    let second = host.next_block().await;
    let ask = vm::GetAncestorsRequest {
        blk_id: second.id.clone(),
        max_blocks_num: 10,
        max_blocks_size: 1 << 20,
        max_blocks_retrival_time: 1_000_000_000,
    };
    let ancestors = host.vm.get_ancestors(ask.clone()).await.unwrap().into_inner().blks_bytes;
    assert_eq!(ancestors, [second.bytes.clone(), first.bytes.clone(), genesis.bytes.clone()]);
    let one = vm::GetAncestorsRequest { max_blocks_size: 1, ..ask };
    assert_eq!(host.vm.get_ancestors(one).await.unwrap().into_inner().blks_bytes.len(), 1);
    let unknown = vm::GetBlockRequest { id: Bytes::from(vec![9; 32]) };
    assert_eq!(host.vm.get_block(unknown).await.unwrap().into_inner().err(), vm::Error::NotFound);
    let beyond = host.vm.get_block_id_at_height(vm::GetBlockIdAtHeightRequest { height: 3 }).await.unwrap();
    assert_eq!(beyond.into_inner().err(), vm::Error::NotFound);
    host.shut_down().await;
    assert_eq!(database.open_iterators(), 0);

    // The same database, another process.
    let mut host = Host::start(&database).await;
    let accepted = host.initialize(&network).await.unwrap();
    assert_eq!((accepted.height, accepted.bytes), (2, second.bytes));
    assert_eq!(balance(&mut host).await, serde_json::json!(Amount::from_dfsn(2)));
    let receipt = host.call("dfsn_getReceipt", serde_json::json!([sender.transfer(1).id()])).await;
    assert_eq!(receipt["height"], 2);
    host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_found_by_topic_before_and_after_a_restart() {
    let (network, sender) = network();
    let database = MemoryDatabase::default();
    let mut host = Host::normal(&network, &database).await;
    let stake = TransactionKind::Stake { amount: Amount::from_dfsn(1_000) };
    let kinds = [stake, TransactionKind::ChangeOwner { to: SOMEBODY }];
    for (nonce, kind) in (0..).zip(kinds) {
        submit(&mut host, &sender.sign(nonce, kind)).await;
        host.next_block().await;
    }
    let owner = format!("0x{}{}", "00".repeat(12), hex::encode(SOMEBODY.as_bytes()));
    let filter = |owner: &str| serde_json::json!([{ "fromBlock": "0x0", "topics": [null, null, [owner]] }]);
    let found = host.eth("eth_getLogs", filter(&owner)).await;
    assert_eq!(
        (found.as_array().map(Vec::len), &found[0]["blockNumber"]),
        (Some(1), &"0x2".into()),
        "{found}"
    );
    let nobody = format!("0x{}", "11".repeat(32));
    assert_eq!(host.eth("eth_getLogs", filter(&nobody)).await, serde_json::json!([]));
    host.shut_down().await;
    assert_eq!(database.open_iterators(), 0);

    let mut host = Host::normal(&network, &database).await;
    assert_eq!(host.eth("eth_getLogs", filter(&owner)).await, found);
    host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_node_takes_blocks_out_of_order_and_reaches_the_same_state() {
    let (network, sender) = network();
    let mut first = Host::normal(&network, &MemoryDatabase::default()).await;
    let mut blocks = Vec::new();
    for nonce in 0..5 {
        submit(&mut first, &sender.transfer(nonce)).await;
        blocks.push(first.next_block().await);
    }
    let late = network.another();
    let mut second = Host::start(&MemoryDatabase::default()).await;
    second.initialize(&late).await.unwrap();
    second.set_state(vm::State::Bootstrapping).await;
    let mut request: Vec<Bytes> = blocks.iter().map(|block| block.bytes.clone()).collect();
    request.reverse();
    request.swap(0, 2);
    let parsed = second.vm.batched_parse_block(vm::BatchedParseBlockRequest { request }).await.unwrap();
    let heights: Vec<u64> = parsed.into_inner().response.iter().map(|block| block.height).collect();
    assert_eq!(heights, [3, 4, 5, 2, 1]);
    let orphan = second.verify(&blocks[1].bytes).await.unwrap_err();
    assert!(orphan.message().contains("not processing"), "{orphan}");
    for block in &blocks {
        second.verify(&block.bytes).await.unwrap();
        second.verify(&block.bytes).await.unwrap();
        second.accept(&block.id).await.unwrap();
    }
    let last = second.set_state(vm::State::NormalOp).await;
    assert_eq!(last.last_accepted_id, blocks[4].id);
    assert_eq!(balance(&mut second).await, balance(&mut first).await);
    let roots = async |host: &mut Host| host.call("dfsn_getHeaders", serde_json::json!([1])).await;
    assert_eq!(roots(&mut second).await, roots(&mut first).await);
    first.shut_down().await;
    second.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_siblings_one_is_accepted_and_what_the_other_held_waits_again() {
    let (network, sender) = network();
    let mut ours = Host::normal(&network, &MemoryDatabase::default()).await;
    let mut theirs = Host::normal(&network.another(), &MemoryDatabase::default()).await;
    submit(&mut ours, &sender.transfer_of(0, Amount::from_dfsn(5))).await;
    submit(&mut theirs, &sender.transfer(0)).await;
    let own = {
        assert_eq!(ours.event().await, vm::Message::BuildBlock);
        ours.build().await.unwrap()
    };
    ours.verify(&own.bytes).await.unwrap();
    ours.prefer(&own.id).await;
    // A second transfer, which only the block that loses could hold next.
    submit(&mut ours, &sender.transfer(1)).await;
    let first = theirs.next_block().await;
    submit(&mut theirs, &sender.transfer_of(1, Amount::from_dfsn(7))).await;
    let child = theirs.next_block().await;

    // The other side has won two blocks: both are processing, then preferred, then accepted in order.
    ours.verify(&first.bytes).await.unwrap();
    ours.verify(&child.bytes).await.unwrap();
    let processing = ours.vm.get_block(vm::GetBlockRequest { id: child.id.clone() }).await.unwrap();
    assert_eq!((processing.get_ref().height, &processing.get_ref().bytes), (2, &child.bytes));
    ours.prefer(&child.id).await;
    let early = ours.accept(&child.id).await.unwrap_err();
    assert!(early.message().contains("not processing"), "{early}");
    ours.accept(&first.id).await.unwrap();
    ours.vm.block_reject(vm::BlockRejectRequest { id: own.id.clone() }).await.unwrap();
    ours.accept(&child.id).await.unwrap();
    assert_eq!(balance(&mut ours).await, serde_json::json!(Amount::from_dfsn(8)));

    // What was rejected cannot come back, since its nonce is used; the chain goes on.
    let gone = ours.vm.get_block(vm::GetBlockRequest { id: own.id }).await.unwrap().into_inner();
    assert_eq!(gone.err(), vm::Error::NotFound);
    submit(&mut ours, &sender.transfer(2)).await;
    assert_eq!(ours.next_block().await.height, 3);
    ours.shut_down().await;
    theirs.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_transfer_is_in_a_later_block() {
    let (network, sender) = network();
    let mut ours = Host::normal(&network, &MemoryDatabase::default()).await;
    let mut theirs = Host::normal(&network.another(), &MemoryDatabase::default()).await;
    for nonce in 0..2 {
        submit(&mut ours, &sender.transfer(nonce)).await;
    }
    submit(&mut theirs, &sender.transfer(0)).await;
    assert_eq!(ours.event().await, vm::Message::BuildBlock);
    let own = ours.build().await.unwrap();
    let first = theirs.next_block().await;
    ours.verify(&first.bytes).await.unwrap();
    ours.prefer(&first.id).await;
    ours.accept(&first.id).await.unwrap();
    ours.vm.block_reject(vm::BlockRejectRequest { id: own.id }).await.unwrap();
    let next = ours.next_block().await;
    theirs.verify(&next.bytes).await.unwrap();
    theirs.accept(&next.id).await.unwrap();
    assert_eq!(balance(&mut theirs).await, serde_json::json!(Amount::from_dfsn(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_sends_to_one_node_reaches_the_others() {
    let (network, sender) = network();
    let mut ours = Host::normal(&network, &MemoryDatabase::default()).await;
    let mut theirs = Host::normal(&network.another(), &MemoryDatabase::default()).await;
    submit(&mut ours, &sender.transfer(0)).await;
    let Sent::Gossip(gossip) = ours.sent().await else { panic!("something else was sent") };
    assert!(gossip.validators > 0 && gossip.peers > 0, "{gossip:?}");
    let message = vm::AppGossipMsg { node_id: Bytes::from(vec![1; 20]), msg: gossip.msg.into() };
    theirs.vm.app_gossip(message).await.unwrap();
    let block = theirs.next_block().await;
    ours.verify(&block.bytes).await.unwrap();
    ours.accept(&block.id).await.unwrap();
    assert_eq!(balance(&mut ours).await, serde_json::json!(Amount::DFSN));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_port_answers_for_the_chain() {
    let (network, sender) = network();
    let mut host = Host::normal(&network, &MemoryDatabase::default()).await;
    let handlers = host.vm.create_handlers(()).await.unwrap().into_inner().handlers;
    assert!(handlers.iter().any(|handler| handler.prefix == "/health"), "{handlers:?}");
    assert!(handlers.iter().all(|handler| handler.server_addr == host.plugin.to_string()));
    let health = host.request("GET", "/health", "").await;
    assert_eq!(health.code, 200);
    // What the node has set stays.
    assert!(health.headers.iter().any(|header| header.key == "Vary"), "{:?}", health.headers);
    assert_eq!(host.request("GET", "/nothing", "").await.code, 404);
    assert_eq!(host.request("GET", "/blobs/xyz", "").await.code, 400);
    submit(&mut host, &sender.transfer(0)).await;
    host.next_block().await;
    let metrics = host.request("GET", "/metrics", "").await;
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(text.lines().any(|line| line == "fusionvm_height 1"), "{text}");
    let families = host.vm.gather(()).await.unwrap().into_inner().metric_families;
    let height = families.iter().find(|family| family.name() == "height").expect("a height");
    assert_eq!(height.metric[0].gauge.as_ref().unwrap().value(), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_of_the_operator_is_named() {
    let (mut network, _) = network();
    network.config = br#"{"keystor": "/nowhere"}"#.to_vec();
    let mut host = Host::start(&MemoryDatabase::default()).await;
    let error = host.initialize(&network).await.unwrap_err();
    assert!(error.message().contains("keystor"), "{error}");
    // The mistake is mended without another process.
    network.config.clear();
    host.initialize(&network).await.unwrap();
    host.shut_down().await;

    let mut host = Host::start(&MemoryDatabase::default()).await;
    network.genesis = b"{}".to_vec();
    let error = host.initialize(&network).await.unwrap_err();
    assert!(error.message().contains("no genesis"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_whose_node_has_died_ends() {
    let mut waiting = Waiting::listen(&MemoryDatabase::default(), None).await;
    // The shell stands for the node: it starts the plugin, and dies without a word.
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" & wait", PROGRAM]).stdout(Stdio::null()).stderr(Stdio::null());
    shell.env(fusionvm::plugin::ENGINE_VARIABLE, waiting.address.to_string());
    let mut shell = shell.spawn().unwrap();
    let plugin = waiting.announced().await.addr;
    TcpStream::connect(&plugin).await.unwrap();
    shell.kill().unwrap();
    shell.wait().unwrap();
    let end = tokio::time::Instant::now() + PATIENCE;
    while TcpStream::connect(&plugin).await.is_ok() {
        assert!(tokio::time::Instant::now() < end, "the plugin is an orphan");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
