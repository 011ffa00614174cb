//! Jobs and questions: what is taken, and where it stands.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dfsn_types::{FileHash, GenerationParams, TraceShape};

use super::Service;
use crate::request::ImageRequest;
use crate::scheduler;
use crate::service::board::{Answer, Asked, OpenJob, Question};
use crate::service::engine::{LoadedModel, request_of};
use crate::service::refusal::Refusal;
use crate::service::wire::{
    AuditCall, AuditReply, JobKey, JobOffer, JobState, JobStatus, MAX_PREVIEWS, message,
};

impl Service {
    /// Takes a job, or tells where it stands when it was taken before.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn submit(&self, offer: JobOffer) -> Result<JobStatus, Refusal> {
        let key = offer.key();
        if let Some((state, known)) = self.board().open(key) {
            return if is_same(&known, &offer) { Ok(status(key, state)) } else { Err(Refusal::Conflict) };
        }
        if self.store().contains(key) {
            let known = self.stored(key)?;
            let state = JobState::Done { result: known.result };
            return if is_same(&known.offer, &offer) {
                Ok(status(key, state))
            } else {
                Err(Refusal::Conflict)
            };
        }
        let (number, model) = self.served(&offer.params)?;
        self.check_limits(&offer)?;
        let init = self.init_file(&offer.params)?;
        let request = self.read(&offer.params, init.as_ref())?;
        let file_bytes = init.as_ref().map_or(0, |file| file.len() as u64);
        let bytes = file_bytes + trace_bytes(model, &request, offer.params.num_images())?;
        let needed_bytes = bytes.saturating_add(self.board().reserved_bytes());
        self.store().check_space(needed_bytes).map_err(|_| Refusal::StoreFull { needed_bytes })?;
        let deadline = Instant::now() + Duration::from_millis(offer.deadline_ms);
        let chunks = model.prompts.chunks(&offer.params);
        let estimate = model.speed.estimate(&offer.params, chunks);
        let job = OpenJob { offer, init, model: number, deadline, estimate, chunks, bytes };
        let state = self.board().take(job)?;
        Ok(status(key, state))
    }

    /// The model that a request names, and its number.
    pub(super) fn served(&self, params: &GenerationParams) -> Result<(usize, &LoadedModel), Refusal> {
        let is_it =
            |model: &LoadedModel| model.id == params.model() && model.profile.id() == params.profile();
        let found = self.0.models.iter().enumerate().find(|(_, model)| is_it(model));
        found.ok_or(Refusal::NotServed)
    }

    fn check_limits(&self, offer: &JobOffer) -> Result<(), Refusal> {
        let options = &self.0.options;
        let most = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let pixels = u64::from(offer.params.height()) * u64::from(offer.params.width());
        let limits = [
            ("previews", u64::from(offer.previews), u64::from(MAX_PREVIEWS)),
            ("deadline_ms", offer.deadline_ms, most(options.max_deadline)),
            ("keep_ms", offer.keep_ms, most(options.max_keep)),
            ("pixels", pixels, options.max_pixels),
        ];
        for (field, value, max) in limits {
            if value > max {
                let reason = message(&format!("{field} {value} is over this worker's limit of {max}"));
                return Err(Refusal::Undrawable { reason });
            }
        }
        Ok(())
    }

    /// The file of the picture that a request starts from.
    pub(super) fn init_file(&self, params: &GenerationParams) -> Result<Option<Bytes>, Refusal> {
        params.init_image().map(|hash| self.input(hash)).transpose()
    }

    /// Reads the picture that a request starts from, so that a file that is none is refused before the job is taken.
    fn read(&self, params: &GenerationParams, init: Option<&Bytes>) -> Result<ImageRequest, Refusal> {
        // One at a time: the pixels of a large file take 100 MiB.
        let _reading = self.0.reading.lock().unwrap_or_else(PoisonError::into_inner);
        request_of(params, init).map_err(|error| undrawable(&error))
    }

    /// Where a job stands.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`], [`Refusal::Internal`].
    pub fn status(&self, key: JobKey) -> Result<JobStatus, Refusal> {
        if let Some((state, _)) = self.board().open(key) {
            return Ok(status(key, state));
        }
        if self.store().contains(key) {
            return Ok(status(key, JobState::Done { result: self.stored(key)?.result }));
        }
        self.board().ended(key).map(|state| status(key, state)).ok_or(Refusal::UnknownJob)
    }

    /// Every job that is open or has a result here.
    pub fn keys(&self) -> Vec<JobKey> {
        let mut keys = self.board().open_keys();
        keys.extend(self.store().keys());
        keys
    }

    /// Stops a job that has no result yet.
    ///
    /// # Errors
    /// [`Refusal::UnknownJob`] when there is none that waits or runs.
    pub fn cancel(&self, key: JobKey) -> Result<(), Refusal> {
        if self.board().cancel(key) { Ok(()) } else { Err(Refusal::UnknownJob) }
    }

    /// Queues a question of an audit, or tells its answer.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn audit(&self, call: AuditCall) -> Result<AuditReply, Refusal> {
        let id = audit_id(&call);
        match self.board().answer(id) {
            Some(Answer::Pending) => return Ok(AuditReply::Pending),
            Some(Answer::Audit(reply)) => return Ok(reply),
            _ => {}
        }
        let (number, model) = self.served(&call.params)?;
        TraceShape::of(&call.params).index(call.boundary).map_err(|_| Refusal::UnknownState)?;
        let input = match call.input {
            Some(hash) => Some(self.input(hash)?),
            None if call.boundary.t == 0 => None,
            None => {
                return Err(Refusal::Undrawable {
                    reason: message("this boundary needs the state before it"),
                });
            }
        };
        let init = self.init_file(&call.params)?;
        let wait = Duration::from_millis(call.deadline_ms).min(self.0.options.max_deadline);
        let chunks = model.prompts.chunks(&call.params);
        let estimate = model.speed.estimate_question(&call.params, chunks, call.boundary.t);
        let (deadline, asked) = (Instant::now() + wait, Asked::Audit { call, input, init });
        self.board().ask(Question { id, model: number, deadline, estimate, asked })?;
        Ok(AuditReply::Pending)
    }
}

fn status(key: JobKey, state: JobState) -> JobStatus {
    JobStatus { job: key.job, attempt: key.attempt, state }
}

/// Whether two offers ask for the same picture and trace; times may differ.
fn is_same(known: &JobOffer, offer: &JobOffer) -> bool {
    known.genesis == offer.genesis && known.worker == offer.worker && known.params == offer.params
}

/// Names a question by all that its answer depends on.
fn audit_id(call: &AuditCall) -> FileHash {
    let AuditCall { genesis, job, attempt, worker, params, boundary, input, fails, .. } = call;
    let asked = (boundary, input, fails);
    FileHash::of(&dfsn_types::codec::encode(&(genesis, job, attempt, worker, params, asked)))
}

/// Bytes of the trace of `images` pictures on disk, and that the model can draw them at all.
fn trace_bytes(model: &LoadedModel, request: &ImageRequest, images: u8) -> Result<u64, Refusal> {
    let config = &model.config;
    request.check(config).map_err(|error| undrawable(&error))?;
    let (steps, skipped) = (u32::from(request.num_inference_steps), u32::from(request.skipped_steps()));
    let schedule = scheduler::build_from(request.scheduler, &config.scheduler, steps, skipped);
    let schedule = schedule.map_err(|error| undrawable(&error))?;
    let factor = config.vae_scale_factor().max(1);
    let latents = u64::from(config.vae.latent_channels)
        * u64::from(request.height / factor)
        * u64::from(request.width / factor);
    let tensors: u64 = (0..=schedule.num_steps()).map(|done| 1 + schedule.history_length(done) as u64).sum();
    let decoded = 3 * u64::from(request.height) * u64::from(request.width);
    // The picture itself is smaller than what was decoded.
    Ok(u64::from(images) * (4 * latents * tensors + 8 * decoded))
}

fn undrawable(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::Undrawable { reason: message(&error.to_string()) }
}
