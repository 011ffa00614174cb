//! Decoding and signatures.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dfsn_benches::{transfers, wallet_transactions};
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

/// From decoded to verified, one of each envelope: form, signature, and the call of a request.
fn verify_signature(c: &mut Criterion) {
    let workload = transfers(1);
    let chain = workload.genesis.identity();
    let mut group = c.benchmark_group("types::verify_signature");
    let mut bench = |name: &str, transaction: &SignedTransaction| {
        assert!(transaction.clone().verify(&chain).is_ok());
        group.bench_function(name, |b| {
            b.iter(|| black_box(transaction.clone()).verify(black_box(&chain)).is_ok());
        });
    };
    bench("native_transfer", &workload.signed[0]);
    let [transfer, request] = wallet_transactions();
    bench("ethereum_transfer", &transfer);
    bench("ethereum_request", &request);
    group.finish();
}

criterion_group!(benches, decode, verify_signature);
criterion_main!(benches);
