//! The one thread that computes: it owns every model, and does one step at a time of what the board says.

mod benchmark;
mod dispute;
mod drawing;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use dfsn_types::{GenerationParams, ModelId, ProfileRecord};
use tokio::sync::oneshot;

use super::blobs::Blobs;
use super::board::{Answer, Asked, Board, Question, Work};
use super::metrics::Metrics;
use super::speed::ModelSpeed;
use super::store::Store;
use super::wire::{AuditCall, AuditReply, DisputeReply, EndReason, Message, message};
use crate::backend::Backend;
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::image::Preview;
use crate::pipeline::{Pipeline, PromptCounter, Question as StateQuestion};
use crate::request::ImageRequest;
use crate::trace::TraceContext;
use crate::worker::WorkerError;
use dfsn_types::TraceShape;
use drawing::Drawing;

/// A pipeline whose backend may be any.
pub type BoxedPipeline = Pipeline<Box<dyn Backend>>;

/// A model to load on the inference thread.
pub struct ModelSource {
    /// Its name on chain: the hash of its manifest.
    pub id: ModelId,
    /// For people.
    pub name: String,
    /// Loads it.
    pub load: Box<dyn FnOnce() -> Result<BoxedPipeline, ComputeError> + Send>,
}

impl std::fmt::Debug for ModelSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelSource").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the rest of the service knows of a loaded model.
#[derive(Clone, Debug)]
pub(super) struct LoadedModel {
    pub(super) id: ModelId,
    pub(super) name: String,
    pub(super) config: ModelConfig,
    pub(super) profile: ProfileRecord,
    pub(super) speed: Arc<ModelSpeed>,
    pub(super) prompts: PromptCounter,
}

/// What the inference thread shares with the rest.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) board: Board,
    pub(super) metrics: Arc<Metrics>,
    pub(super) store: Store,
    pub(super) blobs: Blobs,
    /// Salts the traces.
    pub(super) secret: zeroize::Zeroizing<[u8; 32]>,
}

/// A model on the inference thread.
struct Model {
    name: String,
    pipeline: BoxedPipeline,
    speed: Arc<ModelSpeed>,
    preview: Option<Preview>,
}

/// Loads and measures all models on a thread of their own, which then works off the board until it drains.
pub(super) fn start(
    sources: Vec<ModelSource>,
    shared: Arc<Shared>,
) -> Result<(Vec<LoadedModel>, JoinHandle<()>), ComputeError> {
    let (ready, loaded) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("inference".to_owned())
        .spawn(move || match load_all(sources) {
            Ok((mut models, loaded)) => {
                // Nobody listens when the service is gone; the board then drains.
                let _ = ready.send(Ok(loaded));
                work(&mut models, &shared);
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        })
        .map_err(WorkerError::Spawn)?;
    let loaded = loaded.blocking_recv().map_err(|_| WorkerError::Stopped)??;
    Ok((loaded, thread))
}

fn load_all(sources: Vec<ModelSource>) -> Result<(Vec<Model>, Vec<LoadedModel>), ComputeError> {
    let (mut models, mut loaded) = (Vec::new(), Vec::new());
    for ModelSource { id, name, load } in sources {
        let mut pipeline = load()?;
        let speed = Arc::new(ModelSpeed::new(benchmark::run(&mut pipeline)?));
        let preview = Preview::for_model(pipeline.config());
        let (config, profile) = (pipeline.config().clone(), pipeline.profile());
        tracing::info!(model = %id, name, %profile, speed = ?speed.measured(), "loaded and measured");
        let prompts = pipeline.prompt_counter();
        models.push(Model { name: name.clone(), pipeline, speed: Arc::clone(&speed), preview });
        loaded.push(LoadedModel { id, name, config, profile, speed, prompts });
    }
    Ok((models, loaded))
}

fn work(models: &mut [Model], shared: &Shared) {
    let board = &shared.board;
    let mut drawing: Option<Drawing> = None;
    loop {
        match board.next() {
            Work::Stop => break,
            Work::Answer(question) => {
                let (id, failed) = (question.id, question.asked.failed());
                let answer = guarded(|| Ok(answer(models, *question)));
                shared.metrics.audits.inc();
                board.answered(id, answer.unwrap_or_else(|reason| failed(why(reason))));
            }
            Work::Abandon(reason) => {
                drawing = None;
                board.finished(Err(reason));
            }
            Work::Begin(job) => match guarded(|| Drawing::begin(models, shared, job)) {
                Ok(begun) => drawing = Some(begun),
                Err(reason) => board.finished(Err(reason)),
            },
            Work::Advance => {
                let Some(mut running) = drawing.take() else {
                    board.finished(Err(EndReason::Failed { message: message("nothing was begun") }));
                    continue;
                };
                match guarded(|| running.advance(models, shared)) {
                    Ok(false) => drawing = Some(running),
                    Ok(true) => {
                        let outcome = guarded(|| running.commit(shared));
                        board.finished(outcome);
                    }
                    Err(reason) => board.finished(Err(reason)),
                }
            }
        }
    }
}

/// Runs one piece of work; a panic in it ends its job and not the thread.
fn guarded<T>(run: impl FnOnce() -> Result<T, DrawError>) -> Result<T, EndReason> {
    let failed = |text: &str| EndReason::Failed { message: message(text) };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(outcome) => outcome.map_err(|error| failed(&error.to_string())),
        Err(_) => Err(failed("the backend panicked; its message is in the worker's log")),
    }
}

fn why(reason: EndReason) -> Message {
    match reason {
        EndReason::Failed { message } => message,
        _ => message("not computed"),
    }
}

/// Why a job cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub(super) enum DrawError {
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Store(#[from] super::store::StoreError),
    #[error(transparent)]
    TooMany(#[from] dfsn_types::TooLong),
}

/// Picture 0 of a request; `init` is the file of the picture that it starts from.
pub(super) fn request_of(
    params: &GenerationParams,
    init: Option<&Bytes>,
) -> Result<ImageRequest, ComputeError> {
    match init {
        Some(file) => ImageRequest::from_params_with_init(params, 0, file),
        None => Ok(ImageRequest::from_params(params, 0)?),
    }
}

fn answer(models: &mut [Model], question: Question) -> Answer {
    let Question { model, asked, .. } = question;
    let Some(model) = models.get_mut(model) else {
        return asked.failed()(message("the model is not loaded"));
    };
    match asked {
        Asked::Audit { call, input, init } => Answer::Audit(audit(model, &call, input, init.as_ref())),
        Asked::Dispute { params, boundary, before, init, part } => {
            let answer = request_of(&params, init.as_ref()).and_then(|request| {
                dispute::dispute(model, &params, &request.for_image(boundary.image), boundary, &before, part)
            });
            Answer::Dispute(match answer {
                Ok(answer) => DisputeReply::Done { answer },
                Err(error) => DisputeReply::Failed { message: message(&error.to_string()) },
            })
        }
    }
}

/// Computes the digest that a question asks for.
fn audit(model: &mut Model, call: &AuditCall, input: Option<Bytes>, init: Option<&Bytes>) -> AuditReply {
    let context =
        TraceContext { genesis: call.genesis, job: call.job, attempt: call.attempt, worker: call.worker };
    let place = context.at(call.boundary);
    let question = match (call.boundary.t, input) {
        (0, _) => StateQuestion::InitialState,
        (t, Some(state)) if t == TraceShape::of(&call.params).decoded() => {
            StateQuestion::Decode { state: state.into() }
        }
        (t, Some(state)) => StateQuestion::Step { step: usize::from(t), state: state.into() },
        (_, None) => return AuditReply::Failed { message: message("the state before is missing") },
    };
    let answer = request_of(&call.params, init)
        .and_then(|request| model.pipeline.answer(&request.for_image(call.boundary.image), &question));
    match answer {
        Ok(state) => {
            let digest = context.answer(call.boundary, &state, call.fails);
            AuditReply::Done { digest, malformed: digest == place.malformed() }
        }
        // The boundary was checked, so what does not fit is the state that was served.
        Err(ComputeError::State(_)) => AuditReply::Done { digest: place.malformed(), malformed: true },
        Err(error) => AuditReply::Failed { message: message(&error.to_string()) },
    }
}
