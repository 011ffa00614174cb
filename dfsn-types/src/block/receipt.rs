//! What a block caused: a receipt for each transaction, and the events of jobs and stakes.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::bounded::{BoundedString, BoundedVec};
use crate::domain::Domain;
use crate::hash::{Hash, JobId, ReceiptsRoot, TransactionId};
use crate::job::{AnswerRef, Attempt, Boundary, ResultCommitment, Role, TensorPart};
use crate::merkle::MerkleMap;
use crate::model::Pair;
use crate::unit::{Amount, ChainClock, Gas, Timestamp};

/// Id of the rule that decided, as numbered in docs/spec.
pub type RuleId = BoundedString<16>;

/// Receipts and events of one block, in order (rules EVT-01, EVT-02).
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockReceipts {
    /// One a transaction, in the order of the block.
    pub transactions: Vec<TransactionReceipt>,
    /// What happened to jobs and stakes: by duties, by transactions, by windows that closed.
    pub events: Vec<Event>,
}

impl BlockReceipts {
    /// The root in the header (rule EVT-03).
    pub fn root(&self) -> ReceiptsRoot {
        let ReceiptMaps { transactions, receipts, events } = self.maps();
        Self::root_of(transactions, &receipts.root(), &events.root())
    }

    /// The root over the number of transactions and both maps. With the number, two receipts of one transaction, which no block
    /// has, cannot pass for one.
    pub(crate) fn root_of(transactions: u32, receipts: &Hash, events: &Hash) -> ReceiptsRoot {
        Domain::ReceiptsRoot.hash(&(transactions, receipts, events)).into()
    }

    /// What the root is over, and proofs are made of.
    pub(crate) fn maps(&self) -> ReceiptMaps {
        let receipts = (0..).zip(&self.transactions);
        ReceiptMaps {
            transactions: u32::try_from(self.transactions.len()).unwrap_or(u32::MAX),
            receipts: receipts.map(|(index, receipt)| (receipt.id, (index, receipt.clone()))).collect(),
            events: (0..).zip(self.events.iter().cloned()).collect(),
        }
    }
}

/// Receipts and events as authenticated maps.
pub(crate) struct ReceiptMaps {
    /// Transactions in the block.
    pub(crate) transactions: u32,
    /// Place and receipt of each transaction.
    pub(crate) receipts: MerkleMap<TransactionId, (u32, TransactionReceipt)>,
    /// Events by their place.
    pub(crate) events: MerkleMap<u32, Event>,
}

/// Outcome of an included transaction.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionReceipt {
    /// The transaction.
    pub id: TransactionId,
    /// Whether it did what it says.
    pub status: TransactionStatus,
    /// Gas charged.
    pub gas_used: Gas,
    /// Fee paid, base fee and tip.
    pub fee: Amount,
}

/// Whether a transaction did what it says. Nonce and fee are spent either way.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TransactionStatus {
    /// It did.
    Succeeded,
    /// It changed nothing, for the reason of this rule.
    Failed {
        /// The rule broken.
        rule: RuleId,
    },
}

/// Something that happened to a job or a stake.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
#[allow(missing_docs, reason = "fields are named as in the protocol and carry the types' documentation")]
pub enum Event {
    /// A request is queued and its price in escrow.
    JobRequested { job: JobId, requester: Address, pair: Pair, price: Amount },
    /// The beacon drew a worker, who may accept until the clock shows `accept_by`.
    JobDrawn { job: JobId, attempt: Attempt, worker: Address, accept_by: ChainClock },
    /// The drawn worker let its turn pass.
    JobPassedOver { job: JobId, attempt: Attempt, worker: Address },
    /// The worker locked its collateral and will commit before `deadline`.
    JobAccepted { job: JobId, attempt: Attempt, worker: Address, collateral: Amount, deadline: ChainClock },
    /// The worker committed to a result.
    JobCommitted { job: JobId, attempt: Attempt, worker: Address, commitment: ResultCommitment },
    /// The sortition showed an auditor or a juror.
    AuditClaimed { job: JobId, attempt: Attempt, auditor: Address, role: Role },
    /// A claim was answered.
    AuditAnswered { job: JobId, attempt: Attempt, auditor: Address, role: Role },
    /// The worker opened all leaves that were asked about, and the answers agree.
    AuditOpened { job: JobId, attempt: Attempt, answers: u16 },
    /// The worker denies an answer.
    Contested { job: JobId, attempt: Attempt, answer: AnswerRef },
    /// The worker shows what the contested computation consists of.
    RootsPosted { job: JobId, attempt: Attempt, boundary: Boundary, tensors: u32 },
    /// The contested auditor wants to see a part of a tensor.
    TensorDemanded { job: JobId, attempt: Attempt, by: Address, tensor: u32, part: TensorPart },
    /// The worker showed it.
    TensorPosted { job: JobId, attempt: Attempt, tensor: u32, part: TensorPart },
    /// A number of the worker's does not follow from its own other numbers.
    FaultProven { job: JobId, attempt: Attempt, worker: Address, by: Address, tensor: u32, element: u64 },
    /// The contested auditor differs in what arithmetic cannot derive: jurors decide.
    JuryCalled { job: JobId, attempt: Attempt, answer: AnswerRef },
    /// A jury found no majority: half of the price to the worker, half burned.
    JuryHung { job: JobId, attempt: Attempt, worker: Address, worker_paid: Amount, burned: Amount },
    /// Jurors decided, or arithmetic did: who was right, the worker or the auditor.
    Judged { job: JobId, attempt: Attempt, worker: Address, auditor: Address, worker_right: bool },
    /// A penalty was taken from a lock and is held.
    Slashed { job: JobId, attempt: Attempt, validator: Address, fault: Fault, amount: Amount },
    /// A held penalty was paid out, and its rest burned.
    HoldPaid { job: JobId, validator: Address, fault: Fault, paid: Amount, burned: Amount },
    /// A held penalty went back to its validator.
    HoldReleased { job: JobId, validator: Address, fault: Fault, amount: Amount },
    /// An auditor or a juror demands a state, of which the worker has to post all pieces.
    DataDemanded { job: JobId, attempt: Attempt, by: Address, boundary: Boundary },
    /// The worker posted a piece of a state; `complete` with the last one.
    DataPosted { job: JobId, attempt: Attempt, boundary: Boundary, index: u8, complete: bool },
    /// The worker gave an answer away before it was due: the claims that ask for it are void.
    AnswerLeaked { job: JobId, attempt: Attempt, boundary: Boundary, shown_by: Address },
    /// The requester asked for another audit.
    AuditRequested { job: JobId, attempt: Attempt, deposit: Amount },
    /// No receipt came: these validators are asked whether they can fetch the pictures.
    WitnessesDrawn { job: JobId, attempt: Attempt, witnesses: BoundedVec<Address, 16> },
    /// A witness has fetched the pictures and keeps them.
    Stored { job: JobId, attempt: Attempt, witness: Address },
    /// An attempt ended without a result that counts; another follows or the requester is refunded.
    AttemptFailed { job: JobId, attempt: Attempt, worker: Address, fault: Fault },
    /// The pictures have arrived: the requester says so, or enough witnesses.
    Delivered { job: JobId },
    /// The worker and the auditors are paid.
    JobSettled { job: JobId, attempt: Attempt, worker: Address, worker_paid: Amount, auditors_paid: Amount },
    /// The price went back to the requester.
    JobRefunded { job: JobId, requester: Address, amount: Amount, reason: RefundReason },
    /// A hardware test failed: what is left of its deposit is burned.
    TestFailed { job: JobId, validator: Address, burned: Amount },
    /// A pair passed its test.
    PairActivated { validator: Address, pair: Pair },
    /// A validator gets no work until it is released.
    Jailed { validator: Address },
    /// Unbonded stake was paid out.
    Unbonded { owner: Address, amount: Amount },
    /// A validator's jail is over.
    Unjailed { validator: Address },
    /// A validator's stake is under the minimum for good.
    Exiting { validator: Address },
    /// Arithmetic proved a validator wrong: it gets nothing new for ever.
    Tombstoned { validator: Address },
    /// The record of a validator that left is gone.
    Exited { validator: Address },
    /// A validator will belong to another account from this time on, unless its owner takes that back.
    OwnerChanging { validator: Address, to: Address, at: Timestamp },
    /// A validator belongs to another account.
    OwnerChanged { validator: Address, owner: Address },
    /// New jobs and the chain clock stand until this time.
    JobsPaused { until: Timestamp },
    /// Jobs go on before their pause is over.
    JobsResumed,
}

/// What a penalty is for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Accepted, but committed nothing in time.
    MissedDeadline,
    /// Committed a result that jurors found wrong.
    WrongResult,
    /// Did not open or reveal what it had committed to.
    Silence,
    /// Contested an answer that agrees with what it had committed to.
    BaselessContest,
    /// Answered a claimed audit wrongly.
    WrongAnswer,
    /// Claimed an audit and did not answer.
    MissingAnswer,
    /// Gave an answer away before it was due.
    EarlyOpening,
    /// Committed to numbers that do not follow from each other, or did not show them.
    Contradiction,
}

impl Fault {
    /// Every fault, in the order of its number.
    pub const ALL: &[Self] = &[
        Self::MissedDeadline,
        Self::WrongResult,
        Self::Silence,
        Self::BaselessContest,
        Self::WrongAnswer,
        Self::MissingAnswer,
        Self::EarlyOpening,
        Self::Contradiction,
    ];
}

/// Why a price went back.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefundReason {
    /// No worker accepted in time.
    Expired,
    /// A better-paying request took its place in a full queue.
    PushedOut,
    /// The last attempt failed.
    AttemptsFailed,
    /// The pictures did not arrive.
    Undelivered,
    /// A hardware test found too few auditors.
    Untested,
    /// The requester took the request back.
    Cancelled,
    /// The audit that the requester asked for found the paid result wrong: the price comes out of the worker's lock.
    Overturned,
    /// The picture fails at a number, whoever computes it: auditors are paid, the rest went back.
    Failed,
}

impl Event {
    /// The job it is about, if any.
    pub const fn job(&self) -> Option<JobId> {
        match self {
            Self::JobRequested { job, .. }
            | Self::JobDrawn { job, .. }
            | Self::JobPassedOver { job, .. }
            | Self::JobAccepted { job, .. }
            | Self::JobCommitted { job, .. }
            | Self::AuditClaimed { job, .. }
            | Self::AuditAnswered { job, .. }
            | Self::AuditOpened { job, .. }
            | Self::Contested { job, .. }
            | Self::RootsPosted { job, .. }
            | Self::TensorDemanded { job, .. }
            | Self::TensorPosted { job, .. }
            | Self::FaultProven { job, .. }
            | Self::JuryCalled { job, .. }
            | Self::JuryHung { job, .. }
            | Self::TestFailed { job, .. }
            | Self::Judged { job, .. }
            | Self::Slashed { job, .. }
            | Self::AttemptFailed { job, .. }
            | Self::Delivered { job }
            | Self::HoldPaid { job, .. }
            | Self::HoldReleased { job, .. }
            | Self::DataDemanded { job, .. }
            | Self::DataPosted { job, .. }
            | Self::AnswerLeaked { job, .. }
            | Self::AuditRequested { job, .. }
            | Self::WitnessesDrawn { job, .. }
            | Self::Stored { job, .. }
            | Self::JobSettled { job, .. }
            | Self::JobRefunded { job, .. } => Some(*job),
            Self::PairActivated { .. }
            | Self::Jailed { .. }
            | Self::Unbonded { .. }
            | Self::Unjailed { .. }
            | Self::Exiting { .. }
            | Self::Tombstoned { .. }
            | Self::Exited { .. }
            | Self::OwnerChanging { .. }
            | Self::OwnerChanged { .. }
            | Self::JobsPaused { .. }
            | Self::JobsResumed => None,
        }
    }
}
