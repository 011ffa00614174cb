//! What DFSN hashes, signs, stores and sends, as data with one canonical byte form.
//!
//! Here belong units, hashes, keys, addresses, transactions, duties, blocks, receipts, the parameters of a
//! picture, a job's trace and commitments, and the genesis. Rules that need the chain's state belong to
//! `dfsn-consensus`. This crate knows no async runtime, no clock, no OS randomness, no network and no
//! libtorch; nothing that is encoded holds a float; it builds for `wasm32-unknown-unknown`.
//!
//! - **One byte form.** [`codec`]: borsh, whole slices only, a bound on every length; decoding and
//!   encoding again gives the same bytes.
//! - **One domain a purpose.** [`domain::Domain`] lists every context that is hashed or signed.
//! - **One rule of verification.** Ed25519 is checked strictly ([`key`]), secp256k1 with low `s` only, the VRF as RFC 9381
//!   says ([`vrf`]).
//! - **Two envelopes, one transaction.** Native bytes and what Ethereum's wallets send ([`SignedTransaction`]) become the
//!   same [`VerifiedTransaction`].
//! - **Stages as types.** [`SignedTransaction`] becomes [`VerifiedTransaction`] and never the other way.
//!
//! ```
//! use dfsn_types::{Address, Amount, ChainId, ChainIdentity, Gas, GenesisHash, Nonce};
//! use dfsn_types::{SecretKey, SignedTransaction, Transaction, TransactionKind, codec};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chain = ChainIdentity { chain_id: ChainId::new(7777)?, genesis: GenesisHash::from_bytes([1; 32]) };
//! let alice = SecretKey::from_seed(&[7; 32]);
//! let signed = Transaction {
//!     chain_id: chain.chain_id,
//!     nonce: Nonce::ZERO,
//!     gas_limit: Gas::new(30_000),
//!     max_fee_per_gas: Amount::from_base_units(50_000_000_000),
//!     max_priority_fee_per_gas: Amount::ZERO,
//!     kind: TransactionKind::Transfer { to: Address::from_bytes([9; 20]), amount: Amount::DFSN },
//! }
//! .sign(&chain, &alice);
//!
//! let bytes = codec::encode(&signed);
//! let verified = SignedTransaction::decode(&bytes)?.verify(&chain)?;
//! assert_eq!(verified.sender(), Address::from_public_key(&alice.public_key()));
//! # Ok(())
//! # }
//! ```

mod account_key;
mod address;
mod block;
mod bounded;
pub mod codec;
pub mod domain;
mod duty;
mod evidence;
mod excerpt;
mod generation;
mod genesis;
mod hash;
mod hex_text;
mod job;
pub mod key;
mod light;
mod macros;
mod manifest;
pub mod merkle;
mod model;
mod params;
mod picture;
pub mod proof;
mod secp256k1;
mod slice;
mod transaction;
mod unit;
mod upgrade;
mod validator;
pub mod vrf;

pub use account_key::AccountKey;
pub use address::{Address, ParseAddressError};
pub use block::{
    BeaconProof, Block, BlockBody, BlockError, BlockReceipts, Event, Fault, Header, RefundReason, RuleId,
    SignedHeader, TransactionReceipt, TransactionStatus,
};
pub use bounded::{BoundedString, BoundedVec, TooLong};
pub use codec::DecodeError;
pub use domain::Domain;
pub use duty::{Duty, DutyKind, INPUTS_MAX, LEAVES_MAX, QUESTIONS_MAX, SignedDuty};
pub use evidence::Evidence;
pub use generation::{
    GenerationParams, GenerationParamsBuilder, GenerationParamsError, GuidanceScale, GuidanceScaleError,
    ImageSize, ImageSizeError, Prompt, SchedulerKind, Strength, StrengthError, UnknownScheduler,
};
pub use genesis::{Allocation, ChainIdentity, GenesisConfig, GenesisValidator, Guardian};
pub use hash::{
    AnswerDigest, Beacon, BlockHash, BodyRoot, DutyId, EvidenceNote, FileHash, GenesisHash, Hash, JobId,
    ModelId, PixelHash, ProfileId, ReceiptsRoot, Salt, StateDigest, StateRoot, TraceRoot, TransactionId,
};
pub use hex_text::ParseHexError;
pub use job::{
    AnswerContext, AnswerRef, Attempt, Boundary, CommittedState, ElementProof, FailedAt, ImageCommitment,
    ImageResult, LeafOpening, PostError, PostedChunk, PostedPart, PostedTensor, ResultCommitment, Role,
    STATE_CHUNK_BYTES, Seat, StateContext, TENSORS_MAX, TensorOpening, TensorPart, TensorRoots, TraceError,
    TraceLeaf, TraceShape, TraceTree,
};
pub use key::{PublicKey, SecretKey, Signature, SignatureError, SigningDigest};
pub use light::{Checkpoint, HEADERS_MAX, HeaderChain, HeaderChainError, SignedCheckpoint, Standing};
pub use manifest::{ManifestFile, ModelManifest};
pub use merkle::{MerkleMap, MerkleProof, MerkleProofError, MerkleSet, OtherEntry, ProofBranch};
pub use model::{ExactRecord, ModelRecord, Pair, ProfileRecord, WorkCoefficients};
pub use params::{
    ChainParams, ConsensusParams, EconomicParams, GovernanceParams, PenaltyParams, SortitionParams,
    WindowParams,
};
pub use proof::{
    AccountRecord, EventAnswer, JobRecord, JobStage, PairStanding, ProofError, ReceiptAnswer, StateAnswer,
    StateSection, ValidatorRecord, state_root,
};
pub use secp256k1::{Secp256k1Error, Secp256k1PublicKey, Secp256k1SecretKey};
pub use slice::{
    ChunkRun, LEVEL_MAX, SLICE_BYTES_MAX, SLICE_CHUNK_BYTES, ShownBytes, Slice, SliceError, hash_nodes,
    level_root, node_chunks, slice_root,
};
pub use transaction::{
    ComputeUpdate, EthereumCall, EthereumCallError, EthereumError, EthereumLog, EthereumQuestion,
    EthereumTransaction, GenerationRequest, NATIVE_ONLY, NativeTransaction, SYSTEM_ADDRESS,
    SignedTransaction, Transaction, TransactionError, TransactionKind, VerifiedTransaction, event_causes,
};
pub use unit::{
    Amount, BasisPoints, BasisPointsError, BlockHeight, ChainClock, ChainId, ChainIdError, DurationMs, Gas,
    Nonce, ParseAmountError, Ppm, RuleVersion, Timestamp, WorkUnits,
};
pub use upgrade::{UPGRADES_MAX, Upgrade, UpgradeSchedule, UpgradeScheduleError};
pub use validator::{
    ComputeRegistration, KeyPossession, NodeId, PAIRS_MAX, PairOffer, PairStatus, PossessionError, Relay,
    ValidatorStatus,
};
pub use vrf::{VrfError, VrfOutput, VrfProof, VrfPublicKey, VrfSecretKey};
