//! A worker that is killed in the middle of a job keeps what it had committed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use dfsn_compute::service::wire::{JobState, TraceLeaves};
use dfsn_compute::service::{Refusal, Service};
use dfsn_types::{Boundary, FileHash, TraceLeaf, TraceShape, TraceTree};

use crate::harness::{offer, options, params, params_of, start_service, toy_source};

const DIR: &str = "DFSN_CRASH_TEST_DIR";

/// Not a test by itself: the process that the next test kills.
#[tokio::test]
#[ignore = "is started by a_killed_worker_keeps_its_results"]
async fn worker_to_be_killed() {
    let dir = std::env::var_os(DIR).expect("the test that starts this names a folder");
    let service = start_service(options(Path::new(&dir)), Duration::from_millis(20)).await;
    let first = offer(1, params("a fox"));
    service.submit(first.clone()).unwrap();
    service.submit(offer(2, params_of("pizza", 150, 4))).unwrap();
    loop {
        if let JobState::Running { step: 3.., .. } = service.status(offer(2, params("")).key()).unwrap().state
        {
            println!("in the middle of the second job");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_killed_worker_keeps_its_results() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::worker_to_be_killed", "--ignored", "--nocapture"])
        .env(DIR, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("in the middle")), "the worker ended by itself");
    // SIGKILL on Unix.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(std::fs::read_dir(dir.path().join("drafts")).unwrap().count(), 1);

    let service = start_service(options(dir.path()), Duration::ZERO).await;
    assert_eq!(std::fs::read_dir(dir.path().join("drafts")).unwrap().count(), 0);
    let (first, second) = (offer(1, params("a fox")), offer(2, params_of("pizza", 150, 4)));
    let JobState::Done { result } = service.status(first.key()).unwrap().state else { panic!("lost") };
    let TraceLeaves { leaves } = service.trace(first.key()).unwrap();
    let leaves = leaves.into_iter().map(TraceLeaf::from).collect();
    let tree = TraceTree::new(TraceShape::of(&first.params), leaves).unwrap();
    assert_eq!(tree.root(), result.commitment.trace_root);
    for t in 0..=7 {
        assert!(!service.state(first.key(), Boundary { image: 0, t }).unwrap().is_empty());
    }
    let picture = result.commitment.images[0].picture().unwrap().file;
    assert_eq!(FileHash::of(&service.blob(&picture).unwrap()), picture);
    // The job that was cut off can be handed over again.
    assert_eq!(service.status(second.key()).unwrap_err(), Refusal::UnknownJob);
    service.submit(second).unwrap();
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn two_workers_do_not_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let first = start_service(options(dir.path()), Duration::ZERO).await;
    let (options, seed) = (options(dir.path()), zeroize::Zeroizing::new([1; 32]));
    let second = move || Service::start(options, &seed, vec![toy_source(Duration::ZERO)]);
    let error = tokio::task::spawn_blocking(second).await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("is used by another worker that runs"), "{error}");
    tokio::task::spawn_blocking(move || first.shut_down(Duration::ZERO)).await.unwrap();
}

#[tokio::test]
async fn what_has_changed_on_disk_is_never_served() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (offer(1, params("a fox")), offer(2, params("pizza")));
    let service = start_service(options(dir.path()), Duration::ZERO).await;
    for job in [&first, &second] {
        service.submit(job.clone()).unwrap();
        while !matches!(service.status(job.key()).unwrap().state, JobState::Done { .. }) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let folder = dir.path().join("results").join(first.key().to_string());
    let flip = |name: &str, at: usize| {
        let mut bytes = std::fs::read(folder.join(name)).unwrap();
        bytes[at] ^= 1;
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    flip("states.bin", 4_096 * 2 + 5);
    flip("0.png", 40);
    let changed = service.state(first.key(), Boundary { image: 0, t: 2 }).unwrap_err();
    assert!(changed.to_string().contains("state 2 of image 0 has changed on disk"), "{changed}");
    assert!(service.state(first.key(), Boundary { image: 0, t: 1 }).is_ok());
    let picture = |job: &dfsn_compute::service::wire::JobOffer| {
        let JobState::Done { result } = service.status(job.key()).unwrap().state else { panic!("not done") };
        service.blob(&result.commitment.images[0].picture().unwrap().file)
    };
    assert!(picture(&first).unwrap_err().to_string().contains("the picture has changed on disk"));
    assert!(picture(&second).is_ok());
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();

    // A record that cannot be read is put aside, and the rest is served.
    flip("record.json", 200);
    let service = start_service(options(dir.path()), Duration::ZERO).await;
    assert_eq!(service.keys(), [second.key()]);
    assert!(dir.path().join("broken").join(first.key().to_string()).is_dir());
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
}
