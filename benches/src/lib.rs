//! Workloads and settings that the benchmarks share.

use dfsn_consensus::state::{Account, ChainState};
use dfsn_consensus::transition::BlockContext;
use dfsn_consensus::{Mempool, MempoolLimits, build_block};
use dfsn_types::{
    Address, Allocation, Amount, Block, BoundedVec, ChainId, ConsensusParams, Domain, DurationMs, Gas,
    GenerationParams, GenerationRequest, GenesisConfig, ImageSize, ModelId, Nonce, ProfileId, Prompt,
    Secp256k1SecretKey, SecretKey, SignedTransaction, Timestamp, Transaction, TransactionKind,
};

/// Whether a benchmark that keeps its own time is asked for: `cargo bench` passes names to all benchmarks and filters by them.
pub fn is_asked_for(name: &str) -> bool {
    let filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

/// A setting from the environment.
///
/// # Panics
/// When it is set and cannot be read.
pub fn variable<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text:?} cannot be read")),
        Err(_) => default,
    }
}

/// Transfers by as many senders, each its first.
#[derive(Debug)]
pub struct Workload {
    /// The network, with money for every sender.
    pub genesis: GenesisConfig,
    /// Builds blocks.
    pub sealer: SecretKey,
    /// The transfers.
    pub signed: Vec<SignedTransaction>,
}

/// `count` transfers (at most 65,536), each from an account of its own to another one.
///
/// # Panics
/// Above that count.
pub fn transfers(count: u32) -> Workload {
    let sealer = SecretKey::from_seed(&[0xff; 32]);
    let senders: Vec<SecretKey> = (0..count).map(sender).collect();
    let addresses = senders.iter().map(|key| Address::from_public_key(&key.public_key()));
    let allocations =
        addresses.map(|address| Allocation { address, amount: Amount::from_dfsn(10) }).collect();
    let mut params = ConsensusParams::default();
    // Room for the whole workload in half a block, which leaves the base fee as it is.
    params.chain.gas_limit = Gas::new(42_000 * u64::from(count)).max(params.chain.gas_limit);
    let genesis = GenesisConfig {
        chain_id: ChainId::new(7777).expect("a constant in range"),
        timestamp: Timestamp::new(1_700_000_000_000),
        params,
        sealer: sealer.public_key(),
        allocations: BoundedVec::new(allocations).expect("at most 65536 senders"),
        models: BoundedVec::empty(),
        profiles: BoundedVec::empty(),
        validators: BoundedVec::empty(),
        test_prompts: BoundedVec::new(vec![Prompt::new("a fox").expect("a short prompt")])
            .expect("one prompt"),
        guardian: None,
    };
    let signed = round(&genesis, count, Nonce::ZERO);
    Workload { genesis, sealer, signed }
}

/// The transfers of [`transfers`], with another nonce.
pub fn round(genesis: &GenesisConfig, count: u32, nonce: Nonce) -> Vec<SignedTransaction> {
    let chain = genesis.identity();
    let transfer = |number: u32| {
        let transaction = Transaction {
            chain_id: genesis.chain_id,
            nonce,
            gas_limit: Gas::new(21_000),
            max_fee_per_gas: Amount::from_base_units(50_000_000_000),
            max_priority_fee_per_gas: Amount::from_base_units(1),
            kind: TransactionKind::Transfer {
                to: receiver(number),
                amount: Amount::from_base_units(1_000_000_000_000_000),
            },
        };
        transaction.sign(&chain, &sender(number))
    };
    (0..count).map(transfer).collect()
}

/// The genesis of a workload, with its money in at least `accounts` accounts.
///
/// # Panics
/// When the first sender has less money than a base unit for each.
pub fn crowd(workload: &Workload, accounts: u32) -> ChainState {
    let mut state = ChainState::genesis(&workload.genesis).expect("a consistent genesis");
    let rich = Address::from_public_key(&sender(0).public_key());
    for address in strangers(accounts) {
        let account = state.accounts.get_mut(&rich).expect("the first sender");
        let balance = account.balance.take(Amount::from_base_units(1)).expect("a base unit");
        state.accounts.insert(address, Account { balance, ..Account::default() });
    }
    state
}

/// A transfer and a request that a wallet has signed, of the network of [`transfers`].
///
/// # Panics
/// Never: its values are in range.
pub fn wallet_transactions() -> [SignedTransaction; 2] {
    let key = Secp256k1SecretKey::from_bytes(&[7; 32]).expect("a small number");
    let size = ImageSize::new(512, 512).expect("a size in range");
    let (model, profile) = (ModelId::from_bytes([1; 32]), ProfileId::from_bytes([2; 32]));
    let params = GenerationParams::builder(model, profile, "a red fox in the snow, oil on canvas", size);
    let request = GenerationRequest {
        params: params.build().expect("the builder's defaults"),
        price_per_unit: Amount::from_base_units(1_000_000_000_000),
        expires_ms: DurationMs::new(600_000),
        unaudited: false,
    };
    let to = Address::from_bytes([3; 20]);
    let kinds = [
        TransactionKind::Transfer { to, amount: Amount::DFSN },
        TransactionKind::GenerationRequest(Box::new(request)),
    ];
    kinds.map(|kind| {
        let transaction = Transaction {
            chain_id: ChainId::new(7777).expect("a constant in range"),
            nonce: Nonce::ZERO,
            gas_limit: Gas::new(200_000),
            max_fee_per_gas: Amount::from_base_units(50_000_000_000),
            max_priority_fee_per_gas: Amount::from_base_units(1),
            kind,
        };
        transaction.sign_ethereum(Amount::DFSN, &key).expect("both kinds have a form").into()
    })
}

/// A block that holds a whole workload, and the state before it.
///
/// # Panics
/// When the workload does not fit a block.
pub fn sealed_block(workload: &Workload) -> (ChainState, Block) {
    let state = ChainState::genesis(&workload.genesis).expect("a consistent genesis");
    let mut mempool = Mempool::new(MempoolLimits::default());
    for transaction in &workload.signed {
        let verified = transaction.clone().verify(&state.chain).expect("a valid signature");
        mempool.add_transaction(&state, verified).expect("room in the mempool");
    }
    let context = BlockContext {
        timestamp: Timestamp::new(1_700_000_001_000),
        fee_recipient: Address::from_bytes([0xfe; 20]),
        beacon_proof: None,
    };
    let (block, _) = build_block(&state, &mempool, &context, &workload.sealer).expect("a block");
    assert_eq!(block.body().transactions.len(), workload.signed.len(), "the workload fits one block");
    (state, block)
}

/// Addresses that nobody has a key for, spread as hashes are.
pub fn strangers(count: u32) -> impl Iterator<Item = Address> {
    (0..count).map(|number| {
        let hash = Domain::File.hash(&number);
        Address::from_bytes(std::array::from_fn(|index| hash.as_bytes()[index]))
    })
}

/// Memory of this process, where the system tells (Linux).
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn receiver(number: u32) -> Address {
    let mut to = [0; 20];
    to[..4].copy_from_slice(&number.to_be_bytes());
    Address::from_bytes(to)
}

fn sender(number: u32) -> SecretKey {
    let mut seed = [1; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_seed(&seed)
}
