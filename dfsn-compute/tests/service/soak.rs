//! Memory over many pictures, and what an idle worker costs. Prints figures; run it with
//! `cargo test --release -p dfsn-compute --features service --test service soak -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use dfsn_compute::service::wire::JobState;

use crate::harness::{offer, options, params_of, start_service};

/// A number of this process from Linux, in its unit there.
#[cfg(target_os = "linux")]
fn resident_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Time on a CPU, of all threads, in clock ticks of 10 ms.
#[cfg(target_os = "linux")]
fn cpu_ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "takes a while; prints memory over 500 pictures and the CPU time of an idle worker"]
async fn soak() {
    let dir = tempfile::tempdir().unwrap();
    let service = start_service(options(dir.path()), Duration::ZERO).await;
    let mut memory = Vec::new();
    for picture in 0..500_u32 {
        let mut job = offer(1, params_of(&format!("picture {picture}"), 20, 1));
        job.job = dfsn_types::Domain::File.hash_bytes(&picture.to_le_bytes()).into();
        job.previews = 3;
        service.submit(job.clone()).unwrap();
        let mut news = service.news();
        while !matches!(service.status(job.key()).unwrap().state, JobState::Done { .. }) {
            news.changed().await.unwrap();
        }
        service.release(job.key()).unwrap();
        if picture % 100 == 99 {
            memory.push(resident_kib());
            println!("after {} pictures: {} KiB resident", picture + 1, resident_kib());
        }
    }
    // The first hundred fill rings and caches.
    assert!(memory[4] < memory[1] + memory[1] / 10, "memory grows: {memory:?} KiB");
    let (before, start) = (cpu_ticks(), Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!("idle for {:.1} s: {} ms of CPU", start.elapsed().as_secs_f64(), (cpu_ticks() - before) * 10);
    tokio::task::spawn_blocking(move || service.shut_down(Duration::ZERO)).await.unwrap();
}
