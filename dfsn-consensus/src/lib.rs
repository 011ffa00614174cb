//! The rules of DFSN as pure functions: state and input in, transition and effects out.
//!
//! Here belong the state, the state transition, sortition, judgement, penalties, the mempool, block building, and the
//! [`vm::Vm`] interface that ordering engines drive. Time, randomness, signatures and results of inference arrive as inputs: no
//! async runtime, no clock, no libtorch; the same input gives the same bytes on every machine. No rule knows floats: [`exact`] defines
//! the arithmetic of exact pictures.
//!
//! A message passes three stages, each a type or a function:
//! - structural: `dfsn_types` decodes it with every bound checked;
//! - stateless: [`dfsn_types::SignedTransaction::verify`] gives a `VerifiedTransaction`;
//! - stateful: [`transition::Execution`] applies it to a state, or says which rule of docs/spec it breaks.
//!
//! ```
//! use dfsn_consensus::state::{ChainState, Supply};
//! use dfsn_consensus::store::MemoryStore;
//! use dfsn_consensus::vm::{ChainVm, InstantSeal, VmConfig};
//! use dfsn_consensus::{Mempool, MempoolLimits, Rules};
//! use dfsn_types::{
//!     Address, Allocation, Amount, BoundedVec, ChainId, ConsensusParams, Gas, GenesisConfig, Nonce, Prompt, SecretKey,
//!     Timestamp, Transaction, TransactionKind,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (sealer, alice) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
//! let address = Address::from_public_key(&alice.public_key());
//! let genesis = GenesisConfig {
//!     chain_id: ChainId::new(7777)?,
//!     timestamp: Timestamp::new(1_700_000_000_000),
//!     params: ConsensusParams::default(),
//!     sealer: sealer.public_key(),
//!     allocations: BoundedVec::new(vec![Allocation { address, amount: Amount::from_dfsn(10) }])?,
//!     models: BoundedVec::empty(),
//!     profiles: BoundedVec::empty(),
//!     validators: BoundedVec::empty(),
//!     test_prompts: BoundedVec::new(vec![Prompt::new("a fox")?])?,
//!     guardian: None,
//! };
//! let config = VmConfig {
//!     only_builder: Some(genesis.sealer),
//!     builder_key: sealer,
//!     fee_recipient: Address::from_bytes([3; 20]),
//!     beacon: None,
//!     rules: Rules::default(),
//! };
//! let mempool = Mempool::new(MempoolLimits::default());
//! let vm = ChainVm::open(MemoryStore::default(), &ChainState::genesis(&genesis)?, mempool, config)?;
//! let mut engine = InstantSeal::new(vm);
//!
//! let transfer = Transaction {
//!     chain_id: genesis.chain_id,
//!     nonce: Nonce::ZERO,
//!     gas_limit: Gas::new(21_000),
//!     max_fee_per_gas: Amount::from_base_units(50_000_000_000),
//!     max_priority_fee_per_gas: Amount::ZERO,
//!     kind: TransactionKind::Transfer { to: Address::from_bytes([9; 20]), amount: Amount::DFSN },
//! };
//! engine.vm_mut().submit_transaction(transfer.sign(&genesis.identity(), &alice))?;
//! let accepted = engine.seal(Timestamp::new(1_700_000_002_000))?.ok_or("a block is wanted")?;
//! assert_eq!(accepted.block.header().height.get(), 1);
//!
//! let state = engine.vm().state();
//! assert_eq!(state.balance(&Address::from_bytes([9; 20])), Amount::DFSN);
//! assert_eq!(Supply::of(state).total(), state.minted);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::float_arithmetic
    )
)]

mod builder;
pub mod economics;
mod error;
#[allow(
    clippy::float_arithmetic,
    reason = "this module defines the arithmetic; verdicts run it on soft floats"
)]
pub mod exact;
pub mod gas;
mod math;
mod mempool;
pub mod operator;
mod rules;
pub mod sortition;
pub mod state;
pub mod store;
pub mod transition;
pub mod vm;

pub use builder::build_block;
pub use error::{BlockRuleError, DutyError, IncludeError, Rule, TransactionFailure};
pub use mempool::{Dropped, Mempool, MempoolError, MempoolLimits};
pub use rules::{RULE_VERSION, Rules, UpgradeError};
