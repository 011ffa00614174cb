//! The network's schedule of upgrades, as AvalancheGo hands it over: the bytes of `upgrade.json`.

use dfsn_types::{ConsensusParams, DurationMs, Timestamp};
use serde_json::{Value, json};

use super::database::MemoryDatabase;
use super::host::{Host, Network};
use super::{Sender, network, submit};

const WEEK_MS: u64 = 7 * 24 * 3_600_000;
/// Before any chain of these tests.
const LONG_AGO: u64 = 1_700_000_000_000;

/// An upgrade that was announced in time.
fn upgrade(activation: u64, version: u64, new_params: &impl serde::Serialize) -> Value {
    let announced = activation - WEEK_MS;
    json!({ "announced": announced, "activation": activation, "rule_version": version, "new_params": new_params })
}

fn schedule(upgrades: &[Value]) -> Vec<u8> {
    json!({ "upgrades": upgrades }).to_string().into_bytes()
}

/// The network's parameters with another time of unbonding, in days.
fn unbonding(sender: &Sender, days: u64) -> ConsensusParams {
    let mut params = sender.genesis.params.clone();
    params.windows.unbonding_ms = DurationMs::new(days * 24 * 3_600_000);
    params
}

/// What a node says of the time of unbonding, in days.
async fn days(host: &mut Host) -> u64 {
    let network = host.call("dfsn_network", json!([])).await;
    network["params"]["windows"]["unbonding_ms"].as_u64().unwrap() / (24 * 3_600_000)
}

/// Why a node does not start.
async fn refusal(network: &Network, database: &MemoryDatabase) -> String {
    let mut host = Host::start(database).await;
    let error = host.initialize(network).await.unwrap_err();
    error.message().to_owned()
}

fn now() -> u64 {
    fusionvm::system_time().get()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_numbers_are_in_force_from_the_first_block_of_their_time_on_every_node() {
    let (mut network, sender) = network();
    // One that is older than the network, and one that comes while it runs.
    let soon = now() + 3_000;
    network.upgrades =
        schedule(&[upgrade(LONG_AGO, 1, &unbonding(&sender, 8)), upgrade(soon, 1, &unbonding(&sender, 9))]);
    let mut host = Host::normal(&network, &MemoryDatabase::default()).await;
    assert_eq!(days(&mut host).await, 7, "the genesis");
    submit(&mut host, &sender.transfer(0)).await;
    let mut blocks = vec![host.next_block().await];
    assert!(now() > soon || days(&mut host).await == 8);
    while now() <= soon {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    submit(&mut host, &sender.transfer(1)).await;
    blocks.push(host.next_block().await);
    assert_eq!(days(&mut host).await, 9);

    // A node that comes late makes the same upgrades at the same blocks; one without the schedule cannot follow.
    let mut late = Host::normal(&network.another(), &MemoryDatabase::default()).await;
    for block in &blocks {
        late.verify(&block.bytes).await.unwrap();
        late.accept(&block.id).await.unwrap();
    }
    assert_eq!(days(&mut late).await, 9);
    let mut without = network.another();
    without.upgrades.clear();
    let mut without = Host::normal(&without, &MemoryDatabase::default()).await;
    let refused = without.verify(&blocks[0].bytes).await.unwrap_err();
    assert!(refused.message().contains("state root"), "{refused}");
    host.shut_down().await;
    late.shut_down().await;
    without.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_cannot_be_used_is_named() {
    let (mut network, sender) = network();
    let future = now() + 10 * WEEK_MS;
    let mut narrow = unbonding(&sender, 8);
    narrow.windows.claim_ms = DurationMs::ZERO;
    let none = Value::Null;
    let mut hasty = upgrade(future, 1, &none);
    hasty["announced"] = json!(future - WEEK_MS + 1);
    let mut misspelt = upgrade(future, 1, &none);
    misspelt["activaton"] = json!(1);
    for (upgrades, says) in [
        (b"[".to_vec(), "EOF"),
        (br#"{"upgrade":[]}"#.to_vec(), "unknown field `upgrade`"),
        (schedule(&[misspelt]), "unknown field `activaton`"),
        (schedule(&[upgrade(future, 1, &none), upgrade(future, 1, &none)]), "UPG-01"),
        (schedule(&[upgrade(future, 2, &none), upgrade(future + 1, 1, &none)]), "UPG-01"),
        (schedule(&[hasty]), "UPG-02"),
        (schedule(&[upgrade(future, 1, &narrow)]), "claim_ms"),
        (schedule(&[upgrade(LONG_AGO, 2, &none)]), "UPG-04"),
    ] {
        network.upgrades = upgrades;
        let message = refusal(&network, &MemoryDatabase::default()).await;
        assert!(message.contains(says) && message.contains("upgrade.json"), "{says}: {message}");
    }
    // There is time to install a release that knows the rules of ten weeks from now.
    network.upgrades = schedule(&[upgrade(future, 2, &none)]);
    let database = MemoryDatabase::default();
    let mut host = Host::normal(&network, &database).await;
    submit(&mut host, &sender.transfer(0)).await;
    host.next_block().await;
    host.shut_down().await;

    // The chain went past an upgrade without it.
    let genesis: Timestamp = sender.genesis.timestamp;
    network.upgrades = schedule(&[upgrade(genesis.get(), 1, &unbonding(&sender, 8))]);
    let message = refusal(&network, &database).await;
    assert!(message.contains("UPG-05") && message.contains("upgrade.json"), "{message}");
}
