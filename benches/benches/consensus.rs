//! A block of transfers, signatures included, and the state root of a large network.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dfsn_benches::{resident_bytes, sealed_block, strangers, transfers};
use dfsn_consensus::state::{Account, ChainState};
use dfsn_consensus::transition::state_transition;
use dfsn_types::{Block, Nonce, SignedTransaction, codec};
use rayon::prelude::*;

const TRANSFERS: u32 = 1_000;

/// Both in one group, so that one run gives their ratio: what strict signature checks alone allow, on all cores, and everything.
fn transition(c: &mut Criterion) {
    let workload = transfers(TRANSFERS);
    let (state, block) = sealed_block(&workload);
    let bytes = codec::encode(&block);
    let chain = workload.genesis.identity();
    let mut group = c.benchmark_group("consensus::state_transition");
    group.throughput(Throughput::Elements(u64::from(TRANSFERS)));
    group.bench_function("signatures_alone/txs=1000", |b| {
        let check = |signed: &SignedTransaction| signed.clone().verify(&chain).is_ok();
        b.iter(|| assert!(black_box(&workload.signed).par_iter().all(check)));
    });
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

/// What a block of 1,000 transfers between strangers changes among a million accounts: 2,000 entries, then the root.
fn state_root(c: &mut Criterion) {
    let state = million_accounts();
    let changed: Vec<_> = strangers(2_000).collect();
    let mut group = c.benchmark_group("consensus::state_root");
    group.sample_size(20);
    group.bench_function("accounts=1000000/changed=2000", |b| {
        b.iter_batched(
            || state.clone(),
            |mut state| {
                for address in &changed {
                    let account = state.accounts.get_or_default(*address);
                    account.nonce = account.nonce.next();
                }
                // The old state goes after the measurement, with what both share.
                (state.root(), state)
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// A state of a million accounts with its root, and what that takes in memory, printed.
fn million_accounts() -> ChainState {
    let mut state = ChainState::genesis(&transfers(1).genesis).expect("a consistent genesis");
    let before = resident_bytes();
    for address in strangers(1_000_000) {
        state.accounts.insert(address, Account { nonce: Nonce::new(1), ..Account::default() });
    }
    state.root();
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        println!("memory of 1,000,000 accounts: {} MB", after.saturating_sub(before) / 1_000_000);
    }
    state
}

criterion_group!(benches, transition, state_root);
criterion_main!(benches);
