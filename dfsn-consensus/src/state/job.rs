//! A job's life on chain.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{
    Address, Amount, AnswerContext, AnswerRef, Attempt, BlockHeight, Boundary, ChainClock, GenerationParams,
    GenesisHash, JobId, Pair, RefundReason, ResultCommitment, StateContext, Timestamp, WorkUnits,
};

use super::bounded::{self, ANSWERS_MAX, BOUNDARIES_MAX, PARTIES_MAX};
use super::{Claim, Coins, Demand, Dispute, Judgement, QueueKey, Window};

/// A request on its way to a picture or a refund.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Who asked and paid.
    pub requester: Address,
    /// A user's request or a hardware test.
    pub kind: JobKind,
    /// What to draw.
    pub params: GenerationParams,
    /// Price of one work unit.
    pub price_per_unit: Amount,
    /// Price of the whole job; penalties are multiples of it.
    pub price: Amount,
    /// Work of the whole job.
    pub work_units: WorkUnits,
    /// Paid to an auditor for a right answer.
    pub audit_fee: Amount,
    /// The price, or a test's deposit, until it is settled.
    pub escrow: Coins,
    /// Takes a worker that too few others could audit.
    pub unaudited: bool,
    /// When its block was built: VRF keys must be older.
    pub included_at: Timestamp,
    /// No attempt starts once the clock shows this.
    pub expires_at: ChainClock,
    /// The current attempt.
    pub attempt: Attempt,
    /// Draws of the current attempt.
    pub tries: u32,
    /// Workers of attempts that failed: they are not drawn for this job again (rule DRW-06).
    #[borsh(deserialize_with = "bounded::vec::<_, _, PARTIES_MAX>")]
    pub failed_workers: Vec<Address>,
    /// Workers that let a turn of this attempt pass (rule ACC-03).
    #[borsh(deserialize_with = "bounded::vec::<_, _, PARTIES_MAX>")]
    pub passed_over_by: Vec<Address>,
    /// Place in the pair's queue while pending.
    pub queue_key: QueueKey,
    /// Whether the pictures have arrived: the requester said so, or enough witnesses.
    pub delivered: bool,
    /// Where it stands.
    pub stage: Stage,
}

impl Job {
    /// Model and profile.
    pub const fn pair(&self) -> Pair {
        Pair { model: self.params.model(), profile: self.params.profile() }
    }

    /// Whether nothing more can happen to it.
    pub const fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// Whether its price has been paid out; the requester may still object.
    pub fn is_paid(&self) -> bool {
        self.committed().is_some_and(|committed| committed.paid)
    }

    /// The window that is open, if any.
    pub const fn window(&self) -> Option<Window> {
        match &self.stage {
            Stage::Pending { window, .. } | Stage::Drawn { window, .. } | Stage::Accepted { window, .. } => {
                Some(*window)
            }
            Stage::Committed(committed) => Some(committed.window),
            Stage::Ended(_) => None,
        }
    }

    /// The worker of the current attempt, once drawn.
    pub const fn worker(&self) -> Option<Address> {
        match &self.stage {
            Stage::Drawn { worker, .. } | Stage::Accepted { worker, .. } => Some(*worker),
            Stage::Committed(committed) => Some(committed.worker),
            Stage::Pending { .. } | Stage::Ended(_) => None,
        }
    }

    /// The commitment and its audit, while they are open.
    pub const fn committed(&self) -> Option<&Committed> {
        match &self.stage {
            Stage::Committed(committed) => Some(committed),
            _ => None,
        }
    }

    /// What an answer about a boundary of the current attempt is bound to.
    pub const fn answer_context(
        &self,
        genesis: GenesisHash,
        boundary: Boundary,
        answerer: Address,
    ) -> AnswerContext {
        AnswerContext { genesis, job: self.id, attempt: self.attempt, boundary, answerer }
    }

    /// What a state of the current attempt's result is bound to.
    pub const fn state_context(
        &self,
        genesis: GenesisHash,
        worker: Address,
        boundary: Boundary,
    ) -> StateContext {
        StateContext { genesis, job: self.id, attempt: self.attempt, worker, boundary }
    }
}

/// Why a job exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JobKind {
    /// A user pays for pictures.
    Request,
    /// A validator shows what its hardware can do; it is the worker.
    Test,
}

/// Where a job stands (rule JOB-01).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Stage {
    /// In the queue of its pair.
    Pending {
        /// No draw before the end of this block.
        draw_from: BlockHeight,
        /// Until the request expires.
        window: Window,
    },
    /// A worker may accept.
    Drawn {
        /// The worker.
        worker: Address,
        /// Until it must accept.
        window: Window,
    },
    /// The worker computes.
    Accepted {
        /// The worker.
        worker: Address,
        /// Its collateral.
        lock: Coins,
        /// Until it must commit.
        window: Window,
    },
    /// A result stands and is audited.
    Committed(Box<Committed>),
    /// Nothing more happens.
    Ended(Outcome),
}

/// A committed result.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Committed {
    /// Who committed.
    pub worker: Address,
    /// Its collateral.
    pub lock: Coins,
    /// The result.
    pub commitment: ResultCommitment,
    /// Until when the requester may ask for another audit; the collateral stays locked as long.
    pub challenge_until: ChainClock,
    /// The last round of claims: 1 after the commitment, one more when an answer leaked or the requester asked for it.
    pub round: u8,
    /// Whether the requester has asked for another audit.
    pub requested: bool,
    /// Auditors whose questions are open, by address.
    #[borsh(deserialize_with = "bounded::map::<_, _, _, PARTIES_MAX>")]
    pub claims: BTreeMap<Address, Claim>,
    /// Auditors whose answers the worker's openings confirmed before the price was paid.
    #[borsh(deserialize_with = "bounded::vec::<_, _, PARTIES_MAX>")]
    pub confirmed: Vec<Address>,
    /// Answers that the worker contested without reason: not to be contested again.
    #[borsh(deserialize_with = "bounded::set::<_, _, ANSWERS_MAX>")]
    pub denied: BTreeSet<AnswerRef>,
    /// Boundaries that the chain has seen opened: not to be asked again.
    #[borsh(deserialize_with = "bounded::set::<_, _, BOUNDARIES_MAX>")]
    pub opened: BTreeSet<Boundary>,
    /// Boundaries that a claim starts from: the worker serves them, so they are no secrets.
    #[borsh(deserialize_with = "bounded::set::<_, _, BOUNDARIES_MAX>")]
    pub served: BTreeSet<Boundary>,
    /// States that the worker has to post, or has posted.
    #[borsh(deserialize_with = "bounded::map::<_, _, _, BOUNDARIES_MAX>")]
    pub demands: BTreeMap<Boundary, Demand>,
    /// The requester's deposit, while the audit that it asked for runs.
    pub deposit: Coins,
    /// Whether the price has been paid out.
    pub paid: bool,
    /// What is awaited.
    pub phase: Phase,
    /// Until when.
    pub window: Window,
}

/// What is awaited after a commitment.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Phase {
    /// Auditors show themselves, and answer if they can.
    Claiming,
    /// Auditors answer.
    Answering(DemandTime),
    /// The worker opens or contests.
    Opening,
    /// A jury judges one answer.
    Judging(Box<Judgement>),
    /// Arithmetic judges one answer.
    Disputing(Box<Dispute>),
    /// The audit is over; the requester's receipt is awaited.
    Delivering,
    /// The audit is over and no receipt came; witnesses fetch the pictures.
    Witnessing(Witnesses),
    /// All is paid; the requester may still ask for another audit.
    Standing,
}

/// When states may be demanded: after the worker's time to serve them, before answers are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DemandTime {
    /// Not before the clock shows this.
    pub from: ChainClock,
    /// Not after the clock shows this.
    pub until: ChainClock,
}

/// Validators that the beacon drew to fetch the pictures.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Witnesses {
    /// Which draw, from 1.
    pub draw: u8,
    /// Who was drawn.
    #[borsh(deserialize_with = "bounded::set::<_, _, PARTIES_MAX>")]
    pub drawn: BTreeSet<Address>,
    /// Who of them keeps the pictures.
    #[borsh(deserialize_with = "bounded::set::<_, _, PARTIES_MAX>")]
    pub stored: BTreeSet<Address>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Outcome {
    /// Worker and auditors were paid.
    Settled {
        /// Who drew the pictures.
        worker: Address,
        /// The result that counts.
        commitment: ResultCommitment,
    },
    /// The price went back.
    Refunded(RefundReason),
    /// The jury could not decide: half to the worker, half burned.
    Undecided {
        /// Who committed.
        worker: Address,
        /// The result that the jury did not confirm.
        commitment: ResultCommitment,
    },
    /// A hardware test failed: its deposit is gone.
    TestFailed,
    /// The picture fails at a number, whoever computes it: the price went back but for what its audit cost.
    Failed {
        /// Who committed.
        worker: Address,
        /// The result, which says where.
        commitment: ResultCommitment,
    },
}
