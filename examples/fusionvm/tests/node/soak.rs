//! A day of a network in minutes: its clock is told how late it is.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dfsn_client::transport::{Http, Transport};
use dfsn_client::view::{HistoryQuery, JobQuery, JobStatus};
use dfsn_client::{Client, JobEvent};
use dfsn_types::{Address, Amount, DurationMs, Event, Pair, ProfileRecord, Timestamp};
use fusionvm::{DevNetwork, Limits, write_genesis};

use super::jobs::{params, request};
use super::{DevNode, emoji};

/// What is simulated: a transfer a minute, a job an hour, a restart now and then.
const HOURS: u64 = 24;
const MINUTE: DurationMs = DurationMs::new(60_000);
const RESTART_HOURS: u64 = 7;
/// How long ended jobs stay in the state.
const KEPT_HOURS: u64 = 4;
const SOMEBODY: Address = Address::from_bytes([0x51; 20]);
/// No test waits longer for one event.
const PATIENCE: Duration = Duration::from_secs(120);

/// How far the simulated clock is ahead.
static AHEAD: AtomicU64 = AtomicU64::new(0);

fn clock() -> Timestamp {
    Timestamp::new(fusionvm::system_time().get() + AHEAD.load(Ordering::SeqCst))
}

/// A network whose chain clock may move by a minute a block, and which forgets ended jobs soon.
fn found(folder: &Path) {
    let draft = tempfile::tempdir().unwrap();
    let mut genesis = DevNetwork::open(draft.path(), Some(emoji())).unwrap().genesis;
    genesis.params.chain.clock_step_ms = MINUTE;
    genesis.params.windows.job_record_ms = DurationMs::new(KEPT_HOURS * 60 * MINUTE.get());
    write_genesis(&folder.join("genesis.json"), &genesis).unwrap();
}

async fn start(folder: &Path) -> (DevNode, Client<Http>) {
    let limits = Limits { requests_per_second: 100_000, burst: 100_000, ..Limits::default() };
    let node = DevNode::start_at(folder, limits, Some(emoji()), clock).await;
    let user = Client::new(node.transport().await, DevNetwork::sealer().account());
    (node, user)
}

async fn draw(user: &Client<Http>, seed: u32) {
    let network = user.network().await.unwrap();
    let pair = Pair { model: network.models[0].id, profile: ProfileRecord::EXACT_V1.id() };
    let price = user.quote(&params(pair, seed)).await.unwrap().price_per_unit;
    let mut job = user.generate(request(pair, price, seed)).await.unwrap();
    while let Some(event) = tokio::time::timeout(PATIENCE, job.next_event()).await.expect("an event").unwrap()
    {
        if let JobEvent::Chain(Event::JobCommitted { .. }) = event {
            job.acknowledge().await.unwrap();
        }
    }
    assert_eq!(job.info().await.unwrap().status, JobStatus::Settled, "job {seed}");
}

/// Resident memory of this process, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or_default() / 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_transfers_jobs_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    found(folder.path());
    let (mut node, mut user) = start(folder.path()).await;
    let begin = user.network().await.unwrap().timestamp;
    for hour in 0..HOURS {
        draw(&user, u32::try_from(hour).unwrap()).await;
        for _ in 0..60 {
            AHEAD.fetch_add(MINUTE.get(), Ordering::SeqCst);
            user.transfer(SOMEBODY, Amount::DFSN).await.unwrap();
        }
        if hour % RESTART_HOURS == RESTART_HOURS - 1 {
            node.stop().await;
            (node, user) = start(folder.path()).await;
        }
        if hour % 6 == 5 {
            println!("after {} hours: {} MiB", hour + 1, memory());
        }
    }
    let network = user.network().await.unwrap();
    let passed = network.timestamp.get() - begin.get();
    assert!(passed >= HOURS * 60 * MINUTE.get(), "{passed} ms have passed");
    let sent = HOURS * 60;
    assert_eq!(user.account(SOMEBODY).await.unwrap().balance, Amount::from_dfsn(sent));

    // The state has forgotten old jobs; the index has all of the day, page by page.
    let api = node.transport().await;
    let jobs = api.jobs(JobQuery::default()).await.unwrap().jobs;
    let kept = u64::try_from(jobs.len()).unwrap();
    assert!((1..=KEPT_HOURS + 1).contains(&kept), "{kept} jobs are left");
    let (mut query, mut entries) = (HistoryQuery::of(SOMEBODY), Vec::new());
    loop {
        let page = api.history(query).await.unwrap();
        entries.extend(page.entries);
        query.before = page.next;
        if query.before.is_none() {
            break;
        }
    }
    assert_eq!(u64::try_from(entries.len()).unwrap(), sent);
    assert!(entries.is_sorted_by(|one, next| one.place > next.place));
    let first = api.receipt(entries.last().unwrap().id).await.unwrap().expect("a receipt");
    assert_eq!(first.height, entries.last().unwrap().place.height);
    node.stop().await;
}
