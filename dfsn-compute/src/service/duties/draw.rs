//! A worker's tasks until the result is committed: hand over, wait, fetch, keep.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dfsn_consensus::operator::Task;
use dfsn_consensus::state::ChainState;
use dfsn_types::{DutyKind, FileHash, ImageCommitment, ResultCommitment};
use tokio::time::Instant;

use super::around::{Look, Step};
use super::{DutyFailure, Held, Validator, key, lock};
use crate::service::node::{NodeError, RemoteWorker};
use crate::service::wire::{
    EndReason, EventKind, JobKey, JobOffer, JobState, JobStatus, MAX_BLOB_BYTES, MAX_PREVIEWS,
};

/// How long a worker may be out of reach before the job goes to another one.
const OUT_OF_REACH: Duration = Duration::from_secs(10);
/// Pause between two tries to reach it.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest wait for news of a job.
const NEWS_MS: u64 = 5_000;
/// How long results are kept at the worker unless they are released.
const KEEP_MS: u64 = 24 * 3_600 * 1_000;

impl Validator {
    /// Gives the job to a worker that can finish it in time: the least busy one that serves the pair and does not refuse. Whoever
    /// says "accepted" on chain then holds every input.
    pub(super) async fn hand_over(&self, task: &Task, state: &ChainState) -> Result<(), DutyFailure> {
        let deadline_ms = state.params.windows.deadline_ms.get();
        self.hand_to_any(task, deadline_ms, None).await.map(drop)
    }

    /// Draws: hands over where nobody has the job yet (after a restart, or when its worker has died), waits, keeps the pictures.
    pub(super) async fn generate(&self, task: &Task, state: &ChainState) -> Result<DutyKind, DutyFailure> {
        let deadline_ms = state.params.windows.deadline_ms.get();
        let deadline = Instant::now() + Duration::from_millis(deadline_ms);
        let held = lock(&self.held).get(&key(task)).map(|held| held.worker);
        let mut index = match held {
            Some(index) => index,
            None => self.hand_to_any(task, deadline_ms, None).await?,
        };
        loop {
            let worker = self.worker(index).ok_or_else(|| DutyFailure::NoWorker("it is gone".to_owned()))?;
            match self.wait(worker, task).await {
                Ok(commitment) => {
                    self.keep_pictures(worker, &commitment).await?;
                    return Ok(DutyKind::CommitResult(commitment));
                }
                Err(error) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                    tracing::warn!(job = %task.job, worker = %worker.worker(), %error, "another worker is asked");
                    // The first failure is the one that says something when there is no other worker.
                    index = self.hand_to_any(task, left_ms, Some(index)).await.map_err(|_| error)?;
                }
            }
        }
    }

    async fn hand_to_any(
        &self,
        task: &Task,
        deadline_ms: u64,
        but: Option<usize>,
    ) -> Result<usize, DutyFailure> {
        let init = match task.params.init_image() {
            Some(hash) => Some(self.init(hash).await?),
            None => None,
        };
        let (serving, mut why_not) = self.serving(task.params.model(), task.params.profile()).await;
        for index in serving.into_iter().filter(|index| Some(*index) != but) {
            let Some(worker) = self.worker(index) else { continue };
            match self.offer(worker, task, deadline_ms, init.as_ref()).await {
                Ok(_) => {
                    lock(&self.held).insert(key(task), Held { worker: index, tree: None });
                    return Ok(index);
                }
                Err(error) => why_not = format!("{}: {error}", worker.worker()),
            }
        }
        Err(DutyFailure::NoWorker(why_not))
    }

    async fn init(&self, hash: FileHash) -> Result<Bytes, DutyFailure> {
        let bytes_max = u32::try_from(MAX_BLOB_BYTES).unwrap_or(u32::MAX);
        let init = self.around.fetch(hash, bytes_max).await;
        init.ok_or_else(|| DutyFailure::Missing(format!("the picture {hash} to start from")))
    }

    async fn offer(
        &self,
        worker: &RemoteWorker,
        task: &Task,
        deadline_ms: u64,
        init: Option<&Bytes>,
    ) -> Result<JobStatus, NodeError> {
        let offer = JobOffer {
            genesis: self.genesis(),
            job: task.job,
            attempt: task.attempt,
            worker: task.worker,
            params: task.params.clone(),
            deadline_ms,
            keep_ms: KEEP_MS,
            previews: MAX_PREVIEWS,
        };
        match init {
            Some(init) => worker.submit_from(&offer, init).await,
            None => worker.submit(&offer).await,
        }
    }

    /// Waits for a result, telling of each step on the way.
    async fn wait(&self, worker: &RemoteWorker, task: &Task) -> Result<ResultCommitment, DutyFailure> {
        let (mut boot, mut after, mut last_reached) = (None, 0, Instant::now());
        loop {
            match self.news(worker, task, &mut boot, &mut after).await {
                Ok(Some(commitment)) => return Ok(commitment),
                Ok(None) => last_reached = Instant::now(),
                Err(DutyFailure::Worker(NodeError::Link(error))) => {
                    if last_reached.elapsed() >= OUT_OF_REACH {
                        return Err(NodeError::Link(error).into());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A page of events, and the state of the job where events have been missed.
    async fn news(
        &self,
        worker: &RemoteWorker,
        task: &Task,
        boot: &mut Option<u64>,
        after: &mut u64,
    ) -> Result<Option<ResultCommitment>, DutyFailure> {
        // Events may have come before they are followed, and a worker that has started again begins anew.
        let page = worker.events(*boot, *after, if boot.is_some() { NEWS_MS } else { 0 }).await?;
        let is_new = *boot != Some(page.boot) || page.gap;
        (*boot, *after) = (Some(page.boot), page.next);
        for event in &page.events {
            if (JobKey { job: event.job, attempt: event.attempt }) != key(task) {
                continue;
            }
            match &event.kind {
                EventKind::Step { image, step, steps } => self.tell(task, *image, *step, *steps),
                EventKind::Preview { image, step, blob } => {
                    self.show(worker, task, (*image, *step), blob).await
                }
                EventKind::Done { result } => return Ok(Some(result.commitment.clone())),
                EventKind::Ended { reason } => return Err(ended(reason)),
                _ => {}
            }
        }
        if !is_new {
            return Ok(None);
        }
        match worker.status(key(task)).await?.state {
            JobState::Done { result } => Ok(Some(result.commitment)),
            JobState::Ended { reason } => Err(ended(&reason)),
            _ => Ok(None),
        }
    }

    fn tell(&self, task: &Task, image: u8, step: u16, steps: u16) {
        let (job, attempt) = (task.job, task.attempt);
        self.around.step(Step { job, attempt, image, step, steps });
    }

    /// A preview that cannot be had is none: nothing depends on it.
    async fn show(&self, worker: &RemoteWorker, task: &Task, (image, step): (u8, u16), blob: &FileHash) {
        let (job, attempt) = (task.job, task.attempt);
        if let Ok(file) = worker.blob(blob).await {
            self.around.look(Look { job, attempt, image, step, file }).await;
        }
    }

    /// Fetches what is committed to and keeps it, before the chain knows of it.
    async fn keep_pictures(
        &self,
        worker: &RemoteWorker,
        commitment: &ResultCommitment,
    ) -> Result<(), DutyFailure> {
        for (_, image) in commitment.pictures() {
            let file = worker.blob(&image.file).await?;
            if !self.around.keep(file).await {
                return Err(DutyFailure::Misfit(format!("picture {} cannot be kept", image.file)));
            }
        }
        Ok(())
    }

    /// Fetches all pictures of another's result by their hashes, and keeps them.
    pub(super) async fn store(&self, task: &Task, state: &ChainState) -> Result<DutyKind, DutyFailure> {
        let committed = state.open_job(&task.job).and_then(|job| job.committed());
        let images: Vec<ImageCommitment> = committed
            .into_iter()
            .flat_map(|committed| committed.commitment.pictures())
            .map(|(_, image)| *image)
            .collect();
        for image in images {
            let missing = || DutyFailure::Missing(format!("picture {}", image.file));
            let file = self.around.fetch(image.file, image.file_bytes).await.ok_or_else(missing)?;
            if !self.around.keep(file).await {
                return Err(DutyFailure::Misfit(format!("picture {} cannot be kept", image.file)));
            }
        }
        Ok(DutyKind::Stored)
    }

    /// Notes the tree of an own result.
    pub(super) fn hold_tree(&self, key: JobKey, worker: usize, tree: &Arc<dfsn_types::TraceTree>) {
        lock(&self.held).insert(key, Held { worker, tree: Some(Arc::clone(tree)) });
    }
}

fn ended(reason: &EndReason) -> DutyFailure {
    DutyFailure::Ended(match reason {
        EndReason::Cancelled => "it was cancelled".to_owned(),
        EndReason::HandedBack => "it shuts down".to_owned(),
        EndReason::Late => "it would have been late".to_owned(),
        EndReason::Failed { message } => message.to_string(),
    })
}
