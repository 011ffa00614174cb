//! The validators of a node at work: their tasks, the duties that come of them, and what they need of the node.

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use dfsn_client::transport::Notification;
use dfsn_compute::service::duties::{Look, ServedState, StateWanted, Step, Surroundings, Validator};
use dfsn_compute::service::node::RemoteWorker;
use dfsn_consensus::operator::Task;
use dfsn_consensus::state::ChainState;
use dfsn_types::{Block, FileHash};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::node::{Node, NodeHandle};
use crate::operated::Operated;
use crate::standing::Watch;

/// Pause after the first try of a task; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often it is said again that the chain does not know a validator by its keys.
const REMINDER: Duration = Duration::from_secs(600);

/// Validators that may wait to be taken in.
const JOINING_MAX: usize = 64;

/// The validators of one node.
#[derive(Debug)]
pub struct Validators {
    node: NodeHandle,
    workers: Vec<RemoteWorker>,
    around: Arc<Around>,
    validators: Vec<AtWork>,
    posted: Option<mpsc::Receiver<Arc<Block>>>,
    joined: Option<mpsc::Receiver<Operated>>,
}

/// A validator, and whether the chain knows it by the keys that are here.
#[derive(Debug)]
struct AtWork {
    validator: Arc<Validator>,
    watch: Watch,
}

/// Takes further validators in while the node works.
#[derive(Clone, Debug)]
pub struct Joining(mpsc::Sender<Operated>);

/// The other end of [`Joining`].
#[derive(Debug)]
pub struct Joins(mpsc::Receiver<Operated>);

impl Joining {
    /// Both ends.
    pub fn new() -> (Self, Joins) {
        let (sender, joined) = mpsc::channel(JOINING_MAX);
        (Self(sender), Joins(joined))
    }

    /// Hands a validator over; false when there are too many, or the node ends.
    pub(crate) fn take(&self, joined: Operated) -> bool {
        self.0.try_send(joined).is_ok()
    }
}

impl Validators {
    /// These validators, all with the same ComputeClients.
    pub fn of(node: &mut Node, operated: &[Operated], workers: &[RemoteWorker]) -> Self {
        let (posted, handle) = (node.posted(), node.handle().clone());
        Self::new(handle, posted, operated, workers)
    }

    /// The same, of what a node is made of.
    pub(crate) fn new(
        node: NodeHandle,
        posted: Option<mpsc::Receiver<Arc<Block>>>,
        operated: &[Operated],
        workers: &[RemoteWorker],
    ) -> Self {
        let around = Arc::new(Around { node: node.clone(), peers: RwLock::default() });
        let workers = workers.to_vec();
        let mut all = Self { node, workers, around, validators: Vec::new(), posted, joined: None };
        operated.iter().for_each(|operated| all.add(operated));
        all
    }

    /// Takes in those that join.
    #[must_use]
    pub fn with(mut self, Joins(joined): Joins) -> Self {
        self.joined = Some(joined);
        self
    }

    /// Adds a validator, unless it is there.
    fn add(&mut self, operated: &Operated) {
        let Operated { validator: address, secret } = operated;
        if self.validators.iter().any(|it| it.validator.is(address)) {
            return;
        }
        let (chain, around) = (self.node.state().chain, Arc::clone(&self.around));
        let (duty, vrf, workers) = (secret.duty(), secret.vrf(), self.workers.clone());
        let validator = Arc::new(Validator::new(chain, *address, duty, vrf, workers, around));
        let mut peers = self.around.peers.write().unwrap_or_else(PoisonError::into_inner);
        peers.push(Arc::downgrade(&validator));
        self.validators.push(AtWork { validator, watch: Watch::new(operated) });
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Validator>> {
        self.validators.iter().map(|it| Arc::clone(&it.validator)).collect()
    }

    fn note(&self, block: &Block) {
        self.validators.iter().for_each(|it| it.validator.note(block));
    }

    /// Works until the node has ended.
    pub async fn run(mut self) {
        let mut states = self.node.states();
        // Dropped with this future, so that nothing goes on after it.
        let mut work = JoinSet::new();
        let mut reminder = tokio::time::interval_at(Instant::now() + REMINDER, REMINDER);
        loop {
            let state = Arc::clone(&states.borrow_and_update());
            // A block is here before the state after it.
            while let Some(block) = self.posted.as_mut().and_then(|posted| posted.try_recv().ok()) {
                self.note(&block);
            }
            for AtWork { validator, watch } in &mut self.validators {
                // Nobody would take what these keys sign.
                if !watch.look(&state).may_sign() {
                    continue;
                }
                for task in validator.tasks(&state) {
                    let (validator, node) = (Arc::clone(validator), self.node.clone());
                    work.spawn(async move { perform(&validator, &node, task).await });
                }
            }
            while work.try_join_next().is_some() {}
            tokio::select! {
                changed = states.changed() => if changed.is_err() {
                    return;
                },
                Some(joined) = next(&mut self.joined) => self.add(&joined),
                Some(block) = next(&mut self.posted) => self.note(&block),
                _ = reminder.tick() => self.validators.iter().for_each(|it| it.watch.remind()),
            }
        }
    }
}

async fn next<T>(channel: &mut Option<mpsc::Receiver<T>>) -> Option<T> {
    match channel {
        Some(channel) => channel.recv().await,
        None => std::future::pending().await,
    }
}

/// Does a task, again while it fails and its attempt is open.
async fn perform(validator: &Validator, node: &NodeHandle, task: Task) {
    let mut pause = FIRST_PAUSE;
    loop {
        let state = node.state();
        if !is_open(&state, &task) {
            return;
        }
        match validator.perform(&task, &state).await {
            Ok(duties) => {
                for duty in duties {
                    node.submit_duty(duty).await;
                }
                return;
            }
            Err(error) => {
                let (validator, job, kind) = (validator.address(), task.job, name(&task));
                tracing::warn!(%validator, %job, kind, %error, "a duty is not done");
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
        }
    }
}

fn is_open(state: &ChainState, task: &Task) -> bool {
    state.open_job(&task.job).is_some_and(|job| job.attempt == task.attempt)
}

const fn name(task: &Task) -> &'static str {
    use dfsn_consensus::operator::TaskKind;
    match task.kind {
        TaskKind::Accept { .. } => "accept",
        TaskKind::Generate => "generate",
        TaskKind::Claim { .. } => "claim",
        TaskKind::Answer { .. } => "answer",
        TaskKind::Open => "open",
        TaskKind::Reveal { .. } => "reveal",
        TaskKind::Demand { .. } => "demand",
        TaskKind::Post { .. } => "post",
        TaskKind::CompareInputs { .. } => "compare inputs",
        TaskKind::List { .. } => "list",
        TaskKind::Prove { .. } => "prove",
        TaskKind::ShowTensor { .. } => "show tensor",
        TaskKind::Store => "store",
    }
}

/// The node around its validators.
#[derive(Debug)]
struct Around {
    node: NodeHandle,
    /// All of this process; they are there as long as the node works.
    peers: RwLock<Vec<Weak<Validator>>>,
}

#[async_trait]
impl Surroundings for Around {
    async fn keep(&self, file: Bytes) -> bool {
        let blobs = Arc::clone(self.node.blobs());
        let kept = tokio::task::spawn_blocking(move || blobs.put(&file)).await;
        match kept {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::error!(%error, "a picture cannot be kept");
                false
            }
            Err(_) => false,
        }
    }

    async fn fetch(&self, hash: FileHash, bytes_max: u32) -> Option<Bytes> {
        self.node.file(hash, bytes_max, None).await
    }

    async fn state(&self, wanted: StateWanted) -> Option<ServedState> {
        let here = {
            let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
            peers.iter().filter_map(Weak::upgrade).find(|validator| validator.is(&wanted.worker))
        };
        let Some(worker) = here else {
            let near = self.node.node_of(&wanted.worker);
            return self.node.neighbours.as_ref()?.state(wanted, near).await;
        };
        let served = worker.serve(wanted, &self.node.state()).await;
        served.inspect_err(|error| tracing::warn!(job = %wanted.job, %error, "a state was not served")).ok()
    }

    fn step(&self, step: Step) {
        let Step { job, attempt, image, step, steps } = step;
        self.node.publish(Notification::Progress { job, attempt, image, step, steps });
    }

    async fn look(&self, look: Look) {
        let Look { job, attempt, image, step, file } = look;
        let hash = FileHash::of(&file);
        if self.keep(file).await {
            self.node.publish(Notification::Preview { job, attempt, image, step, file: hash });
        }
    }
}
