//! Jobs and audits between those who ask and the one thread that computes.

mod audits;
mod events;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dfsn_types::FileHash;
use tokio::sync::watch;

use super::metrics::Metrics;
use super::refusal::Refusal;
use super::wire::{EndReason, EventKind, EventPage, JobKey, JobOffer, JobResult, JobState};

use audits::Audits;
pub(super) use audits::{Answer, Asked, Part, Question};
use events::Events;

/// Jobs that ended without a result and are still told about.
const ENDED_KEPT: usize = 256;

/// What waits, what runs, and what happened. Every list in it is bounded.
#[derive(Debug)]
pub(super) struct Board {
    capacity: usize,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    /// For the inference thread: there may be something to do.
    work: Condvar,
    /// For those who wait for news.
    news: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Arc<OpenJob>>,
    running: Option<Running>,
    ended: VecDeque<(JobKey, JobState)>,
    audits: Audits,
    events: Events,
    is_draining: bool,
}

/// A job that was taken.
#[derive(Debug)]
pub(super) struct OpenJob {
    pub(super) offer: JobOffer,
    /// The file of the picture that it starts from.
    pub(super) init: Option<Bytes>,
    /// Number of its model.
    pub(super) model: usize,
    pub(super) deadline: Instant,
    pub(super) estimate: Duration,
    /// Chunks of its prompts.
    pub(super) chunks: u32,
    /// Bytes that its result will take on disk.
    pub(super) bytes: u64,
}

#[derive(Debug)]
struct Running {
    job: Arc<OpenJob>,
    image: u8,
    step: u16,
    stop: Option<EndReason>,
}

/// What the inference thread does next.
#[derive(Debug)]
pub(super) enum Work {
    /// Answer a question of an audit or of a dispute.
    Answer(Box<Question>),
    /// Start a job.
    Begin(Arc<OpenJob>),
    /// Go on with the running job by one step.
    Advance,
    /// Give the running job up.
    Abandon(EndReason),
    /// Nothing will come any more.
    Stop,
}

impl Running {
    /// What is left of the estimate.
    fn remaining(&self) -> Duration {
        let params = &self.job.offer.params;
        let steps = u32::from(params.executed_steps());
        let all = u32::from(params.num_images()) * steps;
        let done = u32::from(self.image) * steps + u32::from(self.step);
        self.job.estimate * all.saturating_sub(done) / all.max(1)
    }
}

impl State {
    /// What is computed before the first job that waits: questions of audits and the rest of the running job.
    fn ahead(&self) -> Duration {
        self.audits.ahead() + self.running.as_ref().map_or(Duration::ZERO, Running::remaining)
    }

    fn position(&self, index: usize) -> u32 {
        u32::try_from(index + usize::from(self.running.is_some())).unwrap_or(u32::MAX)
    }

    fn find(&self, key: JobKey) -> Option<(JobState, &JobOffer)> {
        if let Some(running) = self.running.as_ref().filter(|running| running.job.offer.key() == key) {
            let steps = running.job.offer.params.executed_steps();
            let state = JobState::Running { image: running.image, step: running.step, steps };
            return Some((state, &running.job.offer));
        }
        let index = self.queue.iter().position(|job| job.offer.key() == key)?;
        let before: Duration = self.queue.iter().take(index + 1).map(|job| job.estimate).sum();
        let estimate_ms = millis(before + self.ahead());
        Some((JobState::Queued { position: self.position(index), estimate_ms }, &self.queue[index].offer))
    }

    fn end(&mut self, key: JobKey, reason: EndReason, metrics: &Metrics) {
        metrics.job_ended(&reason);
        tracing::info!(job = %key.job, attempt = %key.attempt, ?reason, "ended without a result");
        self.events.push(key, EventKind::Ended { reason: reason.clone() });
        if self.ended.len() >= ENDED_KEPT {
            self.ended.pop_front();
        }
        self.ended.push_back((key, JobState::Ended { reason }));
    }

    /// Tells all that wait where they stand now.
    fn tell_positions(&mut self) {
        for index in 0..self.queue.len() {
            let kind = EventKind::Queued { position: self.position(index) };
            self.events.push(self.queue[index].offer.key(), kind);
        }
    }
}

/// Milliseconds, as many as fit.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Board {
    pub(super) fn new(capacity: usize, boot: u64, metrics: Arc<Metrics>) -> Self {
        let state = State {
            queue: VecDeque::new(),
            running: None,
            ended: VecDeque::new(),
            audits: Audits::default(),
            events: Events::new(boot),
            is_draining: false,
        };
        Self {
            capacity,
            metrics,
            state: Mutex::new(state),
            work: Condvar::new(),
            news: watch::Sender::new(0),
        }
    }

    /// Takes a job into the queue when it would be done in time.
    pub(super) fn take(&self, job: OpenJob) -> Result<JobState, Refusal> {
        let mut state = self.lock();
        let key = job.offer.key();
        if state.is_draining {
            return Err(Refusal::Draining);
        }
        let waiting: Duration = state.queue.iter().map(|job| job.estimate).sum::<Duration>() + state.ahead();
        if state.queue.len() >= self.capacity {
            let retry_after_ms = millis(state.ahead()).max(100);
            return Err(Refusal::QueueFull { capacity: self.capacity as u32, retry_after_ms });
        }
        let estimate_ms = millis(waiting + job.estimate);
        if estimate_ms > job.offer.deadline_ms {
            return Err(Refusal::TooSlow { estimate_ms, deadline_ms: job.offer.deadline_ms });
        }
        state.ended.retain(|(ended, _)| *ended != key);
        state.queue.push_back(Arc::new(job));
        let position = state.position(state.queue.len() - 1);
        state.events.push(key, EventKind::Queued { position });
        drop(state);
        self.wake();
        Ok(JobState::Queued { position, estimate_ms })
    }

    /// An open job of this name: where it stands, and whether its offer asks for the same as `offer`.
    pub(super) fn open(&self, key: JobKey) -> Option<(JobState, JobOffer)> {
        self.lock().find(key).map(|(state, offer)| (state, offer.clone()))
    }

    /// A job that ended without a result.
    pub(super) fn ended(&self, key: JobKey) -> Option<JobState> {
        self.lock().ended.iter().rev().find(|(ended, _)| *ended == key).map(|(_, state)| state.clone())
    }

    /// All open jobs, the running one first.
    pub(super) fn open_keys(&self) -> Vec<JobKey> {
        let state = self.lock();
        let running = state.running.iter().map(|running| &running.job);
        running.chain(&state.queue).map(|job| job.offer.key()).collect()
    }

    /// Jobs that wait.
    pub(super) fn queued(&self) -> usize {
        self.lock().queue.len()
    }

    /// Whether a job runs.
    pub(super) fn is_running(&self) -> bool {
        self.lock().running.is_some()
    }

    /// Bytes that open jobs will take on disk.
    pub(super) fn reserved_bytes(&self) -> u64 {
        let state = self.lock();
        let running = state.running.iter().map(|running| &running.job);
        running.chain(&state.queue).map(|job| job.bytes).sum()
    }

    /// Ends a waiting job, or has the running one stop after its step. Whether there was one.
    pub(super) fn cancel(&self, key: JobKey) -> bool {
        let mut state = self.lock();
        if let Some(running) = state.running.as_mut().filter(|running| running.job.offer.key() == key) {
            running.stop = Some(EndReason::Cancelled);
            return true;
        }
        let Some(index) = state.queue.iter().position(|job| job.offer.key() == key) else { return false };
        state.queue.remove(index);
        state.end(key, EndReason::Cancelled, &self.metrics);
        state.tell_positions();
        drop(state);
        self.wake();
        true
    }

    /// Takes nothing new and hands back what waits; the running job goes on unless it would outlast `grace`.
    pub(super) fn drain(&self, grace: Duration) {
        let mut state = self.lock();
        state.is_draining = true;
        while let Some(job) = state.queue.pop_front() {
            state.end(job.offer.key(), EndReason::HandedBack, &self.metrics);
        }
        let is_long = state.ahead() > grace;
        if let Some(running) = state.running.as_mut().filter(|_| is_long) {
            running.stop = Some(EndReason::HandedBack);
        }
        drop(state);
        self.wake();
    }

    /// Hands the running job back at its next step.
    pub(super) fn abandon_running(&self) {
        if let Some(running) = self.lock().running.as_mut() {
            running.stop.get_or_insert(EndReason::HandedBack);
        }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.lock().is_draining
    }

    /// Blocks the inference thread until there is something to do. Audits and disputes go before everything: they are one step
    /// long, and being late with one costs its validator.
    pub(super) fn next(&self) -> Work {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if let Some(question) = state.audits.next(now) {
                return Work::Answer(Box::new(question));
            }
            if let Some(running) = &state.running {
                let late = (now > running.job.deadline).then_some(EndReason::Late);
                return running.stop.clone().or(late).map_or(Work::Advance, Work::Abandon);
            }
            if let Some(job) = state.queue.pop_front() {
                if now > job.deadline {
                    state.end(job.offer.key(), EndReason::Late, &self.metrics);
                    self.tell();
                    continue;
                }
                state.running = Some(Running { job: Arc::clone(&job), image: 0, step: 0, stop: None });
                state.tell_positions();
                self.tell();
                return Work::Begin(job);
            }
            if state.is_draining {
                return Work::Stop;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The running job has done a step.
    pub(super) fn stepped(&self, image: u8, step: u16) {
        let mut state = self.lock();
        let Some(running) = state.running.as_mut() else { return };
        (running.image, running.step) = (image, step);
        let (key, steps) = (running.job.offer.key(), running.job.offer.params.executed_steps());
        state.events.push(key, EventKind::Step { image, step, steps });
        drop(state);
        self.tell();
    }

    /// A preview of the running job can be fetched.
    pub(super) fn previewed(&self, image: u8, step: u16, blob: FileHash) {
        let mut state = self.lock();
        let Some(key) = state.running.as_ref().map(|running| running.job.offer.key()) else { return };
        state.events.push(key, EventKind::Preview { image, step, blob });
        drop(state);
        self.tell();
    }

    /// The running job is over: its result is in the store, or there is none.
    pub(super) fn finished(&self, outcome: Result<JobResult, EndReason>) {
        let mut state = self.lock();
        let Some(running) = state.running.take() else { return };
        let key = running.job.offer.key();
        match outcome {
            Ok(result) => {
                self.metrics.job_done(Duration::from_millis(result.compute_ms));
                state.events.push(key, EventKind::Done { result });
            }
            Err(reason) => state.end(key, reason, &self.metrics),
        }
        drop(state);
        self.wake();
    }

    /// Events after number `after` of run `boot`; all that are known when the run is another.
    pub(super) fn events(&self, boot: Option<u64>, after: u64) -> EventPage {
        self.lock().events.page(boot, after)
    }

    /// Changes whenever there is news.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    fn wake(&self) {
        self.work.notify_all();
        self.tell();
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Each holder leaves a whole state behind, even when it panics.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
