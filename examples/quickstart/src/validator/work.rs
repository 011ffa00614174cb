//! A worker's tasks: accept, draw, commit, open, reveal.

use std::ops::ControlFlow;
use std::sync::Arc;

use dfsn_client::transport::Notification;
use dfsn_compute::{
    ComputeError, Drawn as Outcome, Event, Failed, ImageRequest, Observer, Provenance, RgbImage, Trace,
    TraceRecorder,
};
use dfsn_consensus::operator::{OpenDecision, Task, decide_opening};
use dfsn_consensus::state::ChainState;
use dfsn_types::{
    AnswerRef, Boundary, BoundedVec, DutyKind, ImageCommitment, ImageResult, PixelHash, ResultCommitment,
};
use tokio::sync::broadcast;

use super::{ValidatorNode, lock};

/// What a worker has drawn, honestly or not: for each image its picture, or where it fails, and its boundary states.
pub(super) type Drawn = Vec<(Result<RgbImage, Box<Failed>>, Vec<Vec<u8>>)>;

impl ValidatorNode {
    /// Accepts what the model can draw: every input is then in the request itself, and the worker takes one job at a time.
    pub(super) fn accept(&self, task: &Task, draw: u32) -> Option<DutyKind> {
        let request = ImageRequest::from_params(&task.params, 0).ok()?;
        request.check(self.worker.config()).ok()?;
        self.shared.cheat.worker_drawn(self.address());
        Some(DutyKind::AcceptJob { draw })
    }

    /// Draws, keeps the trace, stores the files, commits.
    pub(super) async fn generate(&self, task: &Task) -> Option<DutyKind> {
        let drawn = match self.shared.cheat.drawing(self.address()) {
            Some(cheat) => self.draw_dishonestly(task, cheat).await.transpose()?,
            None => self.draw(task, |request| request).await,
        };
        let committed = drawn.and_then(|drawn| self.commit(task, drawn));
        committed.inspect_err(|error| eprintln!("validator {}: {error}", self.address())).ok()
    }

    /// Draws all images of a task, each request changed by `change` on its way to the worker.
    pub(super) async fn draw(
        &self,
        task: &Task,
        change: impl Fn(ImageRequest) -> ImageRequest,
    ) -> Result<Drawn, ComputeError> {
        let mut drawn = Vec::new();
        for image in 0..task.params.num_images() {
            let request = change(ImageRequest::from_params(&task.params, image)?);
            let observer = Recorder { trace: TraceRecorder::default(), progress: self.progress(task, image) };
            let (outcome, recorder) = self.worker.draw(request, observer)?.wait().await?;
            let picture = match outcome {
                Outcome::Picture(generated) => Ok(generated.image),
                Outcome::Failed(failed) => Err(failed),
            };
            drawn.push((picture, recorder.trace.into_boundaries()));
        }
        Ok(drawn)
    }

    fn commit(&self, task: &Task, drawn: Drawn) -> Result<DutyKind, ComputeError> {
        let mut images = Vec::new();
        let mut states = Vec::new();
        let model = self.worker.config().dir.as_path().file_stem().unwrap_or_default().to_string_lossy();
        for (image, (picture, boundaries)) in (0..).zip(drawn) {
            states.push(boundaries);
            let picture = match picture {
                Ok(picture) => picture,
                Err(failed) => {
                    eprintln!("validator {}: image {image} {failed}", self.address());
                    images.push(ImageResult::Failed { t: failed.boundary });
                    continue;
                }
            };
            // What was asked for, whatever a cheat has drawn.
            let request = ImageRequest::from_params(&task.params, image)?;
            let (job, worker) = (Some(task.job), Some(task.worker));
            let told = Provenance { job, worker, ..Provenance::of(task.params.clone(), image) };
            let file = picture.to_png_with(&told.to_text(&request, &model)?)?;
            let file_bytes = u32::try_from(file.len()).unwrap_or(u32::MAX);
            let pixels = PixelHash::of_rgb8(picture.height(), picture.width(), picture.pixels());
            let file = self.shared.blobs.put(file);
            images.push(ImageResult::Picture(ImageCommitment { file, file_bytes, pixels }));
        }
        let trace = Trace::new(&self.context(task), &task.params, &self.keys.trace_secret, states);
        let trace = trace.map_err(|error| ComputeError::Backend(error.to_string()))?;
        let trace_root = trace.tree().root();
        lock(&self.traces).insert((task.job, task.attempt), Arc::new(trace));
        let images = BoundedVec::new(images).map_err(|error| ComputeError::Backend(error.to_string()))?;
        Ok(DutyKind::CommitResult(ResultCommitment { images, trace_root }))
    }

    fn progress(&self, task: &Task, image: u8) -> Progress {
        Progress { publisher: self.shared.publisher.clone(), task: task.clone(), image }
    }

    /// Opens what was asked about, or contests the first answer that differs.
    pub(super) async fn open(
        &self,
        task: &Task,
        state: &ChainState,
    ) -> Result<Option<DutyKind>, ComputeError> {
        if self.shared.cheat.withholds(self.address()) {
            return Ok(None);
        }
        let decided = || {
            let trace = self.trace(task)?;
            decide_opening(state, state.open_job(&task.job)?, trace.tree()).ok()?
        };
        Ok(match decided() {
            Some(OpenDecision::Open(openings)) => {
                BoundedVec::new(openings).ok().map(|openings| DutyKind::OpenAudit { openings })
            }
            Some(OpenDecision::Contest(answer)) => self.contest(task, answer, state).await?,
            None => None,
        })
    }

    /// Fetches all pictures of a result by their hashes.
    pub(super) fn store(&self, task: &Task, state: &ChainState) -> Option<DutyKind> {
        let commitment = &state.open_job(&task.job)?.committed()?.commitment;
        let is_here = |image: &ImageCommitment| self.shared.blobs.get(&image.file).is_some();
        commitment.pictures().all(|(_, image)| is_here(image)).then_some(DutyKind::Stored)
    }

    /// Shows the contested leaf as its worker, or the digest answered with.
    pub(super) fn reveal(&self, task: &Task, answer: AnswerRef, boundary: Boundary) -> Option<DutyKind> {
        if task.worker == self.address() {
            let opening = self.trace(task)?.tree().open(boundary).ok()?;
            return Some(DutyKind::RevealAnswer { answer, digest: opening.digest, opening: Some(opening) });
        }
        let digest = *lock(&self.answered).get(&((task.job, task.attempt), boundary))?;
        Some(DutyKind::RevealAnswer { answer, digest, opening: None })
    }
}

/// Records the trace and tells users how far it is.
struct Recorder {
    trace: TraceRecorder,
    progress: Progress,
}

struct Progress {
    publisher: broadcast::Sender<Arc<Notification>>,
    task: Task,
    image: u8,
}

impl Observer for Recorder {
    fn on_event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        if let Event::State { step, num_steps, .. } = event {
            self.progress.tell(step, num_steps);
        }
        self.trace.on_event(event)
    }
}

impl Progress {
    fn tell(&self, step: usize, steps: usize) {
        let number = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let (job, attempt, image) = (self.task.job, self.task.attempt, self.image);
        let progress =
            Notification::Progress { job, attempt, image, step: number(step), steps: number(steps) };
        // There may be no listener.
        let _ = self.publisher.send(Arc::new(progress));
    }
}
