//! What a verdict by arithmetic costs a node: programs, layouts, and one proof of each of the dearest kinds of Stable
//! Diffusion 1.5 at 512x512. `cargo xtask bench -- disputes`.

#[path = "../../dfsn-consensus/tests/exact/proofs/committed.rs"]
#[allow(dead_code, reason = "shared with the tests of the exact profile")]
mod committed;
#[path = "../../dfsn-consensus/tests/exact/random.rs"]
#[allow(dead_code, reason = "shared with the tests of the exact profile")]
mod random;
#[path = "../../dfsn-consensus/tests/exact/shapes.rs"]
#[allow(dead_code, reason = "shared with the tests of the exact profile")]
mod shapes;
#[path = "../../dfsn-consensus/tests/exact/proofs/single.rs"]
#[allow(dead_code, reason = "shared with the tests of the exact profile")]
mod single;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dfsn_consensus::exact::{Architecture, Program, decoder, unet};

use shapes::{scheduler, sd15_text_encoder, sd15_unet, vae};

fn programs(criterion: &mut Criterion) {
    let vae = vae(&[128, 256, 512, 512], 2, 32);
    let architecture = Architecture {
        text_encoders: vec![sd15_text_encoder()],
        unet: sd15_unet(),
        decoder: vae.clone(),
        encoder: vae.clone(),
        scheduler: scheduler(),
    };
    let mut group = criterion.benchmark_group("disputes");
    group.bench_function("unet_program", |bencher| {
        bencher.iter(|| unet(black_box(&architecture.unet), 64, 64, 77).expect("a program"));
    });
    group.bench_function("decoder_program", |bencher| {
        bencher.iter(|| decoder(black_box(&vae), 64, 64).expect("a program"));
    });
    group.bench_function("layout", |bencher| {
        bencher.iter(|| black_box(&architecture).layout().expect("a layout"));
    });
    group.finish();
}

fn proofs(criterion: &mut Criterion) {
    let vae = vae(&[128, 256, 512, 512], 2, 32);
    let of: [(Program, &[&str]); 2] = [
        (
            unet(&sd15_unet(), 64, 64, 77).expect("a program"),
            &["Conv", "Linear", "GegluQuant", "LayerNormQuant", "NormBound", "Attention", "Attend"],
        ),
        (decoder(&vae, 64, 64).expect("a program"), &["GroupStats", "SumPart", "MinMaxPart", "Attend"]),
    ];
    let mut group = criterion.benchmark_group("disputes::check");
    for (program, kinds) in &of {
        let largest = single::largest(program);
        for kind in *kinds {
            let op = largest[*kind];
            let (cheat, proof) = single::contradiction(program, op, 0);
            let claim = cheat.claim();
            let name = format!("{kind}/{}", program.tensors().len());
            group.bench_function(name, |bencher| {
                bencher.iter(|| claim.check(black_box(&proof)).expect("it shows something"))
            });
        }
    }
    group.finish();
}

criterion_group!(benches, programs, proofs);
criterion_main!(benches);
