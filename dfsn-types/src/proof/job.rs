//! What the state shows of a job.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::block::RefundReason;
use crate::generation::GenerationParams;
use crate::hash::{Hash, JobId};
use crate::job::{Attempt, ResultCommitment};
use crate::unit::{Amount, ChainClock};

/// A job as its requester and those who look at its pictures need to know it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRecord {
    /// Its name.
    pub id: JobId,
    /// Who asked and paid.
    pub requester: Address,
    /// What to draw.
    pub params: GenerationParams,
    /// Price of the whole job.
    pub price: Amount,
    /// Whether its requester gave up the audit.
    pub unaudited: bool,
    /// The current or last attempt.
    pub attempt: Attempt,
    /// Whether the pictures have arrived, by the word of the requester or of witnesses.
    pub delivered: bool,
    /// Auditors whose answers the worker's openings confirmed, while the record is open.
    pub confirmed: u16,
    /// Where it stands.
    pub stage: JobStage,
    /// Hash over all that the state holds of it, beyond what is shown here.
    pub whole: Hash,
}

/// Where a job stands (rule JOB-01).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum JobStage {
    /// In the queue.
    Pending,
    /// A worker may accept.
    Drawn {
        /// The worker.
        worker: Address,
    },
    /// The worker computes.
    Accepted {
        /// The worker.
        worker: Address,
        /// Until when it must commit.
        deadline: ChainClock,
    },
    /// A result stands and is audited, or delivered.
    Committed {
        /// The worker.
        worker: Address,
        /// The result.
        commitment: ResultCommitment,
        /// Whether the price has been paid out. The requester may still object.
        paid: bool,
    },
    /// Worker and auditors were paid, and nobody may object any more.
    Settled {
        /// The worker.
        worker: Address,
        /// The result that counts.
        commitment: ResultCommitment,
    },
    /// The price went back.
    Refunded {
        /// Why.
        reason: RefundReason,
    },
    /// The jury could not decide.
    Undecided {
        /// The worker.
        worker: Address,
        /// The result that was not confirmed.
        commitment: ResultCommitment,
    },
    /// A hardware test failed.
    TestFailed,
    /// The picture fails at a number, whoever computes it: the price went back.
    Failed {
        /// The worker.
        worker: Address,
        /// The result, which says where.
        commitment: ResultCommitment,
    },
}

impl JobRecord {
    /// The result that stands or counts, with its worker.
    pub const fn result(&self) -> Option<(&Address, &ResultCommitment)> {
        match &self.stage {
            JobStage::Committed { worker, commitment, .. }
            | JobStage::Settled { worker, commitment }
            | JobStage::Undecided { worker, commitment }
            | JobStage::Failed { worker, commitment } => Some((worker, commitment)),
            _ => None,
        }
    }
}
