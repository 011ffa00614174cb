//! What loading, drawing and hashing take. Prints figures; each in a process of its own, so that peaks are its own:
//! `DFSN_FIGURES_MODEL=DIR cargo test --release -p dfsn-compute --test exact figures::load -- --ignored --nocapture`
//! (`figures::load_cached`, twice; `figures::draw` with `DFSN_FIGURES_SIDE` and `DFSN_FIGURES_STEPS`).

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dfsn_compute::exact::{ExactBackend, ExactOptions, WeightsCache, load_pipeline_cached};
use dfsn_compute::{Event, ImageRequest, ModelConfig, TraceContext, manifest};
use dfsn_types::{Address, Attempt, Boundary, GenesisHash, JobId};

fn model() -> PathBuf {
    let embedded = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");
    std::env::var_os("DFSN_FIGURES_MODEL").map_or_else(|| PathBuf::from(embedded), PathBuf::from)
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn cache() -> WeightsCache {
    let dir = WeightsCache::default_dir().expect("set DFSN_CACHE");
    WeightsCache::new(dir, manifest(model()).unwrap().id())
}

/// A line of `/proc/self/status` in MB.
fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024 / 1_000_000
}

fn report(what: &str, took: Duration) {
    let (now, peak) = (memory("VmRSS:"), memory("VmHWM:"));
    println!("{what}: {:.2} s, {now} MB, at most {peak} MB", took.as_secs_f64());
}

#[test]
#[ignore = "prints figures"]
fn load() {
    let config = ModelConfig::load(model()).unwrap();
    let started = Instant::now();
    let backend = ExactBackend::load(&config, ExactOptions::default()).unwrap();
    report("quantised at loading", started.elapsed());
    drop(backend);
}

#[test]
#[ignore = "prints figures"]
fn load_cached() {
    let started = Instant::now();
    let cache = cache();
    report("manifest", started.elapsed());
    let config = ModelConfig::load(model()).unwrap();
    let started = Instant::now();
    let backend = ExactBackend::load_cached(&config, ExactOptions::default(), &cache).unwrap();
    report(&format!("{:?}", backend.origin()), started.elapsed());
}

#[test]
#[ignore = "prints figures"]
fn draw() {
    let mut pipeline = load_pipeline_cached(model(), ExactOptions::default(), &cache()).unwrap();
    report("loaded", Duration::ZERO);
    let side = number("DFSN_FIGURES_SIDE", pipeline.config().default_size().unwrap_or(512));
    let request = ImageRequest {
        prompt: "a lighthouse on a rock".to_owned(),
        num_inference_steps: number("DFSN_FIGURES_STEPS", 20) as u16,
        height: side,
        width: side,
        ..ImageRequest::for_model(pipeline.config())
    };
    let context = TraceContext {
        genesis: GenesisHash::from_bytes([1; 32]),
        job: JobId::from_bytes([2; 32]),
        attempt: Attempt::FIRST,
        worker: Address::from_bytes([3; 20]),
    };
    let (mut hashing, mut t) = (Duration::ZERO, 0);
    let started = Instant::now();
    pipeline
        .generate(&request, &mut |event: Event<'_>| {
            let begun = Instant::now();
            let bytes = match event {
                Event::State { state, .. } => state.to_bytes(),
                Event::Decoded { decoded } => decoded.to_bytes(),
                _ => return ControlFlow::Continue(()),
            };
            std::hint::black_box(context.leaf(Boundary { image: 0, t }, &bytes, &[4; 32]));
            t += 1;
            hashing += begun.elapsed();
            ControlFlow::Continue(())
        })
        .unwrap();
    let took = started.elapsed();
    report(&format!("a picture of {side} x {side} in {} steps", request.num_inference_steps), took);
    let share = 100.0 * hashing.as_secs_f64() / took.as_secs_f64();
    println!("of it {:.2} ms for {t} leaves of the trace: {share:.3} %", hashing.as_secs_f64() * 1e3);
}
