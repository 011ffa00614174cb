//! Figures of a plugin, printed by flag: `cargo test --release -p fusionvm --test plugin figures -- --ignored --nocapture`.

use std::time::Instant;

use super::database::MemoryDatabase;
use super::host::Host;
use super::network;

const STARTS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures"]
async fn figures() {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let host = Host::start(&MemoryDatabase::default()).await;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        host.shut_down().await;
    }
    times.sort_by(f64::total_cmp);
    let (median, longest) = (times[STARTS / 2], times[STARTS - 1]);
    println!("plugin, start to handshake: median {median:.1} ms, longest {longest:.1} ms of {STARTS}");
    let (network, _) = network();
    let host = Host::normal(&network, &MemoryDatabase::default()).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.child.id())).unwrap_or_default();
    let memory = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("unknown");
    println!("plugin without jobs: {memory}");
    host.shut_down().await;
}
