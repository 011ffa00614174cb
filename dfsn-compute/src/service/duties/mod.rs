//! What a validator's node does for its duties: it reads tasks off each new state, has its workers compute, and signs what comes of it.
//!
//! [`Validator`] is the part of a node that is the same everywhere; what differs (where pictures are kept, how other
//! validators are reached) is its [`Surroundings`]. Nothing has to be remembered over a restart: tasks are read off the
//! state again, workers keep results and traces, and a duty that was sent before is the same duty.

mod answer;
mod around;
mod dispute;
mod draw;
mod open;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dfsn_consensus::operator::{Operator, Task, TaskKind};
use dfsn_consensus::state::ChainState;
use dfsn_types::{
    Address, Attempt, Boundary, ChainIdentity, Duty, DutyKind, GenesisHash, JobId, ModelId, PostedChunk,
    ProfileId, SecretKey, SignedDuty, StateDigest, TraceTree, VrfSecretKey,
};
use thiserror::Error;

pub use around::{Look, ServedState, StateWanted, Step, Surroundings};

use super::node::{NodeError, RemoteWorker};
use super::wire::JobKey;
use crate::trace::TraceContext;
use dispute::{DisputeKey, Shown};

/// Why a task was not done. The rules say what that costs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DutyFailure {
    /// No worker of this node can do it.
    #[error("no worker can take it: {0}")]
    NoWorker(String),
    /// The worker that has it.
    #[error(transparent)]
    Worker(#[from] NodeError),
    /// The job ended without a result.
    #[error("the worker ended the job: {0}")]
    Ended(String),
    /// Something of another validator is not to be had.
    #[error("{0} is not to be had")]
    Missing(String),
    /// Something does not fit into a duty.
    #[error("{0}")]
    Misfit(String),
}

/// One validator of a node.
#[derive(Debug)]
pub struct Validator {
    chain: ChainIdentity,
    address: Address,
    key: SecretKey,
    workers: Vec<RemoteWorker>,
    around: Arc<dyn Surroundings>,
    operator: Mutex<Operator>,
    /// Of open attempts: which worker has the job, and the tree of its trace.
    held: Mutex<BTreeMap<JobKey, Held>>,
    /// What was answered in open attempts.
    answered: Mutex<BTreeMap<(JobKey, Boundary), StateDigest>>,
    /// The states that answers in open attempts were computed from: whoever served one may not do so again in a dispute.
    inputs: Mutex<BTreeMap<(JobKey, Boundary), Bytes>>,
    /// Pieces of states that blocks show.
    posted: Mutex<BTreeMap<(JobKey, Boundary), BTreeMap<u8, PostedChunk>>>,
    /// What blocks show of open disputes.
    shown: Mutex<BTreeMap<DisputeKey, Shown>>,
}

#[derive(Clone, Debug)]
struct Held {
    worker: usize,
    tree: Option<Arc<TraceTree>>,
}

impl Validator {
    /// The validator of `address`, whose registered keys these are, with the workers that compute for it.
    pub fn new(
        chain: ChainIdentity,
        address: Address,
        duty_key: SecretKey,
        vrf_key: VrfSecretKey,
        workers: Vec<RemoteWorker>,
        around: Arc<dyn Surroundings>,
    ) -> Self {
        let operator = Mutex::new(Operator::new(address, vrf_key));
        Self {
            chain,
            address,
            key: duty_key,
            workers,
            around,
            operator,
            held: Mutex::default(),
            answered: Mutex::default(),
            inputs: Mutex::default(),
            posted: Mutex::default(),
            shown: Mutex::default(),
        }
    }

    /// Its name.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// What a new state asks of it; each task once.
    pub fn tasks(&self, state: &ChainState) -> Vec<Task> {
        let is_open = |key: &JobKey| state.open_job(&key.job).is_some_and(|job| job.attempt == key.attempt);
        lock(&self.held).retain(|key, _| is_open(key));
        lock(&self.answered).retain(|(key, _), _| is_open(key));
        lock(&self.inputs).retain(|(key, _), _| is_open(key));
        lock(&self.posted).retain(|(key, _), _| is_open(key));
        lock(&self.shown).retain(|(key, _), _| is_open(key));
        lock(&self.operator).tasks(state)
    }

    /// Does one task, and signs what comes of it: mostly one duty, several for a state in pieces, none where nothing is to be said.
    ///
    /// # Errors
    /// [`DutyFailure`] when it cannot be done.
    pub async fn perform(&self, task: &Task, state: &ChainState) -> Result<Vec<SignedDuty>, DutyFailure> {
        let kinds = match &task.kind {
            TaskKind::Accept { draw } => {
                self.hand_over(task, state).await?;
                vec![DutyKind::AcceptJob { draw: *draw }]
            }
            TaskKind::Generate => vec![self.generate(task, state).await?],
            TaskKind::Claim { seat, proof } => vec![DutyKind::ClaimAudit { seat: *seat, proof: *proof }],
            TaskKind::Answer { seat, boundaries } => vec![self.answer(task, *seat, boundaries, state).await?],
            TaskKind::Open => self.open(task, state).await?.into_iter().collect(),
            TaskKind::Reveal { answer, boundary } => {
                vec![self.reveal(task, *answer, *boundary, state).await?]
            }
            TaskKind::Store => vec![self.store(task, state).await?],
            TaskKind::Demand { seat, question, input } => {
                self.demand(task, *seat, *question, *input, state).await?.into_iter().collect()
            }
            TaskKind::Post { boundary } => self.post(task, *boundary, state).await?,
            TaskKind::CompareInputs { answer, boundary } => {
                self.compare_inputs(task, *answer, *boundary, state).await?.into_iter().collect()
            }
            TaskKind::List { answer, boundary } => vec![self.list(task, *answer, *boundary, state).await?],
            TaskKind::ShowTensor { answer, boundary, tensor, part } => {
                vec![self.show_tensor(task, (*answer, *boundary), (*tensor, *part), state).await?]
            }
            TaskKind::Prove { answer, boundary, list } => {
                self.prove(task, (*answer, *boundary), *list, state).await?.into_iter().collect()
            }
        };
        Ok(kinds.into_iter().map(|kind| self.sign(task, kind)).collect())
    }

    fn sign(&self, task: &Task, kind: DutyKind) -> SignedDuty {
        let duty = Duty { validator: self.address, job: task.job, attempt: task.attempt, kind };
        duty.sign(&self.chain, &self.key)
    }

    const fn genesis(&self) -> GenesisHash {
        self.chain.genesis
    }

    const fn context(&self, task: &Task) -> TraceContext {
        let Task { job, attempt, worker, .. } = task;
        TraceContext { genesis: self.chain.genesis, job: *job, attempt: *attempt, worker: *worker }
    }

    /// Workers that serve a pair, the least busy first, and why the others do not.
    async fn serving(&self, model: ModelId, profile: ProfileId) -> (Vec<usize>, String) {
        let (mut serving, mut others) = (Vec::new(), Vec::new());
        for (index, worker) in self.workers.iter().enumerate() {
            match worker.info().await {
                Ok(info) if !info.ready => others.push(format!("{} shuts down", worker.worker())),
                Ok(info) if info.models.iter().any(|it| it.model == model && it.profile == profile) => {
                    serving.push((info.jobs, index));
                }
                Ok(_) => others.push(format!("{} does not serve the model in this profile", worker.worker())),
                Err(error) => others.push(format!("{}: {error}", worker.worker())),
            }
        }
        serving.sort_unstable();
        let others = if others.is_empty() { "there is none".to_owned() } else { others.join("; ") };
        (serving.into_iter().map(|(_, index)| index).collect(), others)
    }

    fn worker(&self, index: usize) -> Option<&RemoteWorker> {
        self.workers.get(index)
    }
}

const fn key(task: &Task) -> JobKey {
    JobKey { job: task.job, attempt: task.attempt }
}

const fn key_of(job: JobId, attempt: Attempt) -> JobKey {
    JobKey { job, attempt }
}

/// Each holder leaves whole maps behind, even when it panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
