//! Decoding and signatures.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dfsn_benches::transfers;
use dfsn_types::{SignedTransaction, codec};

fn decode(c: &mut Criterion) {
    let bytes: Vec<Vec<u8>> = transfers(1_000).signed.iter().map(codec::encode).collect();
    let mut group = c.benchmark_group("types::decode");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("txs=1000", |b| {
        b.iter(|| bytes.iter().filter(|bytes| SignedTransaction::decode(black_box(bytes)).is_ok()).count());
    });
    group.finish();
}

fn verify_signature(c: &mut Criterion) {
    let workload = transfers(1);
    let chain = workload.genesis.identity();
    let transaction = &workload.signed[0];
    c.bench_function("types::verify_signature", |b| {
        b.iter(|| black_box(transaction.clone()).verify(black_box(&chain)).is_ok());
    });
}

criterion_group!(benches, decode, verify_signature);
criterion_main!(benches);
