//! An operator comes to a network that exists, with a node and a ComputeClient of its own and the stake of a wallet.

use std::process::{Command, Stdio};

use dfsn_client::Client;
use dfsn_client::transport::Transport;
use dfsn_client::view::JobQuery;
use dfsn_types::{Amount, ComputeUpdate, Pair, PairStatus, Secp256k1SecretKey, TransactionKind};

use super::net::{Net, Plan};
use super::{ALONE, programs, wait_for};

/// A test that fewer than two audit leaves the pair on trial, which one in twenty does where four can.
const TESTS_MAX: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_wallets_validator_joins_with_a_node_of_its_own_and_gets_full() {
    let Some(programs) = programs() else { return };
    let _alone = ALONE.lock().await;
    let wallet = Secp256k1SecretKey::from_bytes(&[0x77; 32]).unwrap();
    let owner = wallet.address();
    let mut net = Net::start(&programs, Plan { nodes: 2, late: 1, owner: Some(owner), validators: 2 }).await;
    // The wallet asks the first node all along, as any user would.
    let client = Client::new(net.api(0).await, wallet);
    client.send(TransactionKind::Stake { amount: Amount::from_dfsn(1_000) }).await.unwrap();

    net.command("start", 2);
    let height = net.api(0).await.sync_status().await.unwrap().height;
    net.reaches(2, height).await;
    let update = register(&net);
    assert_eq!(update.registration.payout, owner);
    let pair = update.registration.offers[0].pair;
    client.send(TransactionKind::RegisterCompute(Box::new(update))).await.unwrap();
    assert_eq!(status(&net, &client, pair).await, PairStatus::Trial);

    for tests in 1..=TESTS_MAX {
        client.send(TransactionKind::TestHardware { pair }).await.unwrap();
        let query = JobQuery { requester: Some(owner), ended: Some(true), ..JobQuery::default() };
        let api = net.api(0).await;
        wait_for("the end of the test", async || {
            let jobs = api.jobs(query.clone()).await.ok()?.jobs;
            (jobs.len() >= tests).then_some(())
        })
        .await;
        if status(&net, &client, pair).await == PairStatus::Active {
            net.agree(&[0, 1, 2]).await;
            return;
        }
        let jobs = net.api(0).await.jobs(query).await.unwrap().jobs;
        assert!(jobs.iter().all(|job| job.commitment.is_some()), "its own node draws it: {jobs:?}");
    }
    panic!("still on trial after {TESTS_MAX} tests");
}

/// What the operator of the late node prints for its owner to sign.
fn register(net: &Net) -> ComputeUpdate {
    let config = net.folder.path().join("config-2.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fusionvm"));
    command.args(["register", "--json", "--relay", &net.relays[2], "--config"]).arg(config);
    let printed = command.env_clear().stdin(Stdio::null()).output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    serde_json::from_slice(&printed.stdout).unwrap()
}

async fn status<T: Transport>(net: &Net, owner: &Client<T>, pair: Pair) -> PairStatus {
    let validators = net.api(0).await.validators().await.unwrap();
    let own = validators.iter().find(|validator| validator.owner == owner.address()).expect("a validator");
    own.pairs.iter().find(|standing| standing.pair == pair).expect("the pair").status
}
