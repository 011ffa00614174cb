//! The kinds of transactions.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::block::Fault;
use crate::evidence::Evidence;
use crate::generation::GenerationParams;
use crate::hash::{EvidenceNote, JobId, ModelId};
use crate::model::{ModelRecord, Pair};
use crate::unit::{Amount, DurationMs, Timestamp};
use crate::validator::{ComputeRegistration, KeyPossession};

/// What a transaction does.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TransactionKind {
    /// Moves money to another account.
    Transfer {
        /// Who receives.
        to: Address,
        /// How much.
        amount: Amount,
    },
    /// Adds to the sender's own stake.
    Stake {
        /// How much.
        amount: Amount,
    },
    /// Takes from the sender's own free stake; paid out after the unbonding time.
    Unstake {
        /// How much.
        amount: Amount,
    },
    /// Registers or updates the sender's keys and pairs.
    RegisterCompute(Box<ComputeUpdate>),
    /// Runs a job with a prompt drawn from the beacon, to make one of the sender's pairs active.
    TestHardware {
        /// The pair to test.
        pair: Pair,
    },
    /// Asks for pictures.
    GenerationRequest(Box<GenerationRequest>),
    /// Says that the pictures of a job have arrived and their hashes are right.
    Receipt {
        /// The job.
        job: JobId,
    },
    /// Ends the jail of the sender's validator, once its time is over.
    Unjail,
    /// Gives the sender's validator to another account, after a delay; to the sender itself, takes that back.
    ChangeOwner {
        /// Who owns it then.
        to: Address,
    },
    /// Registers a model, for a deposit.
    RegisterModel(Box<ModelRecord>),
    /// Removes a model that the sender registered and nobody uses, and takes the deposit back.
    RemoveModel {
        /// The model.
        model: ModelId,
    },
    /// Takes a request back that nobody has accepted yet.
    CancelRequest {
        /// The job.
        job: JobId,
    },
    /// The requester doubts a result and pays for another audit of it.
    RequestAudit {
        /// The job.
        job: JobId,
    },
    /// Announces evidence without showing it.
    EvidenceNote {
        /// Hash of evidence and reporter.
        note: EvidenceNote,
    },
    /// Shows a fault.
    SubmitEvidence(Box<Evidence>),
    /// Votes for stopping new jobs and the chain clock, or, with a time that is over, for letting them go on.
    PauseJobs {
        /// Until when.
        until: Timestamp,
    },
    /// Votes for giving held penalties back to whom they were taken from.
    ReleaseHolds {
        /// What they are for.
        fault: Fault,
        /// From when on they were imposed.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
}

impl TransactionKind {
    /// The name in text.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Transfer { .. } => "transfer",
            Self::Stake { .. } => "stake",
            Self::Unstake { .. } => "unstake",
            Self::RegisterCompute(_) => "register_compute",
            Self::TestHardware { .. } => "test_hardware",
            Self::GenerationRequest(_) => "generation_request",
            Self::Receipt { .. } => "receipt",
            Self::Unjail => "unjail",
            Self::ChangeOwner { .. } => "change_owner",
            Self::RegisterModel(_) => "register_model",
            Self::RemoveModel { .. } => "remove_model",
            Self::CancelRequest { .. } => "cancel_request",
            Self::RequestAudit { .. } => "request_audit",
            Self::EvidenceNote { .. } => "evidence_note",
            Self::SubmitEvidence(_) => "submit_evidence",
            Self::PauseJobs { .. } => "pause_jobs",
            Self::ReleaseHolds { .. } => "release_holds",
        }
    }

    /// Whether it moves the sender's money, beside the fee: an Ethereum transaction must say how much (rule ETH-08).
    pub const fn is_payable(&self) -> bool {
        match self {
            Self::Transfer { .. }
            | Self::Stake { .. }
            | Self::TestHardware { .. }
            | Self::GenerationRequest(_)
            | Self::RegisterModel(_)
            | Self::RequestAudit { .. } => true,
            Self::Unstake { .. }
            | Self::RegisterCompute(_)
            | Self::Receipt { .. }
            | Self::Unjail
            | Self::ChangeOwner { .. }
            | Self::RemoveModel { .. }
            | Self::CancelRequest { .. }
            | Self::EvidenceNote { .. }
            | Self::SubmitEvidence(_)
            | Self::PauseJobs { .. }
            | Self::ReleaseHolds { .. } => false,
        }
    }
}

/// A registration and the proofs that its keys are the sender's.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComputeUpdate {
    /// What is registered.
    pub registration: ComputeRegistration,
    /// By each key, over the registration and its owner.
    pub possession: KeyPossession,
}

/// The user's request.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationRequest {
    /// What to draw.
    pub params: GenerationParams,
    /// Offered price of one work unit.
    pub price_per_unit: Amount,
    /// No attempt starts later than this after inclusion.
    pub expires_ms: DurationMs,
    /// Takes a worker whose pair too few others serve to audit it.
    pub unaudited: bool,
}
