//! A block of transfers, signatures included.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dfsn_benches::{sealed_block, transfers};
use dfsn_consensus::transition::state_transition;
use dfsn_types::{Block, codec};

fn transition(c: &mut Criterion) {
    let workload = transfers(1_000);
    let (state, block) = sealed_block(&workload);
    let bytes = codec::encode(&block);
    let chain = workload.genesis.identity();
    let mut group = c.benchmark_group("consensus::state_transition");
    group.throughput(Throughput::Elements(1_000));
    // From bytes: decoding, roots, 1,000 signatures, execution, state root.
    group.bench_function("txs=1000", |b| {
        b.iter_batched(
            || bytes.clone(),
            |bytes| {
                let block = Block::decode(black_box(&bytes), &chain).expect("the block decodes");
                state_transition(black_box(&state), &block).expect("the block is valid")
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, transition);
criterion_main!(benches);
