//! What of the state is shown to others, with proofs against its root.

use dfsn_types::merkle::MerkleValue;
use dfsn_types::proof::StateRecord;
use dfsn_types::{
    AccountRecord, Address, BoundedVec, Domain, JobId, JobRecord, JobStage, MerkleMap, ModelId, ModelRecord,
    PairStanding, ProfileId, ProfileRecord, StateAnswer, ValidatorRecord, codec,
};

use super::{Account, ChainState, Job, Outcome, Stage, Validator};

impl ChainState {
    /// Shows an account, or that there is none (rule PRF-04).
    pub fn prove_account(&self, address: &Address) -> StateAnswer<AccountRecord> {
        self.prove(&self.accounts, address, Account::record)
    }

    /// Shows a validator, by the account that staked first, or that there is none (rule PRF-04).
    pub fn prove_validator(&self, address: &Address) -> StateAnswer<ValidatorRecord> {
        self.prove(&self.validators, address, Validator::record)
    }

    /// Shows a job, or that there is none (rule PRF-04). Records leave the state some days after their job's end.
    pub fn prove_job(&self, id: &JobId) -> StateAnswer<JobRecord> {
        self.prove(&self.jobs, id, Job::record)
    }

    /// Shows a registered model, or that there is none (rule PRF-04).
    pub fn prove_model(&self, id: &ModelId) -> StateAnswer<ModelRecord> {
        self.prove(&self.models, id, ModelRecord::clone)
    }

    /// Shows a registered profile, or that there is none (rule PRF-04).
    pub fn prove_profile(&self, id: &ProfileId) -> StateAnswer<ProfileRecord> {
        self.prove(&self.profiles, id, ProfileRecord::clone)
    }

    fn prove<R: StateRecord, V: MerkleValue>(
        &self,
        map: &MerkleMap<R::Key, V>,
        key: &R::Key,
        record: impl FnOnce(&V) -> R,
    ) -> StateAnswer<R> {
        StateAnswer {
            record: map.get(key).map(record),
            sections: BoundedVec::new(self.section_roots()).unwrap_or_default(),
            proof: map.prove(key),
        }
    }
}

impl Account {
    /// All of it.
    fn record(&self) -> AccountRecord {
        AccountRecord { balance: self.balance.amount(), nonce: self.nonce, key: self.key }
    }
}

impl Validator {
    /// What others need to know of it.
    pub fn record(&self) -> ValidatorRecord {
        let standing = self.pairs.iter().map(|(pair, record)| PairStanding {
            pair: *pair,
            status: record.status,
            clean_jobs: record.clean_jobs,
        });
        ValidatorRecord {
            address: self.address,
            owner: self.owner,
            status: self.status(),
            free: self.free.amount(),
            locked: self.locked,
            jailed_until: self.jailed_until,
            registration: self.registration.clone(),
            // A registration offers no more pairs than the record has room for.
            pairs: BoundedVec::new(standing.collect()).unwrap_or_default(),
            whole: Domain::StateWhole.hash(self),
        }
    }
}

impl Job {
    /// What its requester, and who looks at its pictures, need to know of it.
    pub fn record(&self) -> JobRecord {
        let confirmed = self.committed().map_or(0, |committed| committed.confirmed.len());
        JobRecord {
            id: self.id,
            requester: self.requester,
            params: self.params.clone(),
            price: self.price,
            unaudited: self.unaudited,
            attempt: self.attempt,
            delivered: self.delivered,
            confirmed: u16::try_from(confirmed).unwrap_or(u16::MAX),
            stage: self.stage.record(),
            whole: Domain::StateWhole.hash(self),
        }
    }
}

impl Stage {
    fn record(&self) -> JobStage {
        match self {
            Self::Pending { .. } => JobStage::Pending,
            Self::Drawn { worker, .. } => JobStage::Drawn { worker: *worker },
            Self::Accepted { worker, window, .. } => {
                JobStage::Accepted { worker: *worker, deadline: window.closes_at }
            }
            Self::Committed(committed) => JobStage::Committed {
                worker: committed.worker,
                commitment: committed.commitment.clone(),
                paid: committed.paid,
            },
            Self::Ended(Outcome::Settled { worker, commitment }) => {
                JobStage::Settled { worker: *worker, commitment: commitment.clone() }
            }
            Self::Ended(Outcome::Refunded(reason)) => JobStage::Refunded { reason: *reason },
            Self::Ended(Outcome::Undecided { worker, commitment }) => {
                JobStage::Undecided { worker: *worker, commitment: commitment.clone() }
            }
            Self::Ended(Outcome::TestFailed) => JobStage::TestFailed,
            Self::Ended(Outcome::Failed { worker, commitment }) => {
                JobStage::Failed { worker: *worker, commitment: commitment.clone() }
            }
        }
    }
}

macro_rules! values_shown_as_records {
    ($($value:ty)*) => { $(
        impl MerkleValue for $value {
            fn value_bytes(&self) -> Vec<u8> {
                codec::encode(&self.record())
            }
        }
    )* };
}

values_shown_as_records!(Account Job Validator);
