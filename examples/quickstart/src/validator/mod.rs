//! What a validator's node does: it reads its tasks off each new state, has its worker compute, and signs duties.

mod audit;
mod cheat;
mod dispute;
mod peers;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dfsn_client::transport::Notification;
use dfsn_compute::{ComputeError, Trace, TraceContext, Worker};
use dfsn_consensus::operator::{Operator, Task, TaskKind};
use dfsn_consensus::state::ChainState;
use dfsn_types::{
    Address, AnswerRef, Attempt, Boundary, ChainIdentity, Duty, DutyKind, JobId, SignedDuty, StateDigest,
};
use tokio::sync::broadcast;

use crate::network::{BlobStore, ValidatorKeys};
use dispute::Shown;

pub(crate) use cheat::CheatPlan;
pub(crate) use dispute::WeightsFile;
pub(crate) use peers::Peers;

type AttemptId = (JobId, Attempt);
/// States of attempts, by their boundaries.
type States = BTreeMap<(AttemptId, Boundary), Arc<[u8]>>;

/// One validator: keys, worker, and what it remembers of open jobs.
#[derive(Debug)]
pub(crate) struct ValidatorNode {
    chain: ChainIdentity,
    keys: ValidatorKeys,
    worker: Worker,
    operator: Mutex<Operator>,
    traces: Mutex<BTreeMap<AttemptId, Arc<Trace>>>,
    answered: Mutex<BTreeMap<(AttemptId, Boundary), StateDigest>>,
    /// States that answers were computed from.
    fetched: Mutex<States>,
    shown: Mutex<BTreeMap<(AttemptId, AnswerRef), Shown>>,
    shared: Arc<Shared>,
}

/// What the validators of one process share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Files, fetched by hash.
    pub(crate) blobs: Arc<BlobStore>,
    /// The other validators.
    pub(crate) peers: Peers,
    /// Who misbehaves, and how.
    pub(crate) cheat: CheatPlan,
    /// The model's weights as disputes open them; none where jurors judge.
    pub(crate) weights: Option<Arc<WeightsFile>>,
    /// Progress for users.
    pub(crate) publisher: broadcast::Sender<Arc<Notification>>,
}

impl ValidatorNode {
    /// A validator whose worker has loaded the model.
    pub(crate) fn new(
        chain: ChainIdentity,
        keys: ValidatorKeys,
        worker: Worker,
        shared: Arc<Shared>,
    ) -> Self {
        let operator = Mutex::new(Operator::new(keys.owner, keys.vrf()));
        Self {
            chain,
            keys,
            worker,
            operator,
            traces: Mutex::default(),
            answered: Mutex::default(),
            fetched: Mutex::default(),
            shown: Mutex::default(),
            shared,
        }
    }

    /// The validator's name.
    pub(crate) const fn address(&self) -> Address {
        self.keys.owner
    }

    /// What a new state asks of this validator.
    pub(crate) fn tasks(&self, state: &ChainState) -> Vec<Task> {
        let is_open =
            |(job, attempt): &AttemptId| state.open_job(job).is_some_and(|job| job.attempt == *attempt);
        lock(&self.traces).retain(|id, _| is_open(id));
        lock(&self.answered).retain(|(id, _), _| is_open(id));
        lock(&self.fetched).retain(|(id, _), _| is_open(id));
        lock(&self.shown).retain(|(id, _), _| is_open(id));
        lock(&self.operator).tasks(state)
    }

    /// Does one task and signs what comes of it; nothing when this validator cannot or will not.
    pub(crate) async fn perform(&self, task: Task, state: Arc<ChainState>) -> Option<SignedDuty> {
        let kind = match &task.kind {
            TaskKind::Accept { draw } => self.accept(&task, *draw),
            TaskKind::Generate => self.generate(&task).await,
            TaskKind::Claim { seat, proof } => Some(DutyKind::ClaimAudit { seat: *seat, proof: *proof }),
            TaskKind::Answer { seat, boundaries } => self.answer(&task, *seat, boundaries, &state).await,
            TaskKind::Open => self.done(self.open(&task, &state).await),
            TaskKind::Reveal { answer, boundary } => self.reveal(&task, *answer, *boundary),
            TaskKind::Store => self.store(&task, &state),
            // Validators of one process always reach each other: states are served and need no posting.
            TaskKind::Demand { .. } | TaskKind::Post { .. } => None,
            TaskKind::CompareInputs { answer, boundary } => {
                self.done(self.compare_inputs(&task, *answer, *boundary, &state).await)
            }
            TaskKind::List { answer, boundary } => {
                self.done(self.list(&task, *answer, *boundary, &state).await)
            }
            TaskKind::ShowTensor { answer, boundary, tensor, part } => {
                let shown = self.show_tensor(&task, (*answer, *boundary), (*tensor, *part), &state).await;
                self.done(shown)
            }
            TaskKind::Prove { answer, boundary, list } => {
                self.done(self.prove(&task, (*answer, *boundary), *list, &state).await)
            }
        }?;
        let duty = Duty { validator: self.address(), job: task.job, attempt: task.attempt, kind };
        Some(duty.sign(&self.chain, &self.keys.duty))
    }

    /// What a task came to; an error is this validator's own affair.
    fn done(&self, result: Result<Option<DutyKind>, ComputeError>) -> Option<DutyKind> {
        result.inspect_err(|error| eprintln!("validator {}: {error}", self.address())).ok().flatten()
    }

    fn trace(&self, task: &Task) -> Option<Arc<Trace>> {
        lock(&self.traces).get(&(task.job, task.attempt)).cloned()
    }

    const fn context(&self, task: &Task) -> TraceContext {
        TraceContext {
            genesis: self.chain.genesis,
            job: task.job,
            attempt: task.attempt,
            worker: task.worker,
        }
    }
}

/// Each holder leaves whole maps behind, even when it panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
