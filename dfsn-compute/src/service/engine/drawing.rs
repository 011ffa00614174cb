//! One job in work, a step at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dfsn_types::{Boundary, BoundedVec, FileHash, ImageCommitment, ResultCommitment, TraceShape};

use super::{DrawError, Model, Shared, request_of};
use crate::error::ComputeError;
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
    state: StepState,
    step: usize,
    pictures: Vec<Vec<u8>>,
    commitments: Vec<ImageCommitment>,
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
        let mut draft = shared.store.draft(offer.key(), context, TraceShape::of(&offer.params))?;
        let (prepared, state) = begin_image(models, shared, &job, &request, &mut draft, 0)?;
        Ok(Self {
            job,
            request,
            draft,
            image: 0,
            prepared,
            state,
            step: 0,
            pictures: Vec::new(),
            commitments: Vec::new(),
            computing: started.elapsed(),
        })
    }

    /// Does the next step, or decodes. Whether all pictures are drawn.
    pub(super) fn advance(&mut self, models: &mut [Model], shared: &Shared) -> Result<bool, DrawError> {
        let started = Instant::now();
        let is_over = if self.step < self.prepared.num_steps() {
            self.advance_step(models, shared)?;
            false
        } else {
            self.decode(models, shared)?;
            let next = self.image + 1;
            let is_last = next >= self.job.offer.params.num_images();
            if !is_last {
                (self.prepared, self.state) =
                    begin_image(models, shared, &self.job, &self.request, &mut self.draft, next)?;
                (self.image, self.step) = (next, 0);
            }
            is_last
        };
        self.computing += started.elapsed();
        Ok(is_over)
    }

    fn advance_step(&mut self, models: &mut [Model], shared: &Shared) -> Result<(), DrawError> {
        let model = model_of(models, &self.job)?;
        let evaluations = self.prepared.scheduler().evaluations(self.step).len();
        let started = Instant::now();
        self.state = model.pipeline.step(&self.prepared, self.step + 1, &self.state)?;
        let took = started.elapsed() / u32::try_from(evaluations.max(1)).unwrap_or(u32::MAX);
        let is_guided = self.job.offer.params.guidance_scale().is_guided();
        model.speed.evaluated(self.pixels(), is_guided, self.job.chunks, took);
        self.step += 1;
        // At most 150 steps.
        let t = self.step as u16;
        let boundary = Boundary { image: self.image, t };
        self.draft.push(boundary, &self.state.to_bytes(), &shared.secret)?;
        shared.metrics.steps.inc();
        shared.board.stepped(self.image, t);
        let looks = model.preview.as_ref().filter(|_| self.wants_preview());
        if let Some(picture) = looks.and_then(|looks| looks.draw(&self.state, self.prepared.latents())) {
            let file = picture.to_png().map_err(ComputeError::from)?;
            shared.board.previewed(self.image, t, shared.blobs.put(file.into()));
        }
        Ok(())
    }

    /// Previews are spread evenly over the steps, none after the last.
    fn wants_preview(&self) -> bool {
        let parts = usize::from(self.job.offer.previews) + 1;
        let (step, steps) = (self.step, self.prepared.num_steps());
        step < steps && step * parts / steps > (step - 1) * parts / steps
    }

    fn decode(&mut self, models: &mut [Model], shared: &Shared) -> Result<(), DrawError> {
        let model = model_of(models, &self.job)?;
        let started = Instant::now();
        let decoded = model.pipeline.decode(&self.prepared, &self.state)?;
        model.speed.decoded(self.pixels(), started.elapsed());
        let t = TraceShape::of(&self.job.offer.params).decoded();
        self.draft.push(Boundary { image: self.image, t }, &decoded.to_bytes(), &shared.secret)?;
        let picture = decoded.to_rgb();
        let told = self.provenance().to_text(self.prepared.request(), &model.name);
        let file = told.and_then(|text| picture.to_png_with(&text)).map_err(ComputeError::from)?;
        self.commitments.push(ImageCommitment {
            file: FileHash::of(&file),
            file_bytes: u32::try_from(file.len()).unwrap_or(u32::MAX),
            pixels: picture.pixel_hash(),
        });
        self.pictures.push(file);
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
                images: BoundedVec::new(self.commitments)?,
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

/// Encodes what picture `image` is made from and stores its initial state.
fn begin_image(
    models: &mut [Model],
    shared: &Shared,
    job: &OpenJob,
    request: &ImageRequest,
    draft: &mut Draft,
    image: u8,
) -> Result<(Prepared, StepState), DrawError> {
    let pipeline = &mut model_of(models, job)?.pipeline;
    let prepared = pipeline.prepare(&request.clone().for_image(image))?;
    let state = pipeline.initial_state(&prepared);
    draft.push(Boundary { image, t: 0 }, &state.to_bytes(), &shared.secret)?;
    shared.board.stepped(image, 0);
    Ok((prepared, state))
}

fn model_of<'a>(models: &'a mut [Model], job: &OpenJob) -> Result<&'a mut Model, ComputeError> {
    models.get_mut(job.model).ok_or_else(|| ComputeError::Backend("the model is not loaded".to_owned()))
}
