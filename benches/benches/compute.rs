//! Inference on the embedded model, on the CPU: `cargo bench -p dfsn-benches --features torch --bench compute`.
//!
//! `DFSN_BENCH_THREADS` sets libtorch's threads (1 if unset). With more than one, set `OMP_WAIT_POLICY=passive`
//! too unless the machine is idle.

use std::hint::black_box;
use std::num::NonZeroU16;

use criterion::{Criterion, criterion_group, criterion_main};
use dfsn_benches::variable;
use dfsn_compute::torch::{DeviceChoice, TorchBackend, load_pipeline};
use dfsn_compute::{Backend, ImageRequest, NoObserver, Pipeline, TextInput, TorchOptions};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");

fn pipeline() -> Pipeline<TorchBackend> {
    let options = TorchOptions {
        threads: NonZeroU16::new(variable("DFSN_BENCH_THREADS", 1)),
        device: DeviceChoice::Cpu,
        ..TorchOptions::default()
    };
    load_pipeline(MODEL, options).expect("the embedded model loads")
}

fn request(pipeline: &Pipeline<TorchBackend>) -> ImageRequest {
    ImageRequest {
        prompt: "a fox on a blue background".to_owned(),
        guidance_scale: 4.0,
        ..ImageRequest::for_model(pipeline.config())
    }
}

fn compute(criterion: &mut Criterion) {
    let mut pipeline = pipeline();
    let request = request(&pipeline);
    let prepared = pipeline.prepare(&request).expect("the request is in bounds");
    let state = pipeline.initial_state(&prepared).expect("noise is finite");
    let token_ids = prepared.prompt().ids.clone();

    criterion.bench_function("compute::text_encode", |bencher| {
        bencher.iter(|| {
            pipeline
                .backend_mut()
                .encode_text(black_box(&TextInput::new(0, &token_ids)))
                .expect("libtorch runs")
        });
    });
    // Both prompts in one call of the network, guidance and the scheduler.
    criterion.bench_function("compute::unet_step", |bencher| {
        bencher.iter(|| pipeline.step(&prepared, 1, black_box(&state)).expect("libtorch runs"));
    });
    criterion.bench_function("compute::vae_decode", |bencher| {
        bencher.iter(|| pipeline.decode(&prepared, black_box(&state)).expect("libtorch runs"));
    });
    // 20 DDIM steps of 64x64 pixels.
    criterion.bench_function("compute::generate", |bencher| {
        bencher.iter(|| pipeline.generate(black_box(&request), &mut NoObserver).expect("libtorch runs"));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = compute
}
criterion_main!(benches);
