//! Decoding, signatures, openings of traces and proofs.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dfsn_benches::{sealed_block, strangers, transfers, wallet_transactions};
use dfsn_types::{
    Block, Boundary, GenerationParams, ImageSize, MerkleMap, ModelId, ProfileId, Salt, SignedTransaction,
    StateDigest, TraceLeaf, TraceShape, TraceTree, codec,
};

fn decode(c: &mut Criterion) {
    let bytes: Vec<Vec<u8>> = transfers(1_000).signed.iter().map(codec::encode).collect();
    let mut group = c.benchmark_group("types::decode");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("txs=1000", |b| {
        b.iter(|| bytes.iter().filter(|bytes| SignedTransaction::decode(black_box(bytes)).is_ok()).count());
    });
    group.finish();
}

/// The bytes of a block of 1,000 transfers, without its signatures.
fn decode_block(c: &mut Criterion) {
    let (_, block) = sealed_block(&transfers(1_000));
    let bytes = codec::encode(&block);
    let mut group = c.benchmark_group("types::decode_block");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("txs=1000", |b| {
        b.iter(|| codec::decode::<Block>(black_box(&bytes), Block::MAX_BYTES).expect("the block decodes"));
    });
    group.finish();
}

/// One leaf of the largest trace: four images of 150 steps.
fn verify_opening(c: &mut Criterion) {
    let size = ImageSize::new(512, 512).expect("a size in range");
    let (model, profile) = (ModelId::from_bytes([1; 32]), ProfileId::from_bytes([2; 32]));
    let params = GenerationParams::builder(model, profile, "a fox", size);
    let params = params.num_images(4).num_inference_steps(150).build().expect("in range");
    let shape = TraceShape::of(&params);
    let leaf = |n: usize| TraceLeaf {
        digest: StateDigest::from_bytes([n as u8; 32]),
        salt: Salt::from_bytes([9; 32]),
    };
    let tree = TraceTree::new(shape, (0..shape.leaves()).map(leaf).collect()).expect("all leaves");
    let opening = tree.open(Boundary { image: 3, t: 77 }).expect("in range");
    let root = tree.root();
    c.bench_function("types::verify_opening/leaves=608", |b| {
        b.iter(|| black_box(&opening).verify(shape, black_box(&root)).expect("it leads to the root"));
    });
}

/// One account among 65,536.
fn verify_proof(c: &mut Criterion) {
    let map: MerkleMap<_, u64> = strangers(65_536).zip(1..).collect();
    let (address, value) = strangers(100).zip(1u64..).last().expect("a hundred");
    let (root, proof, value) = (map.root(), map.prove(&address), codec::encode(&value));
    c.bench_function("types::verify_proof/entries=65536", |b| {
        b.iter(|| black_box(&proof).verify(&root, black_box(&address), Some(&value)).expect("it is there"));
    });
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

criterion_group!(benches, decode, decode_block, verify_signature, verify_opening, verify_proof);
criterion_main!(benches);
