//! One thread that owns a pipeline, with a bounded queue before it.
//!
//! libtorch keeps a pool of threads for each thread that calls it, so a process should call it from one that
//! lives long. Everything else talks to that thread through a [`Worker`].

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use dfsn_consensus::exact::Computation;
use dfsn_types::ProfileRecord;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::backend::Backend;
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::exact::{Dispute, DisputeError};
use crate::pipeline::{Drawn, Event, Generated, Observer, Pipeline, Question};
use crate::request::ImageRequest;

type OwnedPipeline = Pipeline<Box<dyn Backend>>;
type Job = Box<dyn FnOnce(&mut OwnedPipeline) + Send>;

/// Runs jobs one after the other on a thread of its own.
///
/// Dropping the worker cancels what runs at its next boundary, drops what waits and joins the thread;
/// [`Worker::finish`] lets the queue run empty first.
#[derive(Debug)]
pub struct Worker {
    config: ModelConfig,
    profile: ProfileRecord,
    capacity: usize,
    /// `None` once the worker shuts down.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

/// A job that was taken. Dropping the handle cancels the job.
#[derive(Debug)]
pub struct JobHandle<T> {
    progress: watch::Receiver<Progress>,
    cancel: Arc<AtomicBool>,
    reply: oneshot::Receiver<Result<T, ComputeError>>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// It waits for its turn.
    Queued,
    /// Its prompts are being encoded.
    Started,
    /// This many steps of so many are done.
    Step {
        /// Steps done.
        step: usize,
        /// Steps in all.
        num_steps: usize,
    },
    /// The picture is decoded.
    Decoded,
}

/// Trouble with the worker itself.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// As many jobs wait as may wait. Try again later.
    #[error("the queue is full with {capacity} jobs, try again later")]
    QueueFull {
        /// Jobs that may wait.
        capacity: usize,
    },
    /// The worker shut down before the job was done.
    #[error("the worker has stopped")]
    Stopped,
    /// No thread could be started.
    #[error("cannot start the worker thread: {0}")]
    Spawn(#[from] std::io::Error),
}

impl Worker {
    /// Starts a thread, loads the pipeline on it and waits until that is done. At most `capacity` jobs wait
    /// (at least 1).
    ///
    /// # Errors
    /// What `load` returns, or [`WorkerError::Spawn`].
    ///
    /// # Panics
    /// Inside a tokio task, which must not block; use `tokio::task::spawn_blocking` there.
    pub fn spawn<B: Backend + 'static>(
        name: &str,
        capacity: usize,
        load: impl FnOnce() -> Result<Pipeline<B>, ComputeError> + Send + 'static,
    ) -> Result<Self, ComputeError> {
        let capacity = capacity.max(1);
        let (jobs, queue) = mpsc::channel(capacity);
        let (ready, loaded) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || match load() {
                Ok(pipeline) => {
                    let mut pipeline = pipeline.boxed();
                    let about = (pipeline.config().clone(), pipeline.profile());
                    // Nobody listens when the caller is gone; the empty queue then ends the loop.
                    let _ = ready.send(Ok(about));
                    serve(queue, &mut pipeline);
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            })
            .map_err(WorkerError::Spawn)?;
        let (config, profile) = loaded.blocking_recv().map_err(|_| WorkerError::Stopped)??;
        let stop = Arc::new(AtomicBool::new(false));
        Ok(Self { config, profile, capacity, jobs: Some(jobs), thread: Some(thread), stop })
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What the bits of the results depend on besides the model.
    pub const fn profile(&self) -> &ProfileRecord {
        &self.profile
    }

    /// Queues a picture. The observer runs on the worker's thread and comes back with the picture.
    ///
    /// # Errors
    /// [`WorkerError::QueueFull`] or [`WorkerError::Stopped`], at once.
    pub fn generate<O: Observer + Send + 'static>(
        &self,
        request: ImageRequest,
        mut observer: O,
    ) -> Result<JobHandle<(Generated, O)>, ComputeError> {
        self.submit(move |pipeline, job| {
            let mut watching = |event: Event<'_>| {
                job.report(event)?;
                observer.on_event(event)
            };
            let generated = pipeline.generate(&request, &mut watching)?;
            Ok((generated, observer))
        })
    }

    /// As [`Worker::generate`], with where the picture fails as a result like any other.
    ///
    /// # Errors
    /// [`WorkerError::QueueFull`] or [`WorkerError::Stopped`], at once.
    pub fn draw<O: Observer + Send + 'static>(
        &self,
        request: ImageRequest,
        mut observer: O,
    ) -> Result<JobHandle<(Drawn, O)>, ComputeError> {
        self.submit(move |pipeline, job| {
            let mut watching = |event: Event<'_>| {
                job.report(event)?;
                observer.on_event(event)
            };
            let drawn = pipeline.draw(&request, &mut watching)?;
            Ok((drawn, observer))
        })
    }

    /// Queues one question of an audit; the reply is the canonical bytes of the boundary it asks for.
    ///
    /// # Errors
    /// [`WorkerError::QueueFull`] or [`WorkerError::Stopped`], at once.
    pub fn answer(
        &self,
        request: ImageRequest,
        question: Question,
    ) -> Result<JobHandle<Vec<u8>>, ComputeError> {
        self.submit(move |pipeline, _| pipeline.answer(&request, &question))
    }

    /// Queues the question what a boundary follows from besides the state before (rule ARI-02); the reply is what
    /// [`Pipeline::given_inputs`] gives.
    ///
    /// # Errors
    /// [`WorkerError::QueueFull`] or [`WorkerError::Stopped`], at once.
    pub fn given_inputs(
        &self,
        request: ImageRequest,
        boundary: usize,
    ) -> Result<JobHandle<Vec<Vec<f32>>>, ComputeError> {
        self.submit(move |pipeline, _| pipeline.given_inputs(&request, boundary))
    }

    /// Queues a part in a judgement by arithmetic: `run` is given the contested computation, from the state before and
    /// [given inputs](Worker::given_inputs).
    ///
    /// # Errors
    /// [`WorkerError::QueueFull`] or [`WorkerError::Stopped`], at once; [`ComputeError::Dispute`] in the reply, and
    /// [`ComputeError::Backend`] where the worker's profile is not exact.
    pub fn dispute<T: Send + 'static>(
        &self,
        computation: Computation,
        before: Vec<u8>,
        given: Vec<Vec<f32>>,
        run: impl FnOnce(Dispute<'_>) -> Result<T, DisputeError> + Send + 'static,
    ) -> Result<JobHandle<T>, ComputeError> {
        self.submit(move |pipeline, _| {
            let exact = pipeline.backend().as_exact();
            let exact = exact.ok_or_else(|| ComputeError::Backend("jurors judge this profile".to_owned()))?;
            Ok(run(Dispute::new(exact, &computation, &before, &given)?)?)
        })
    }

    /// Takes no more jobs, finishes those that wait and ends the thread.
    pub fn finish(mut self) {
        self.join();
    }

    fn submit<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut OwnedPipeline, &RunningJob) -> Result<T, ComputeError> + Send + 'static,
    ) -> Result<JobHandle<T>, ComputeError> {
        let (progress, watching) = watch::channel(Progress::Queued);
        let (reply, replied) = oneshot::channel();
        let cancel = Arc::new(AtomicBool::new(false));
        let running = RunningJob { progress, cancel: Arc::clone(&cancel), stop: Arc::clone(&self.stop) };
        let job: Job = Box::new(move |pipeline| {
            let result = if running.is_cancelled() {
                Err(ComputeError::Cancelled)
            } else {
                running.progress.send_replace(Progress::Started);
                run(pipeline, &running)
            };
            // Nobody listens when the handle was dropped.
            let _ = reply.send(result);
        });
        let jobs = self.jobs.as_ref().ok_or(WorkerError::Stopped)?;
        jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WorkerError::QueueFull { capacity: self.capacity },
            mpsc::error::TrySendError::Closed(_) => WorkerError::Stopped,
        })?;
        Ok(JobHandle { progress: watching, cancel, reply: replied })
    }

    fn join(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic on the thread was printed there; those who wait see their replies closed.
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.join();
    }
}

fn serve(mut queue: mpsc::Receiver<Job>, pipeline: &mut OwnedPipeline) {
    while let Some(job) = queue.blocking_recv() {
        job(pipeline);
    }
}

impl<T> JobHandle<T> {
    /// How far the job is; the receiver can also be awaited for changes.
    pub fn progress(&mut self) -> &mut watch::Receiver<Progress> {
        &mut self.progress
    }

    /// Asks the job to stop at its next boundary. Its result is then [`ComputeError::Cancelled`].
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Awaits the result, on any executor.
    ///
    /// # Errors
    /// The job's error, or [`WorkerError::Stopped`].
    pub async fn wait(mut self) -> Result<T, ComputeError> {
        (&mut self.reply).await.map_err(|_| WorkerError::Stopped)?
    }

    /// Blocks the calling thread until the result is there.
    ///
    /// # Errors
    /// The job's error, or [`WorkerError::Stopped`].
    ///
    /// # Panics
    /// Inside a tokio runtime; use [`JobHandle::wait`] there.
    pub fn wait_blocking(mut self) -> Result<T, ComputeError> {
        let (_, unused) = oneshot::channel();
        std::mem::replace(&mut self.reply, unused).blocking_recv().map_err(|_| WorkerError::Stopped)?
    }
}

impl<T> Drop for JobHandle<T> {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// The worker's side of a [`JobHandle`].
struct RunningJob {
    progress: watch::Sender<Progress>,
    cancel: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl RunningJob {
    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed) || self.stop.load(Ordering::Relaxed)
    }

    fn report(&self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::State { step, num_steps, .. } => {
                self.progress.send_replace(Progress::Step { step, num_steps });
            }
            Event::Decoded { .. } => {
                self.progress.send_replace(Progress::Decoded);
            }
            Event::TextEncoded { .. } | Event::Failed { .. } => {}
        }
        if self.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
