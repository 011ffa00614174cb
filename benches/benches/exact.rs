//! The exact profile on its kernels and on libtorch (`exact_torch`), against libtorch's floats in the same run, with the same
//! threads: `cargo xtask bench -- exact`.
//!
//! `DFSN_BENCH_THREADS` sets the threads of both (1 if unset), `DFSN_BENCH_MODEL` a diffusers folder other than emoji-64,
//! and `DFSN_BENCH_SIDE` the side of its latents.

use std::hint::black_box;
use std::num::NonZeroU16;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use dfsn_benches::variable;
use dfsn_compute::exact::{ExactBackend, ExactEngine, ExactOptions};
use dfsn_compute::torch::{DeviceChoice, TorchBackend};
use dfsn_compute::{Backend, Conditioning, LatentShape, ModelConfig, TextInput, TorchOptions};

fn compare(criterion: &mut Criterion) {
    let embedded = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/emoji-64");
    let config =
        ModelConfig::load(variable("DFSN_BENCH_MODEL", embedded)).expect("the model's configuration");
    let threads = NonZeroU16::new(variable("DFSN_BENCH_THREADS", 1));
    let options = TorchOptions { threads, device: DeviceChoice::Cpu, ..TorchOptions::default() };
    let torch = TorchBackend::load(&config, options).expect("libtorch loads the model");
    let exact = ExactBackend::load(&config, ExactOptions { threads, ..ExactOptions::default() });
    let exact = exact.expect("the exact engine loads the model");
    println!("exact kernels: {}", exact.isa().expect("not the definition"));
    let engine = ExactEngine::Torch(DeviceChoice::Cpu);
    let exact_torch =
        ExactBackend::load(&config, ExactOptions { threads, engine }).expect("libtorch is exact");
    let mut backends: [(&str, Box<dyn Backend>); 3] =
        [("exact", Box::new(exact)), ("exact_torch", Box::new(exact_torch)), ("libtorch", Box::new(torch))];

    let side = variable("DFSN_BENCH_SIDE", 16);
    let shape = LatentShape { channels: config.vae.latent_channels, height: side, width: side };
    let sample: Vec<f32> = (0..shape.count()).map(|index| (index as f32 * 0.7).sin()).collect();
    let tokens = 77;
    let embeddings = 2 * tokens * config.unet.cross_attention_dim as usize;
    let embeddings = (0..embeddings).map(|index| (index as f32 * 0.3).cos()).collect();
    let conditioning = Conditioning { embeddings, prompts: 2, tokens, added: None };
    let ids = vec![1; tokens];
    for part in ["text_encode", "unet_step", "vae_decode"] {
        let mut group = criterion.benchmark_group(format!("exact::{part}"));
        for (name, backend) in &mut backends {
            group.bench_function(*name, |bencher| match part {
                "text_encode" => bencher.iter(|| {
                    backend.encode_text(black_box(&TextInput::new(0, &ids))).expect("tokens of the model")
                }),
                "unet_step" => bencher.iter(|| {
                    let sample = black_box(&sample);
                    backend.predict_noise(sample, shape, 501.0, &conditioning).expect("numbers are finite")
                }),
                _ => bencher.iter(|| backend.decode(black_box(&sample), shape).expect("numbers are finite")),
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = compare
}
criterion_main!(benches);
