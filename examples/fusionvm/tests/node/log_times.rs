//! How long `eth_getLogs` takes over a long chain, printed by flag.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dfsn_client::transport::{Http, Transport};
use dfsn_client::view::HistoryQuery;
use dfsn_types::Address;
use fusionvm::DevNetwork;
use serde_json::json;

use super::DevNode;
use super::logs::{Caller, INDEX, call, find, kind_of, padded, read_all, start};

/// Blocks of the chain that figures are of; one in ten has an event.
const BLOCKS: u64 = 100_000;

/// Printed by flag: `cargo test --release -p fusionvm --test node log_times -- --ignored --nocapture`. The chain is made in memory
/// where there is a file system in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures, for some minutes"]
async fn log_times() {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let node = start(folder.path()).await;
    let mut bank = Caller::new(&node, DevNetwork::sealer().account()).await;
    let mut callers = Vec::new();
    for seed in 1..=10 {
        callers.push(Caller::funded(&node, seed, &mut bank).await);
    }
    let (begin, mut jobs) = (Instant::now(), Vec::new());
    let mut waiting = None;
    for turn in 0.. {
        if node.node.handle().state().tip.height.get() >= BLOCKS {
            break;
        }
        for _ in 0..9 {
            bank.pay(&node).await;
            bank.settle(&node).await;
        }
        let caller = &mut callers[turn / 2 % 10];
        match waiting.take() {
            Some(job) => caller.take_back(&node, job).await,
            None => {
                let job = caller.ask(&node).await;
                waiting = Some(job);
                jobs.push(job);
            }
        }
        caller.settle(&node).await;
    }
    let tip = node.node.handle().state().tip.height;
    println!("{tip} blocks made in {:.0} s", begin.elapsed().as_secs_f64());
    let all = read_all(&node).await;
    let size = fs::metadata(folder.path().join(INDEX)).unwrap().len();
    let chain = fs::metadata(folder.path().join("chain.redb")).unwrap().len();
    println!("{} logs; index {} MiB, chain {} MiB", all.len(), size >> 20, chain >> 20);
    let requested = kind_of(&all, &jobs[0], 0);
    let middle = format!("0x{}", jobs[jobs.len() / 2]);
    let kinds = vec![requested.clone()];
    for (what, filter) in [
        ("one job", vec![vec![], vec![middle]]),
        ("requests of one account", vec![kinds.clone(), vec![], vec![padded(&callers[3].address())]]),
        ("all requests", vec![kinds.clone()]),
        ("nothing, by two frequent topics", vec![kinds, vec![], vec![padded(&validator(&node).await)]]),
    ] {
        let mut times = Vec::new();
        let mut logs = 0;
        for _ in 0..5 {
            let begin = Instant::now();
            logs = find(&node, &filter, 0, &json!("latest")).await.len();
            times.push(begin.elapsed());
        }
        times.sort();
        println!("{what}: {logs} logs in {:.1} ms, the longest of five {:.1} ms", ms(times[2]), ms(times[4]));
    }
    let begin = Instant::now();
    let answer = call(&node, &json!({ "fromBlock": "0x0" })).await;
    println!("everything: {} in {:.1} ms", answer["error"]["message"], ms(begin.elapsed()));
    node.stop().await;
    fs::remove_file(folder.path().join(INDEX)).unwrap();
    let begin = Instant::now();
    let node = start(folder.path()).await;
    while Http::connect(&node.url()).await.unwrap().history(HistoryQuery::of(bank.address())).await.is_err() {
    }
    println!("index made again in {:.1} s", begin.elapsed().as_secs_f64());
    node.stop().await;
}

/// One that is drawn for jobs, and asks for none.
async fn validator(node: &DevNode) -> Address {
    node.node.handle().validators().await.unwrap()[0].address
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
