//! A validator that another account owns: a wallet's stake, this node's keys.

use std::num::NonZeroU16;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use dfsn_client::Client;
use dfsn_client::transport::{Http, Transport};
use dfsn_client::view::JobQuery;
use dfsn_compute::exact::{ExactOptions, load_pipeline};
use dfsn_compute::manifest;
use dfsn_compute::service::dial::Dialler;
use dfsn_compute::service::{ModelSource, Service, ServiceOptions};
use dfsn_types::{
    Amount, ChainIdentity, ComputeUpdate, NodeId, PairStatus, PublicKey, Relay, Secp256k1SecretKey,
    SecretKey, TransactionKind,
};
use fusionvm::{PublicKeys, read_genesis};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::emoji;
use super::process::{fusionvm, run, start, start_logging, terminate, text};

const WORKER_SEED: [u8; 32] = [3; 32];

fn wallet(seed: u8) -> Secp256k1SecretKey {
    Secp256k1SecretKey::from_bytes(&[seed; 32]).unwrap()
}

/// A key, a network without validators, in which a wallet has coins, and a node's configuration: what an operator types.
fn prepare(path: &Path, rest: &str) -> PublicKeys {
    let keygen = run(fusionvm(path).args(["keygen", "keystore.json"]));
    let keys: PublicKeys = serde_json::from_slice(&keygen.stdout).unwrap();
    std::fs::write(path.join("public.json"), &keygen.stdout).unwrap();
    let coins = format!("{}=5000", wallet(1).address().to_eip55());
    let mut genesis = fusionvm(path);
    genesis.args([
        "genesis",
        "--chain-id",
        "4242",
        "--sealer",
        "public.json",
        "--allocate",
        &coins,
        "--model",
    ]);
    let genesis = run(genesis.arg(emoji()));
    assert!(genesis.status.success(), "{}", text(&genesis.stderr));
    std::fs::write(path.join("genesis.json"), &genesis.stdout).unwrap();
    std::fs::write(path.join("fusionvm.toml"), rest).unwrap();
    keys
}

fn worker_key() -> PublicKey {
    SecretKey::from_seed(&WORKER_SEED).public_key()
}

/// A ComputeClient that calls a node, until the switch is dropped.
async fn call(url: &str, node: PublicKey, folder: &Path) -> (Service, watch::Sender<bool>) {
    let options = ServiceOptions::new(node, folder.to_owned());
    let starting = tokio::task::spawn_blocking(move || {
        let one = ExactOptions { threads: NonZeroU16::new(1), ..ExactOptions::default() };
        let load = Box::new(move || Ok(load_pipeline(emoji().to_owned(), one)?.boxed()));
        let model = ModelSource { id: manifest(emoji()).unwrap().id(), name: "emoji-64".to_owned(), load };
        Service::start(options, &Zeroizing::new(WORKER_SEED), vec![model]).unwrap()
    });
    let service = starting.await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let dialler = Dialler::new(&url.replace("http", "ws"), service.clone()).unwrap();
    tokio::spawn(dialler.run(stopping));
    let mut connection = service.connection();
    connection.wait_for(|is_connected| *is_connected).await.unwrap();
    (service, stop)
}

fn register(path: &Path, args: &[&str]) -> Output {
    run(fusionvm(path).arg("register").args(args))
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallets_stake_and_this_nodes_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let owner = wallet(1).address();
    let (name, key) = (owner.to_eip55(), worker_key().to_string());
    let keys = prepare(path, &format!("owner = \"{name}\"\n[[compute]]\nkey = \"{key}\"\n"));
    let (child, url, log) = start_logging(fusionvm(path).args(["run", "--config", "fusionvm.toml"]));
    log.says("does not work yet for this validator: nobody has staked").await;
    let compute = tempfile::tempdir().unwrap();
    let (service, stop) = call(&url, keys.node, compute.path()).await;

    let printed = register(path, &["--node", &url, "--price", "0.000001", "--relay", &"ab".repeat(20)]);
    let notes = text(&printed.stderr);
    assert!(printed.status.success(), "{notes}");
    assert!(notes.contains(&name) && notes.contains("emoji-64 in exact-v1, from 0.000001 DFSN"), "{notes}");
    assert!(notes.contains("has less than 1000 DFSN") && !notes.contains("owner = "), "{notes}");
    let update: ComputeUpdate = serde_json::from_slice(&printed.stdout).unwrap();
    let registration = &update.registration;
    assert_eq!((registration.duty_key, registration.vrf_key), (keys.duty_key, keys.vrf_key));
    assert_eq!((registration.compute_key, registration.payout), (worker_key(), owner));
    assert_eq!(registration.relay, Relay::Node(NodeId::from_bytes([0xab; 20])));
    // The proofs are for this owner on this network and nobody else.
    let chain: ChainIdentity = read_genesis(&path.join("genesis.json")).unwrap().identity();
    registration.verify_possession(&chain, &owner, &update.possession).unwrap();
    let other = wallet(2).address();
    assert!(registration.verify_possession(&chain, &other, &update.possession).is_err());

    // The wallet signs, and the node works for it from then on.
    let node = Http::connect(&url).await.unwrap();
    let user = Client::new(node.clone(), wallet(1));
    user.send(TransactionKind::Stake { amount: Amount::from_dfsn(1_000) }).await.unwrap();
    log.says("it has stake and no registration").await;
    user.send(TransactionKind::RegisterCompute(Box::new(update))).await.unwrap();
    log.says("works for this validator: it is registered").await;
    let validators = node.validators().await.unwrap();
    assert_eq!(validators.len(), 1);
    assert_eq!((validators[0].address, validators[0].duty_key), (owner, Some(keys.duty_key)));
    assert_eq!(validators[0].pairs[0].status, PairStatus::Trial);

    // Who has another node's keys gets nothing from this ComputeClient.
    let other_keys = tempfile::tempdir().unwrap();
    assert!(run(fusionvm(other_keys.path()).args(["keygen", "keystore.json"])).status.success());
    let keystore = other_keys.path().join("keystore.json");
    let keystore = keystore.to_str().unwrap();
    let moved = register(path, &["--node", &url, "--config", "fusionvm.toml", "--keystore", keystore]);
    assert!(text(&moved.stderr).contains("not signed by this worker's node"), "{}", text(&moved.stderr));

    stop.send_replace(true);
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
    terminate(child);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallets_validator_gets_full_on_a_development_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let keygen = run(fusionvm(path).args(["keygen", "keystore.json"]));
    let keys: PublicKeys = serde_json::from_slice(&keygen.stdout).unwrap();
    let (owner, key) = (wallet(1).address(), worker_key().to_string());
    let mut dev = fusionvm(path);
    dev.args([
        "run",
        "--dev",
        "--keystore",
        "keystore.json",
        "--owner",
        &owner.to_eip55(),
        "--compute",
        &key,
    ]);
    let (child, url) = start(dev.arg("--model").arg(emoji()));
    let compute = tempfile::tempdir().unwrap();
    let (service, stop) = call(&url, keys.node, compute.path()).await;

    let node = Http::connect(&url).await.unwrap();
    node.ask_faucet(owner).await.unwrap();
    let user = Client::new(node.clone(), wallet(1));
    user.send(TransactionKind::Stake { amount: Amount::from_dfsn(1_000) }).await.unwrap();
    let args =
        ["--keystore", "keystore.json", "--compute", &key, "--owner", &owner.to_eip55(), "--node", &url];
    let printed = register(path, &args);
    let notes = text(&printed.stderr);
    assert!(printed.status.success() && notes.contains("the node works for it with owner = "), "{notes}");
    let update: ComputeUpdate = serde_json::from_slice(&printed.stdout).unwrap();
    let pair = update.registration.offers[0].pair;
    user.send(TransactionKind::RegisterCompute(Box::new(update))).await.unwrap();

    // A test that fewer than two audit leaves the pair on trial, which one in twenty does where four can.
    let mut tests = 0;
    loop {
        let validators = node.validators().await.unwrap();
        let own = validators.iter().find(|validator| validator.address == owner).unwrap();
        if own.pairs[0].status == PairStatus::Active {
            break;
        }
        assert!(tests < 6, "still on trial after {tests} tests");
        user.send(TransactionKind::TestHardware { pair }).await.unwrap();
        tests += 1;
        let query = JobQuery { requester: Some(owner), ended: Some(true), ..JobQuery::default() };
        for looks in 0.. {
            let jobs = node.jobs(query.clone()).await.unwrap().jobs;
            if jobs.len() == tests {
                assert!(jobs.iter().all(|job| job.commitment.is_some()), "its own node draws: {jobs:?}");
                break;
            }
            assert!(looks < 2_400, "the test does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    stop.send_replace(true);
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
    terminate(child);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hinders_a_registration_is_named_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (owner, other) = (wallet(1).address().to_eip55(), wallet(2).address().to_eip55());
    let key = worker_key().to_string();
    let keys = prepare(path, "");
    let (child, url, _) = start_logging(fusionvm(path).args(["run", "--config", "fusionvm.toml"]));
    let fails = |args: &[&str], says: &str| {
        let output = register(path, args);
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(text(&output.stderr).contains(says), "{args:?}: {}", text(&output.stderr));
    };
    fails(&["--node", &url], "by --owner, or as `owner` in the configuration");
    fails(&["--node", &url, "--owner", &owner], "name it by --compute KEY");
    // This node waits for no ComputeClient, and says so to one that calls and to its operator.
    fails(
        &["--node", &url, "--owner", &owner, "--compute", &key],
        "this node waits for no worker; start it with",
    );
    let compute = tempfile::tempdir().unwrap();
    let called = tokio::time::timeout(Duration::from_secs(2), call(&url, keys.node, compute.path())).await;
    assert!(called.is_err(), "it is not let in");
    fails(
        &["--node", "http://127.0.0.1:1", "--owner", &owner, "--compute", &key],
        "is to run, at http://127.0.0.1:1",
    );
    let elsewhere = format!("{key}=http://127.0.0.1:1");
    fails(&["--node", &url, "--owner", &owner, "--compute", &elsewhere], "the worker cannot be reached");
    fails(&["--config", "nowhere.toml", "--owner", &owner], "nowhere.toml");
    std::fs::rename(path.join("fusionvm.toml"), path.join("away.toml")).unwrap();
    fails(&["--owner", &owner], "by --config, or its secret by --keystore");
    let write = |text: &str| std::fs::write(path.join("fusionvm.toml"), text).unwrap();
    write(&format!("owner = \"{owner}\"\n"));
    fails(
        &["--node", &url, "--owner", &other],
        &format!("--owner is {other}, the configuration names {owner}"),
    );
    write(&format!("[[compute]]\nkey = \"{key}\"\n[[compute]]\nkey = \"{key}\"\nurl = \"http://a:1\"\n"));
    fails(&["--node", &url, "--owner", &owner], "names 2 ComputeClients");
    write("owner = \"0x12\"\n");
    fails(&["--owner", &owner], "owner");
    // The node's network is another one than the configuration's.
    let genesis = std::fs::read_to_string(path.join("genesis.json")).unwrap();
    std::fs::write(path.join("genesis.json"), genesis.replace("4242", "4243")).unwrap();
    write("");
    fails(&["--node", &url, "--owner", &owner, "--compute", &key], "network");
    // What a plugin is given.
    let plugin = |text: &str| std::fs::write(path.join("config.json"), text).unwrap();
    plugin("{}");
    fails(&["--config", "config.json", "--owner", &owner], "names no keystore");
    std::fs::write(path.join("password"), "correct horse\n").unwrap();
    plugin(&format!(
        r#"{{"keystores": ["{0}/keystore.json"], "password_file": "{0}/password"}}"#,
        path.display()
    ));
    fails(&["--config", "config.json", "--owner", &owner, "--compute", &key], "say it by --node URL");
    terminate(child);
}
