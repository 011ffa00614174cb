//! What a node tells about its state. Nothing here is proven: a client believes the node that it asks.

mod block;
mod history;
mod jobs;
mod preview;
mod quote;
mod sync;
mod validator;

pub use block::{BlockInfo, ReceiptInfo};
pub use history::{HISTORY_PAGE, HistoryEntry, HistoryPage, HistoryQuery, Place};
pub use jobs::{JOBS_PAGE, JobPage, JobQuery, StatusName};
pub use preview::Preview;
pub use quote::Quote;
pub use sync::SyncStatus;
pub use validator::{PairInfo, ValidatorInfo};

use dfsn_consensus::state::{ChainState, Committed, Job, Outcome, Phase, Stage};
use dfsn_types::{
    Address, Amount, Attempt, BlockHeight, ChainId, ConsensusParams, GenerationParams, GenesisHash, JobId,
    ModelRecord, Nonce, ProfileId, ProfileRecord, RefundReason, ResultCommitment, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The network as one node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInfo {
    /// The network's chain id.
    pub chain_id: ChainId,
    /// The network's name.
    pub genesis: GenesisHash,
    /// Height of the last block.
    pub height: BlockHeight,
    /// Time of the last block.
    pub timestamp: Timestamp,
    /// Base fee of the next block.
    pub base_fee_per_gas: Amount,
    /// The numbers of the protocol.
    pub params: ConsensusParams,
    /// Registered models.
    pub models: Vec<ModelRecord>,
    /// Registered profiles.
    pub profiles: Vec<ProfileRecord>,
}

impl NetworkInfo {
    /// Reads it off a state.
    pub fn of(state: &ChainState) -> Self {
        Self {
            chain_id: state.chain.chain_id,
            genesis: state.chain.genesis,
            height: state.tip.height,
            timestamp: state.tip.timestamp,
            base_fee_per_gas: state.tip.base_fee_per_gas,
            params: state.params.clone(),
            models: state.models.values().cloned().collect(),
            profiles: state.profiles.values().cloned().collect(),
        }
    }

    /// The record of a profile.
    pub fn profile(&self, id: ProfileId) -> Option<&ProfileRecord> {
        self.profiles.iter().find(|profile| profile.id() == id)
    }
}

/// An account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// Spendable money.
    pub balance: Amount,
    /// The next transaction's nonce.
    pub nonce: Nonce,
    /// All of the account's own stake, free and locked.
    pub stake: Amount,
}

impl AccountInfo {
    /// Reads it off a state; an account never seen has nothing.
    pub fn of(state: &ChainState, address: &Address) -> Self {
        let account = state.accounts.get(address);
        Self {
            balance: state.balance(address),
            nonce: account.map(|account| account.nonce).unwrap_or_default(),
            stake: state.validators.get(address).map(|validator| validator.stake()).unwrap_or_default(),
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobInfo {
    /// Its name.
    pub id: JobId,
    /// Who asked.
    pub requester: Address,
    /// What was asked for.
    pub params: GenerationParams,
    /// Price of the whole job.
    pub price: Amount,
    /// The current or last attempt.
    pub attempt: Attempt,
    /// Its worker, once drawn.
    pub worker: Option<Address>,
    /// The result, once committed.
    pub commitment: Option<ResultCommitment>,
    /// Whether the pictures have arrived, by the word of the requester or of witnesses.
    pub delivered: bool,
    /// Where it stands.
    pub status: JobStatus,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobStatus {
    /// In the queue.
    Pending,
    /// A worker may accept.
    Drawn,
    /// The worker computes.
    Accepted,
    /// Committed, and being audited.
    Audited,
    /// A jury judges one answer.
    Contested,
    /// Audited; waits for the requester's receipt, or for witnesses.
    Delivering,
    /// Worker and auditors were paid. While the requester may object, another audit can still give the price back.
    Settled,
    /// The price went back.
    Refunded(RefundReason),
    /// The jury could not decide.
    Undecided,
    /// A hardware test failed.
    TestFailed,
}

impl JobStatus {
    /// Whether nothing more can happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::Refunded(_) | Self::Undecided | Self::TestFailed)
    }

    /// Its bare name, which a [`JobQuery`] may ask for.
    pub const fn name(self) -> StatusName {
        match self {
            Self::Pending => StatusName::Pending,
            Self::Drawn => StatusName::Drawn,
            Self::Accepted => StatusName::Accepted,
            Self::Audited => StatusName::Audited,
            Self::Contested => StatusName::Contested,
            Self::Delivering => StatusName::Delivering,
            Self::Settled => StatusName::Settled,
            Self::Refunded(_) => StatusName::Refunded,
            Self::Undecided => StatusName::Undecided,
            Self::TestFailed => StatusName::TestFailed,
        }
    }
}

impl JobInfo {
    /// Reads it off a state's job.
    pub fn of(job: &Job) -> Self {
        let (status, ended) = match &job.stage {
            Stage::Pending { .. } => (JobStatus::Pending, None),
            Stage::Drawn { .. } => (JobStatus::Drawn, None),
            Stage::Accepted { .. } => (JobStatus::Accepted, None),
            Stage::Committed(committed) => (committed_status(committed), None),
            Stage::Ended(Outcome::Settled { worker, commitment }) => {
                (JobStatus::Settled, Some((worker, commitment)))
            }
            Stage::Ended(Outcome::Undecided { worker, commitment }) => {
                (JobStatus::Undecided, Some((worker, commitment)))
            }
            Stage::Ended(Outcome::Refunded(reason)) => (JobStatus::Refunded(*reason), None),
            Stage::Ended(Outcome::TestFailed) => (JobStatus::TestFailed, None),
            Stage::Ended(Outcome::Failed { worker, commitment }) => {
                (JobStatus::Refunded(RefundReason::Failed), Some((worker, commitment)))
            }
        };
        let open = job.committed().map(|committed| &committed.commitment);
        Self {
            id: job.id,
            requester: job.requester,
            params: job.params.clone(),
            price: job.price,
            attempt: job.attempt,
            worker: job.worker().or(ended.map(|(worker, _)| *worker)),
            commitment: open.or(ended.map(|(_, commitment)| commitment)).cloned(),
            delivered: job.delivered,
            status,
        }
    }
}

const fn committed_status(committed: &Committed) -> JobStatus {
    if committed.paid {
        return JobStatus::Settled;
    }
    match &committed.phase {
        Phase::Claiming | Phase::Answering(_) | Phase::Opening => JobStatus::Audited,
        Phase::Judging(_) | Phase::Disputing(_) => JobStatus::Contested,
        Phase::Delivering | Phase::Witnessing(_) => JobStatus::Delivering,
        Phase::Standing => JobStatus::Settled,
    }
}
