//! Real networks: AvalancheGo, started by the Go program `avalanche-net`, with this package's program as the plugin of its nodes.
//!
//! Both programs are built by `cargo xtask avalanche-net` and `cargo xtask test`, which name their folder in DFSN_AVALANCHE; without
//! Go there are none, and these tests say so and pass. DFSN_AVALANCHE_NODES chooses the network of `by_hand`, which prints figures.

#![cfg(unix)]

mod compute;
mod figures;
mod joining;
mod net;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use dfsn_client::transport::{Http, Transport};
use dfsn_client::view::{JobInfo, JobStatus};
use dfsn_client::{Client, JobEvent};
use dfsn_types::{
    Address, Amount, BlockHeight, DurationMs, Event, GenerationParams, GenerationRequest, ImageSize, Pair,
    ProfileRecord,
};
use net::{Net, Plan};

/// Nothing that is waited for takes longer; it is no bound that a test is about.
const PATIENCE: Duration = Duration::from_secs(180);
const SOMEBODY: Address = Address::from_bytes([0x50; 20]);

/// One network at a time: each keeps a small machine busy.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Where the programs are; says so where there are none.
fn programs() -> Option<PathBuf> {
    let folder = std::env::var_os("DFSN_AVALANCHE").map(PathBuf::from);
    if folder.is_none() {
        eprintln!(
            "skipped: DFSN_AVALANCHE names no folder with avalanchego; cargo xtask test sets it where Go is"
        );
    }
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_node_draws_and_comes_back_after_its_power_failed() {
    let Some(programs) = programs() else { return };
    let _alone = ALONE.lock().await;
    let mut net = Net::start(&programs, Plan { nodes: 1, late: 0, owner: None, validators: 4 }).await;
    let user = net.user(0, 1).await;
    user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    // The same through the node's own port.
    let own = format!("{}/ext/bc/{}", net.uris[0], net.chain);
    let through = Http::connect(&own).await.unwrap();
    assert_eq!(through.account(SOMEBODY).await.unwrap().balance, Amount::DFSN);
    let job = draw(&user, 1).await;
    assert_eq!(job.status, JobStatus::Settled, "{job:?}");

    let before = through.sync_status().await.unwrap().height;
    let burst = tokio::spawn(figures::burst(net.port(0), 2));
    net.reaches(0, after(before)).await;
    net.command("kill", 0);
    burst.abort();
    net.command("start", 0);
    let back = net.api(0).await.sync_status().await.unwrap().height;
    assert!(back > before, "{back} of {before}");
    let user = net.user(0, 1).await;
    user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    assert_eq!(user.account(SOMEBODY).await.unwrap().balance, Amount::from_dfsn(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_nodes_agree_whatever_happens_to_one_of_them() {
    let Some(programs) = programs() else { return };
    let _alone = ALONE.lock().await;
    let mut net = Net::start(&programs, Plan { nodes: 3, late: 1, owner: None, validators: 2 }).await;
    let user = net.user(0, 1).await;
    user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
    let height = net.api(0).await.sync_status().await.unwrap().height;
    for node in 1..3 {
        net.reaches(node, height).await;
        assert_eq!(net.api(node).await.account(SOMEBODY).await.unwrap().balance, Amount::DFSN);
    }
    // Worker and auditors sit at different nodes, and the picture comes from whichever is asked.
    let job = draw(&net.user(1, 1).await, 1).await;
    assert_eq!(job.status, JobStatus::Settled, "{job:?}");
    net.agree(&[0, 1, 2]).await;

    // The last node loses its power in the middle of many blocks, and comes back.
    let burst = tokio::spawn(figures::burst(net.port(0), 2));
    let height = net.api(0).await.sync_status().await.unwrap().height;
    net.reaches(2, after(height)).await;
    net.command("kill", 2);
    net.command("start", 2);
    burst.abort();
    let height = net.api(0).await.sync_status().await.unwrap().height;
    net.reaches(2, height).await;
    net.agree(&[0, 1, 2]).await;

    // A node that was never there reaches the same state.
    net.command("start", 3);
    let height = net.api(0).await.sync_status().await.unwrap().height;
    net.reaches(3, height).await;
    net.agree(&[0, 1, 2, 3]).await;

    // A cheat loses its stake on all of them alike.
    net.cheat.store(true, Ordering::SeqCst);
    let (height, offender) = until_slashed(&net).await;
    let mut stakes = Vec::new();
    for node in 0..4 {
        net.reaches(node, height).await;
        let validators = net.api(node).await.validators().await.unwrap();
        stakes.push(validators.iter().find(|it| it.address == offender).map(|it| it.stake));
    }
    assert!(stakes.iter().all(|stake| *stake == stakes[0]), "{stakes:?}");
    assert!(stakes[0].is_none_or(|stake| stake < Amount::from_dfsn(10_000)), "{stakes:?}");
    net.agree(&[0, 1, 2, 3]).await;
}

/// A network to look at, and its figures: `cargo xtask avalanche-net`.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn by_hand() {
    let nodes = std::env::var("DFSN_AVALANCHE_NODES").ok().and_then(|number| number.parse().ok());
    let (Some(nodes), Some(programs)) = (nodes, programs()) else { return };
    let _alone = ALONE.lock().await;
    let validators = if nodes == 1 { 4 } else { 2 };
    let net = Net::start(&programs, Plan { nodes, late: 0, owner: None, validators }).await;
    for (node, uri) in net.uris.iter().enumerate() {
        println!("node {node}: http://{}, through AvalancheGo {uri}/ext/bc/{}", net.port(node), net.chain);
    }
    figures::print(&net).await;
    if std::env::var_os("DFSN_AVALANCHE_KEEP").is_some() {
        println!("Ctrl-C ends the network");
        tokio::signal::ctrl_c().await.unwrap();
    }
}

/// Some blocks later.
fn after(height: BlockHeight) -> BlockHeight {
    BlockHeight::new(height.get() + 3)
}

/// Asks for a picture and follows it to its end.
async fn draw(user: &Client<Http>, seed: u32) -> JobInfo {
    let network = user.network().await.unwrap();
    let pair = Pair { model: network.models[0].id, profile: ProfileRecord::EXACT_V1.id() };
    let size = ImageSize::new(64, 64).unwrap();
    let params =
        GenerationParams::builder(pair.model, pair.profile, "a red apple on a white background", size)
            .seed(seed)
            .num_inference_steps(4)
            .build()
            .unwrap();
    let price_per_unit = user.quote(&params).await.unwrap().price_per_unit;
    let request =
        GenerationRequest { params, price_per_unit, expires_ms: DurationMs::new(600_000), unaudited: false };
    let mut job = user.generate(request).await.unwrap();
    while let Some(event) = tokio::time::timeout(PATIENCE, job.next_event()).await.expect("an event").unwrap()
    {
        if let JobEvent::Chain(Event::JobCommitted { .. }) = event {
            assert_eq!(job.fetch().await.unwrap().len(), 1);
            job.acknowledge().await.unwrap();
        }
    }
    job.info().await.unwrap()
}

/// Asks for pictures until somebody is slashed; says in which block, and who.
async fn until_slashed(net: &Net) -> (BlockHeight, Address) {
    let (api, user) = (net.api(0).await, net.user(0, 1).await);
    let mut next = api.sync_status().await.unwrap().height.next();
    for seed in 100..120 {
        draw(&user, seed).await;
        let last = api.sync_status().await.unwrap().height;
        while next <= last {
            for block in api.blocks(next).await.unwrap() {
                let height = block.height();
                let slashed = block.events.iter().find_map(|event| match event {
                    Event::Slashed { validator, .. } => Some(*validator),
                    _ => None,
                });
                if let Some(validator) = slashed {
                    return (height, validator);
                }
                next = height.next();
            }
        }
    }
    panic!("nobody was slashed");
}

/// Asks again and again until there is something.
async fn wait_for<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < end, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn emoji() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/emoji-64"))
}
