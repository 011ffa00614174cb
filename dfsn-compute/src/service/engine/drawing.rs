//! One job in work, a step at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dfsn_types::{
    Boundary, BoundedVec, FileHash, ImageCommitment, ImageResult, ResultCommitment, TraceShape,
};

use super::{DrawError, Model, Shared, request_of};
use crate::error::ComputeError;
use crate::failed::Failed;
use crate::image::Provenance;
use crate::pipeline::Prepared;
use crate::request::ImageRequest;
use crate::service::auth::now_ms;
use crate::service::board::{OpenJob, millis};
use crate::service::store::{Draft, StoredResult};
use crate::service::wire::{JobResult, WireLeaf};
use crate::state::StepState;
use crate::trace::TraceContext;

/// A job in work: the picture that is being drawn, and those before it.
pub(super) struct Drawing {
    job: Arc<OpenJob>,
    /// Picture 0.
    request: ImageRequest,
    draft: Draft,
    image: u8,
    prepared: Prepared,
    /// None before the first one is known.
    state: Option<StepState>,
    step: usize,
    /// Files, each with the number of its image.
    pictures: Vec<(usize, Vec<u8>)>,
    results: Vec<ImageResult>,
    computing: Duration,
}

impl Drawing {
    pub(super) fn begin(models: &mut [Model], shared: &Shared, job: Arc<OpenJob>) -> Result<Self, DrawError> {
        let started = Instant::now();
        let offer = &job.offer;
        let context = TraceContext {
            genesis: offer.genesis,
            job: offer.job,
            attempt: offer.attempt,
            worker: offer.worker,
        };
        let request = request_of(&offer.params, job.init.as_ref())?;
        let draft = shared.store.draft(offer.key(), context, TraceShape::of(&offer.params))?;
        let prepared = prepare(models, &job, &request, 0)?;
        Ok(Self {
            job,
            request,
            draft,
            image: 0,
            prepared,
            state: None,
            step: 0,
            pictures: Vec::new(),
            results: Vec::new(),
            computing: started.elapsed(),
        })
    }

    /// Begins a picture, does the next step, or decodes. Whether all images are done.
    pub(super) fn advance(&mut self, models: &mut [Model], shared: &Shared) -> Result<bool, DrawError> {
        let started = Instant::now();
        let image_is_done = match self.advance_image(models, shared) {
            Err(DrawError::Compute(ComputeError::Failed(failed))) => {
                self.fail(&failed, shared)?;
                true
            }
            advanced => advanced?,
        };
        let next = self.image + 1;
        let is_over = image_is_done && next >= self.job.offer.params.num_images();
        if image_is_done && !is_over {
            self.prepared = prepare(models, &self.job, &self.request, next)?;
            (self.image, self.step, self.state) = (next, 0, None);
        }
        self.computing += started.elapsed();
        Ok(is_over)
    }

    /// Computes the next boundary of an image. Whether it was the last one.
    fn advance_image(&mut self, models: &mut [Model], shared: &Shared) -> Result<bool, DrawError> {
        let Some(state) = &self.state else {
            let state = model_of(models, &self.job)?.pipeline.initial_state(&self.prepared)?;
            self.draft.push(Boundary { image: self.image, t: 0 }, &state.to_bytes(), &shared.secret)?;
            self.state = Some(state);
            shared.board.stepped(self.image, 0);
            return Ok(false);
        };
        if self.step < self.prepared.num_steps() {
            let next = self.advance_step(models, shared, state)?;
            self.keep_step(models, shared, next)?;
            return Ok(false);
        }
        self.decode(models, shared)?;
        Ok(true)
    }

    /// An image that fails is a result like any other: the failed state stands at all boundaries that are left.
    fn fail(&mut self, failed: &Failed, shared: &Shared) -> Result<(), DrawError> {
        let (state, image) = (failed.at.to_state(), self.image);
        for t in failed.boundary..=TraceShape::of(&self.job.offer.params).decoded() {
            self.draft.push(Boundary { image, t }, &state, &shared.secret)?;
        }
        self.results.push(ImageResult::Failed { t: failed.boundary });
        tracing::warn!(job = %self.job.offer.job, image, "the picture {failed}");
        Ok(())
    }

    fn advance_step(
        &self,
        models: &mut [Model],
        shared: &Shared,
        state: &StepState,
    ) -> Result<StepState, DrawError> {
        let model = model_of(models, &self.job)?;
        let evaluations = self.prepared.scheduler().evaluations(self.step).len();
        let started = Instant::now();
        let next = model.pipeline.step(&self.prepared, self.step + 1, state)?;
        let took = started.elapsed() / u32::try_from(evaluations.max(1)).unwrap_or(u32::MAX);
        let is_guided = self.job.offer.params.guidance_scale().is_guided();
        model.speed.evaluated(self.pixels(), is_guided, self.job.chunks, took);
        shared.metrics.steps.inc();
        Ok(next)
    }

    fn keep_step(&mut self, models: &mut [Model], shared: &Shared, next: StepState) -> Result<(), DrawError> {
        let model = model_of(models, &self.job)?;
        self.step += 1;
        // At most 150 steps.
        let t = self.step as u16;
        let boundary = Boundary { image: self.image, t };
        self.draft.push(boundary, &next.to_bytes(), &shared.secret)?;
        shared.board.stepped(self.image, t);
        let looks = model.preview.as_ref().filter(|_| self.wants_preview());
        if let Some(picture) = looks.and_then(|looks| looks.draw(&next, self.prepared.latents())) {
            let file = picture.to_png().map_err(ComputeError::from)?;
            shared.board.previewed(self.image, t, shared.blobs.put(file.into()));
        }
        self.state = Some(next);
        Ok(())
    }

    /// Previews are spread evenly over the steps, none after the last.
    fn wants_preview(&self) -> bool {
        let parts = usize::from(self.job.offer.previews) + 1;
        let (step, steps) = (self.step, self.prepared.num_steps());
        step < steps && step * parts / steps > (step - 1) * parts / steps
    }

    fn decode(&mut self, models: &mut [Model], shared: &Shared) -> Result<(), DrawError> {
        let Some(state) = &self.state else { return Ok(()) };
        let model = model_of(models, &self.job)?;
        let started = Instant::now();
        let decoded = model.pipeline.decode(&self.prepared, state)?;
        model.speed.decoded(self.pixels(), started.elapsed());
        let t = TraceShape::of(&self.job.offer.params).decoded();
        self.draft.push(Boundary { image: self.image, t }, &decoded.to_bytes(), &shared.secret)?;
        let picture = decoded.to_rgb();
        let told = self.provenance().to_text(self.prepared.request(), &model.name);
        let file = told.and_then(|text| picture.to_png_with(&text)).map_err(ComputeError::from)?;
        self.results.push(ImageResult::Picture(ImageCommitment {
            file: FileHash::of(&file),
            file_bytes: u32::try_from(file.len()).unwrap_or(u32::MAX),
            pixels: picture.pixel_hash(),
        }));
        self.pictures.push((usize::from(self.image), file));
        shared.metrics.pictures.inc();
        Ok(())
    }

    /// What the file tells about its picture. The trace's root is not known before all pictures are drawn.
    fn provenance(&self) -> Provenance {
        let offer = &self.job.offer;
        let (job, worker) = (Some(offer.job), Some(offer.worker));
        Provenance { job, worker, ..Provenance::of(offer.params.clone(), self.image) }
    }

    /// Makes the result durable.
    pub(super) fn commit(self, shared: &Shared) -> Result<JobResult, DrawError> {
        let cut = |tokens: Option<&crate::tokenizer::Tokens>| {
            tokens.map_or(0, |tokens| u32::try_from(tokens.num_cut).unwrap_or(u32::MAX))
        };
        let result = JobResult {
            commitment: ResultCommitment {
                images: BoundedVec::new(self.results)?,
                trace_root: self.draft.root()?,
            },
            compute_ms: millis(self.computing),
            prompt_tokens_cut: cut(Some(self.prepared.prompt())),
            negative_tokens_cut: cut(self.prepared.negative_prompt()),
        };
        let leaves = self.draft.leaves().iter().copied().map(WireLeaf::from).collect();
        let keep_until_ms = now_ms().saturating_add(self.job.offer.keep_ms);
        let lengths = self.draft.lengths().to_vec();
        let record = StoredResult::new(&self.job, result.clone(), leaves, lengths, keep_until_ms);
        shared.store.commit(self.draft, &record, &self.pictures, self.job.init.as_deref())?;
        tracing::info!(
            job = %record.offer.job, attempt = %record.offer.attempt, compute_ms = result.compute_ms, "committed"
        );
        Ok(result)
    }

    fn pixels(&self) -> u64 {
        u64::from(self.job.offer.params.height()) * u64::from(self.job.offer.params.width())
    }
}

/// Encodes what picture `image` is made from.
fn prepare(
    models: &mut [Model],
    job: &OpenJob,
    request: &ImageRequest,
    image: u8,
) -> Result<Prepared, DrawError> {
    Ok(model_of(models, job)?.pipeline.prepare(&request.clone().for_image(image))?)
}

fn model_of<'a>(models: &'a mut [Model], job: &OpenJob) -> Result<&'a mut Model, ComputeError> {
    models.get_mut(job.model).ok_or_else(|| ComputeError::Backend("the model is not loaded".to_owned()))
}
