//! Every exported type, by what can be done with it; the lists are checked against `lib.rs`.

use std::collections::BTreeSet;
use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples::Sample;
use crate::strategies::Generate;

/// A type with a canonical byte form and a JSON form, both read and written.
pub(crate) trait Wire:
    BorshSerialize
    + BorshDeserialize
    + Serialize
    + DeserializeOwned
    + Clone
    + PartialEq
    + Debug
    + Sample
    + Generate
    + 'static
{
}

impl<T> Wire for T where
    T: BorshSerialize
        + BorshDeserialize
        + Serialize
        + DeserializeOwned
        + Clone
        + PartialEq
        + Debug
        + Sample
        + Generate
        + 'static
{
}

/// Calls a macro with `name: Type,` for every type that has a byte form and a JSON form.
///
/// An argument, if there is one, is passed on before the list. The callers import `dfsn_types::*`. Generic
/// types stand with one choice of their parameters.
macro_rules! for_each_wire_type {
    ($callback:ident $(, $argument:ident)?) => {
        $callback! {
            $([$argument])?
            account_key: AccountKey,
            account_record: AccountRecord,
            address: Address,
            allocation: Allocation,
            amount: Amount,
            answer_digest: AnswerDigest,
            answer_ref: AnswerRef,
            attempt: Attempt,
            basis_points: BasisPoints,
            beacon: Beacon,
            beacon_proof: BeaconProof,
            block: Block,
            block_body: BlockBody,
            block_hash: BlockHash,
            block_height: BlockHeight,
            block_receipts: BlockReceipts,
            body_root: BodyRoot,
            boundary: Boundary,
            bounded_string: BoundedString<8>,
            bounded_vec: BoundedVec<Boundary, 4>,
            chain_clock: ChainClock,
            chain_id: ChainId,
            chain_params: ChainParams,
            checkpoint: Checkpoint,
            chunk_run: ChunkRun,
            committed_state: CommittedState,
            compute_registration: ComputeRegistration,
            compute_update: ComputeUpdate,
            consensus_params: ConsensusParams,
            duration_ms: DurationMs,
            duty: Duty,
            duty_id: DutyId,
            duty_kind: DutyKind,
            element_proof: ElementProof,
            economic_params: EconomicParams,
            ethereum_transaction: EthereumTransaction,
            event: Event,
            event_answer: EventAnswer,
            evidence: Evidence,
            evidence_note: EvidenceNote,
            exact_record: ExactRecord,
            failed_at: FailedAt,
            fault: Fault,
            file_hash: FileHash,
            gas: Gas,
            generation_params: GenerationParams,
            generation_request: GenerationRequest,
            genesis_config: GenesisConfig,
            genesis_hash: GenesisHash,
            genesis_validator: GenesisValidator,
            governance_params: GovernanceParams,
            guardian: Guardian,
            guidance_scale: GuidanceScale,
            hash: Hash,
            header: Header,
            image_commitment: ImageCommitment,
            image_result: ImageResult,
            image_size: ImageSize,
            job_id: JobId,
            job_record: JobRecord,
            job_stage: JobStage,
            key_possession: KeyPossession,
            leaf_opening: LeafOpening,
            manifest_file: ManifestFile,
            merkle_proof: MerkleProof,
            model_id: ModelId,
            model_manifest: ModelManifest,
            model_record: ModelRecord,
            native_transaction: NativeTransaction,
            node_id: NodeId,
            nonce: Nonce,
            other_entry: OtherEntry,
            pair: Pair,
            pair_offer: PairOffer,
            pair_standing: PairStanding,
            pair_status: PairStatus,
            penalty_params: PenaltyParams,
            pixel_hash: PixelHash,
            posted_chunk: PostedChunk,
            posted_part: PostedPart,
            posted_tensor: PostedTensor,
            ppm: Ppm,
            profile_id: ProfileId,
            profile_record: ProfileRecord,
            prompt: Prompt,
            proof_branch: ProofBranch,
            public_key: PublicKey,
            receipt_answer: ReceiptAnswer,
            receipts_root: ReceiptsRoot,
            refund_reason: RefundReason,
            relay: Relay,
            result_commitment: ResultCommitment,
            role: Role,
            rule_id: RuleId,
            rule_version: RuleVersion,
            salt: Salt,
            scheduler_kind: SchedulerKind,
            secp256k1_public_key: Secp256k1PublicKey,
            seat: Seat,
            signature: Signature,
            signed_checkpoint: SignedCheckpoint,
            signed_duty: SignedDuty,
            signed_header: SignedHeader,
            signed_transaction: SignedTransaction,
            slice: Slice,
            sortition_params: SortitionParams,
            state_answer: StateAnswer<AccountRecord>,
            state_digest: StateDigest,
            state_root: StateRoot,
            strength: Strength,
            tensor_opening: TensorOpening,
            tensor_part: TensorPart,
            tensor_roots: TensorRoots,
            timestamp: Timestamp,
            trace_root: TraceRoot,
            transaction: Transaction,
            transaction_id: TransactionId,
            transaction_kind: TransactionKind,
            transaction_receipt: TransactionReceipt,
            transaction_status: TransactionStatus,
            upgrade: Upgrade,
            upgrade_schedule: UpgradeSchedule,
            validator_record: ValidatorRecord,
            validator_status: ValidatorStatus,
            vrf_output: VrfOutput,
            vrf_proof: VrfProof,
            vrf_public_key: VrfPublicKey,
            window_params: WindowParams,
            work_coefficients: WorkCoefficients,
            work_units: WorkUnits,
        }
    };
}

/// Like [`for_each_wire_type`], for the types that are encoded only: into what is hashed or signed.
macro_rules! for_each_hashed_type {
    ($callback:ident) => {
        $callback! {
            answer_context: AnswerContext,
            chain_identity: ChainIdentity,
            state_context: StateContext,
        }
    };
}

/// Like [`for_each_wire_type`], for the enums, whose samples and strategies must reach every variant.
macro_rules! for_each_enum {
    ($callback:ident) => {
        $callback! {
            account_key: AccountKey,
            duty_kind: DutyKind,
            event: Event,
            evidence: Evidence,
            fault: Fault,
            job_stage: JobStage,
            pair_status: PairStatus,
            profile_record: ProfileRecord,
            refund_reason: RefundReason,
            relay: Relay,
            role: Role,
            scheduler_kind: SchedulerKind,
            signed_transaction: SignedTransaction,
            seat: Seat,
            transaction_kind: TransactionKind,
            transaction_status: TransactionStatus,
            validator_status: ValidatorStatus,
        }
    };
}

/// Like [`for_each_wire_type`], for the types that have no byte form.
macro_rules! for_each_plain_type {
    ($callback:ident) => {
        $callback! {
            basis_points_error: BasisPointsError,
            block_error: BlockError,
            chain_id_error: ChainIdError,
            decode_error: DecodeError,
            domain: Domain,
            ethereum_call: EthereumCall,
            ethereum_call_error: EthereumCallError,
            ethereum_error: EthereumError,
            ethereum_log: EthereumLog,
            ethereum_question: EthereumQuestion,
            generation_params_builder: GenerationParamsBuilder,
            generation_params_error: GenerationParamsError,
            guidance_scale_error: GuidanceScaleError,
            header_chain: HeaderChain,
            header_chain_error: HeaderChainError,
            image_size_error: ImageSizeError,
            merkle_map: MerkleMap<Hash, ()>,
            merkle_proof_error: MerkleProofError,
            merkle_set: MerkleSet<Hash>,
            parse_address_error: ParseAddressError,
            parse_amount_error: ParseAmountError,
            parse_hex_error: ParseHexError,
            post_error: PostError,
            possession_error: PossessionError,
            proof_error: ProofError,
            secp256k1_error: Secp256k1Error,
            secp256k1_secret_key: Secp256k1SecretKey,
            secret_key: SecretKey,
            shown_bytes: ShownBytes<'static>,
            signature_error: SignatureError,
            signing_digest: SigningDigest,
            slice_error: SliceError,
            standing: Standing,
            state_section: StateSection,
            strength_error: StrengthError,
            too_long: TooLong,
            trace_error: TraceError,
            trace_leaf: TraceLeaf,
            trace_shape: TraceShape,
            trace_tree: TraceTree,
            transaction_error: TransactionError,
            unknown_scheduler: UnknownScheduler,
            upgrade_schedule_error: UpgradeScheduleError,
            verified_transaction: VerifiedTransaction,
            vrf_error: VrfError,
            vrf_secret_key: VrfSecretKey,
        }
    };
}

pub(crate) use {for_each_enum, for_each_hashed_type, for_each_wire_type};

/// Tells at compile time whether a type is encoded: the inherent constant, where it exists, hides the trait's.
struct Probe<T>(std::marker::PhantomData<T>);

trait NotEncoded {
    const ENCODED: bool = false;
}

impl<T> NotEncoded for Probe<T> {}

impl<T: BorshSerialize> Probe<T> {
    const ENCODED: bool = true;
}

macro_rules! probe {
    ($($name:ident: $type:ty,)*) => { vec![$((stringify!($type), Probe::<$type>::ENCODED)),*] };
}

/// The type names that `lib.rs` exports. Its modules export nothing that it does not.
fn exported_types() -> BTreeSet<String> {
    let source = include_str!("../../src/lib.rs");
    let is_type = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.contains(|letter: char| letter.is_ascii_lowercase())
    };
    source
        .split("pub use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .flat_map(|list| list.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|name| is_type(name))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_exported_type_is_listed() {
    use dfsn_types::*;

    let mut encoded = for_each_wire_type!(probe);
    encoded.extend(for_each_hashed_type!(probe));
    let plain = for_each_plain_type!(probe);
    for (name, is_encoded) in &encoded {
        assert!(is_encoded, "{name} has no byte form: list it as plain");
    }
    for (name, is_encoded) in &plain {
        assert!(!is_encoded, "{name} has a byte form: it needs samples, strategies and vectors");
    }

    let bare = |name: &str| name.split('<').next().unwrap_or(name).trim().to_owned();
    let listed: Vec<String> = encoded.iter().chain(&plain).map(|(name, _)| bare(name)).collect();
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(unique.len(), listed.len(), "a type is listed twice");
    assert_eq!(unique, exported_types(), "left: the lists of this file, right: what lib.rs exports");
}
