//! A million accounts in a store: one accepted block of 1,000 transfers, and a start.

use std::cell::Cell;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use dfsn_benches::{Workload, crowd, round, transfers};
use dfsn_consensus::state::ChainState;
use dfsn_consensus::store::{Entries, KvStore, MemoryStore, RedbStore, StoreError, WriteBatch};
use dfsn_consensus::vm::{ChainVm, Vm, VmConfig};
use dfsn_consensus::{Mempool, MempoolLimits, Rules};
use dfsn_types::{Address, DurationMs, Nonce, SecretKey, Timestamp};

const ACCOUNTS: u32 = 1_000_000;
const TRANSFERS: u32 = 1_000;

/// A store that says how large its batches are.
struct Weighed<S> {
    store: S,
    last: Cell<(usize, usize)>,
}

impl<S: KvStore> KvStore for Weighed<S> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key)
    }

    fn iterate<'a>(&'a self, prefix: &[u8], start: &[u8]) -> Result<Entries<'a>, StoreError> {
        self.store.iterate(prefix, start)
    }

    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        self.last.set((batch.puts.len() + batch.deletes.len(), batch.byte_len()));
        self.store.write(batch)
    }
}

fn open<S: KvStore>(store: S, genesis: &ChainState) -> ChainVm<S> {
    let config = VmConfig {
        builder_key: SecretKey::from_seed(&[0xff; 32]),
        fee_recipient: Address::from_bytes([0xfe; 20]),
        only_builder: None,
        beacon: None,
        rules: Rules::default(),
    };
    ChainVm::open(store, genesis, Mempool::new(MempoolLimits::default()), config).expect("a whole chain")
}

/// Time that blocks of the workload take from being processed to being on disk.
fn accept<S: KvStore>(vm: &mut ChainVm<S>, workload: &Workload, nonce: &mut Nonce, blocks: u64) -> Duration {
    let mut time = Duration::ZERO;
    for _ in 0..blocks {
        for transaction in round(&workload.genesis, TRANSFERS, *nonce) {
            vm.submit_transaction(transaction).expect("room in the mempool");
        }
        *nonce = nonce.next();
        let now: Timestamp = vm.state().tip.timestamp.after(DurationMs::new(1_000));
        let block = vm.build(now).expect("a block").expect("something waits");
        assert_eq!(block.body().transactions.len(), TRANSFERS as usize);
        let start = Instant::now();
        vm.accept(&block.hash()).expect("a processing block");
        time += start.elapsed();
    }
    time
}

fn measure<S: KvStore>(
    c: &mut Criterion,
    name: &str,
    genesis: &ChainState,
    workload: &Workload,
    at: impl Fn() -> S,
) {
    let store = Weighed { store: at(), last: Cell::default() };
    let mut vm = open(store, genesis);
    let mut nonce = Nonce::ZERO;
    let mut group = c.benchmark_group("storage");
    // What lies between two blocks is not measured, and takes longer.
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
    group.bench_function(format!("accept/{name}/txs=1000"), |b| {
        b.iter_custom(|blocks| accept(&mut vm, workload, &mut nonce, blocks));
    });
    let (entries, bytes) = vm.store().last.get();
    eprintln!("{name}: {entries} entries and {bytes} bytes a block of {TRANSFERS} transfers");
    let mut store = Some(vm.into_store().store);
    group.bench_function(format!("open/{name}/accounts=1000000"), |b| {
        b.iter_custom(|starts| {
            let mut time = Duration::ZERO;
            for _ in 0..starts {
                let start = Instant::now();
                let vm = black_box(open(store.take().unwrap_or_else(&at), genesis));
                time += start.elapsed();
                store = Some(vm.into_store());
            }
            time
        });
    });
    group.finish();
}

fn stores(c: &mut Criterion) {
    let workload = transfers(TRANSFERS);
    let genesis = crowd(&workload, ACCOUNTS);
    measure(c, "memory", &genesis, &workload, MemoryStore::default);
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("chain.redb");
    let file = |path: &Path| RedbStore::open(path).expect("a new file");
    measure(c, "redb", &genesis, &workload, || file(&path));
    let bytes = std::fs::metadata(&path).expect("the file").len();
    eprintln!("redb: a file of {bytes} bytes");
}

criterion_group!(benches, stores);
criterion_main!(benches);
