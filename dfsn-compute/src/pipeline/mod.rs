//! From a request to a picture, one auditable function after the other.
//!
//! [`Pipeline::generate`] only calls [`Pipeline::prepare`], [`Pipeline::initial_state`], [`Pipeline::step`] and
//! [`Pipeline::decode`], so that an auditor who executes one of them alone, from the state that was opened to
//! it, runs the very code that made the picture.

mod failure;
mod given;
mod hires;
mod observer;
mod prepared;
mod question;
mod start;
mod text;

use std::ops::ControlFlow;

use dfsn_consensus::exact::scheduler::guidance;
use dfsn_types::ProfileRecord;

use crate::backend::{Backend, LatentShape};
use crate::config::{ModelConfig, TextEncoderConfig, TokenizerConfig};
use crate::error::ComputeError;
use crate::failed::Failed;
use crate::image::{DecodedImage, RgbImage};
use crate::noise;
use crate::prompt::TextualInversion;
use crate::request::{ImageRequest, RequestError};
use crate::scheduler::{self, Scheduler, SchedulerError};
use crate::state::{StateError, StepState};
use crate::tokenizer::Tokenizer;

use failure::check_exact;
pub use hires::Hires;
pub use observer::{Event, NoObserver, Observer, TraceRecorder};
pub use prepared::Prepared;
pub use question::Question;
#[cfg(feature = "service")]
pub(crate) use text::PromptCounter;
use text::Reader;

/// A model that is ready to draw.
#[derive(Debug)]
pub struct Pipeline<B> {
    config: ModelConfig,
    /// One for each text encoder.
    readers: Vec<Reader>,
    inversions: Vec<TextualInversion>,
    backend: B,
}

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The pixels.
    pub image: RgbImage,
    /// The decoder's numbers that the pixels were rounded from.
    pub decoded: DecodedImage,
    /// The state after the last step.
    pub final_state: StepState,
    /// Tokens of the prompt that were cut off.
    pub prompt_tokens_cut: usize,
    /// Tokens of the negative prompt that were cut off.
    pub negative_tokens_cut: usize,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawn {
    /// A picture.
    Picture(Box<Generated>),
    /// None: the request fails at a number, on every machine.
    Failed(Box<Failed>),
}

impl<B: Backend> Pipeline<B> {
    /// Reads the tokenizers of `config` and joins them with a backend that runs the same model.
    ///
    /// # Errors
    /// [`ComputeError::Tokenizer`].
    pub fn new(config: ModelConfig, backend: B) -> Result<Self, ComputeError> {
        let load = |name: &str, tokenizer: &TokenizerConfig, encoder: &TextEncoderConfig| {
            Tokenizer::load(config.dir.join(name), tokenizer, encoder.vocab_size)
        };
        let mut readers = vec![Reader::new(load("tokenizer", &config.tokenizer, &config.text_encoder)?)];
        if let (Some(tokenizer), Some(encoder)) = (&config.tokenizer_2, &config.text_encoder_2) {
            // A single file may come with one folder for both.
            let has_own = config.checkpoint.is_none() || config.dir.join("tokenizer_2").is_dir();
            let name = if has_own { "tokenizer_2" } else { "tokenizer" };
            readers.push(Reader::new(load(name, tokenizer, encoder)?));
        }
        Ok(Self { config, readers, inversions: Vec::new(), backend })
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What the bits of the results depend on besides the model.
    pub fn profile(&self) -> ProfileRecord {
        self.backend.profile()
    }

    /// What runs the networks.
    pub const fn backend(&self) -> &B {
        &self.backend
    }

    /// The tokenizer, of Stable Diffusion XL the first.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.readers[0].tokenizer
    }

    /// The backend.
    pub fn backend_mut(&mut self) -> &mut B {
        &mut self.backend
    }

    /// The same pipeline with its backend's type erased.
    pub fn boxed<'a>(self) -> Pipeline<Box<dyn Backend + 'a>>
    where
        B: 'a,
    {
        let Self { config, readers, inversions, backend } = self;
        Pipeline { config, readers, inversions, backend: Box::new(backend) }
    }

    /// Checks a request, encodes its prompts and its picture, draws its noise and sets its scheduler: all that is the
    /// same for every step.
    ///
    /// # Errors
    /// [`ComputeError::Request`] or [`ComputeError::Scheduler`] for a request out of bounds; the backend's errors.
    pub fn prepare(&mut self, request: &ImageRequest) -> Result<Prepared, ComputeError> {
        request.check(&self.config)?;
        let latents = self.latent_shape(request);
        let scheduler = self.schedule(request, request.skipped_steps())?;
        let text = self.encode_prompts(request)?;
        self.backend.check_size(latents, text.conditioning.tokens)?;
        let start = self.prepare_start(request, latents)?;
        Ok(Prepared { request: request.clone(), text, scheduler, latents, start })
    }

    fn schedule(&self, request: &ImageRequest, skipped: u16) -> Result<Scheduler, SchedulerError> {
        let (steps, skipped) = (u32::from(request.num_inference_steps), u32::from(skipped));
        scheduler::build_from(request.scheduler, &self.config.scheduler, steps, skipped)
    }

    fn latent_shape(&self, request: &ImageRequest) -> LatentShape {
        let factor = self.config.vae_scale_factor();
        LatentShape {
            channels: self.config.vae.latent_channels,
            height: request.height / factor,
            width: request.width / factor,
        }
    }

    /// The state before the first step: noise from the request's seed at the schedule's first level, with the
    /// request's picture in it.
    ///
    /// # Errors
    /// [`ComputeError::Failed`] where the exact profile has no such state.
    pub fn initial_state(&self, prepared: &Prepared) -> Result<StepState, ComputeError> {
        if let Some(failed) = prepared.failed_inputs(0) {
            return Err(ComputeError::Failed(Box::new(failed)));
        }
        let state = noised(prepared, &prepared.start.noise);
        let checked = check_exact(self.is_exact(), "noise", &state.latents);
        self.located(prepared, 0, None, checked.map(|()| state))
    }

    fn is_exact(&self) -> bool {
        self.backend.as_exact().is_some()
    }

    /// The state before the first step from given noise of unit variance instead of the seed's.
    ///
    /// # Errors
    /// [`RequestError::InitLatents`] for noise of another size, [`ComputeError::State`] if it is not finite.
    pub fn initial_state_from(
        &self,
        prepared: &Prepared,
        noise: Vec<f32>,
    ) -> Result<StepState, ComputeError> {
        let expected = prepared.latents.count();
        if noise.len() != expected {
            return Err(RequestError::InitLatents { found: noise.len(), expected }.into());
        }
        let state = noised(prepared, &noise);
        state.check(prepared.state_shape(0))?;
        Ok(state)
    }

    /// Executes step `step` (1 to [`Prepared::num_steps`]): from the state before it to the state after it.
    ///
    /// # Errors
    /// [`ComputeError::State`] for a step that does not exist or a state that does not fit it;
    /// [`ComputeError::NotFinite`] or, in the exact profile, [`ComputeError::Failed`]; the backend's errors.
    pub fn step(
        &mut self,
        prepared: &Prepared,
        step: usize,
        state: &StepState,
    ) -> Result<StepState, ComputeError> {
        let num_steps = prepared.num_steps();
        if step == 0 || step > num_steps {
            return Err(StateError::NoSuchStep { step, num_steps }.into());
        }
        state.check(prepared.state_shape(step - 1))?;
        if let Some(failed) = prepared.failed_inputs(step) {
            return Err(ComputeError::Failed(Box::new(failed)));
        }
        let next = self.evaluate_all(prepared, step, state);
        self.located(prepared, step, Some(state), next)
    }

    /// All evaluations of a step.
    fn evaluate_all(
        &mut self,
        prepared: &Prepared,
        step: usize,
        state: &StepState,
    ) -> Result<StepState, ComputeError> {
        let mut next = state.clone();
        for evaluation in prepared.scheduler.evaluations(step - 1) {
            next = self.evaluate(prepared, evaluation, step, &next)?;
        }
        next.check(prepared.state_shape(step))
            .map_err(|source| ComputeError::NotFinite { stage: "unet", source })?;
        Ok(next)
    }

    /// One call of the UNet and what the scheduler makes of it.
    fn evaluate(
        &mut self,
        prepared: &Prepared,
        evaluation: usize,
        step: usize,
        state: &StepState,
    ) -> Result<StepState, ComputeError> {
        let (scheduler, is_exact) = (&prepared.scheduler, self.is_exact());
        let scaled = scheduler.scale_model_input(evaluation, &state.latents);
        check_exact(is_exact, "scheduler", &scaled)?;
        let sample = prepared.start.input(scaled);
        let shape = LatentShape { channels: self.config.unet.in_channels, ..prepared.latents };
        let timestep = scheduler.timestep(evaluation);
        let prediction = self.backend.predict_noise(&sample, shape, timestep, &prepared.text.conditioning)?;
        let guided = guide(prediction, prepared)?;
        check_exact(is_exact && prepared.text.negative.is_some(), "guidance", &guided)?;
        // A request has at most 150 steps.
        let noise = || noise::step_noise(prepared.request.seed, step as u32, prepared.latents.count());
        let mut next = scheduler.advance(evaluation, &guided, state, noise);
        for numbers in std::iter::once(&next.latents).chain(&next.history) {
            check_exact(is_exact, "scheduler", numbers)?;
        }
        prepared.start.blend(&mut next.latents, scheduler, evaluation + 1);
        Ok(next)
    }

    /// Decodes the state after the last step.
    ///
    /// # Errors
    /// [`ComputeError::State`] for a state that does not fit, [`ComputeError::NotFinite`] or, in the exact profile,
    /// [`ComputeError::Failed`], the backend's errors.
    pub fn decode(&mut self, prepared: &Prepared, state: &StepState) -> Result<DecodedImage, ComputeError> {
        let steps = prepared.num_steps();
        state.check(prepared.state_shape(steps))?;
        let decoded = self.decoded(prepared, state);
        self.located(prepared, steps + 1, Some(state), decoded)
    }

    fn decoded(&mut self, prepared: &Prepared, state: &StepState) -> Result<DecodedImage, ComputeError> {
        let values = self.backend.decode(&state.latents, prepared.latents)?;
        let decoded = DecodedImage::new(prepared.request.height, prepared.request.width, values)?;
        decoded.check_finite().map_err(|source| ComputeError::NotFinite { stage: "vae", source })?;
        Ok(decoded)
    }

    /// Draws one picture. The observer sees every boundary state and may cancel there.
    ///
    /// # Errors
    /// [`ComputeError::Cancelled`] if the observer breaks off; the errors of the single functions.
    pub fn generate(
        &mut self,
        request: &ImageRequest,
        observer: &mut dyn Observer,
    ) -> Result<Generated, ComputeError> {
        match self.draw(request, observer)? {
            Drawn::Picture(generated) => Ok(*generated),
            Drawn::Failed(failed) => Err(ComputeError::Failed(failed)),
        }
    }

    /// Draws one picture, or finds where it fails. The observer is told either.
    ///
    /// # Errors
    /// As [`Pipeline::generate`], but for [`ComputeError::Failed`].
    pub fn draw(
        &mut self,
        request: &ImageRequest,
        observer: &mut dyn Observer,
    ) -> Result<Drawn, ComputeError> {
        let prepared = self.prepare(request)?;
        let begun = self.initial_state(&prepared);
        match begun.and_then(|state| self.generate_from(&prepared, state, observer)) {
            Ok(generated) => Ok(Drawn::Picture(Box::new(generated))),
            Err(ComputeError::Failed(failed)) => {
                tell(observer, Event::Failed { failed: &failed })?;
                Ok(Drawn::Failed(failed))
            }
            Err(error) => Err(error),
        }
    }

    /// Draws one picture from a given state before the first step.
    ///
    /// # Errors
    /// As [`Pipeline::generate`].
    pub fn generate_from(
        &mut self,
        prepared: &Prepared,
        initial: StepState,
        observer: &mut dyn Observer,
    ) -> Result<Generated, ComputeError> {
        let state = self.denoise(prepared, initial, observer)?;
        let decoded = self.decode(prepared, &state)?;
        tell(observer, Event::Decoded { decoded: &decoded })?;
        Ok(Generated {
            image: decoded.to_rgb(),
            decoded,
            final_state: state,
            prompt_tokens_cut: prepared.text.prompt.num_cut,
            negative_tokens_cut: prepared.text.negative.as_ref().map_or(0, |tokens| tokens.num_cut),
        })
    }

    /// Executes every step.
    fn denoise(
        &mut self,
        prepared: &Prepared,
        initial: StepState,
        observer: &mut dyn Observer,
    ) -> Result<StepState, ComputeError> {
        let num_steps = prepared.num_steps();
        tell(observer, Event::TextEncoded { prepared })?;
        tell(observer, Event::State { step: 0, num_steps, state: &initial })?;
        let mut state = initial;
        for step in 1..=num_steps {
            state = self.step(prepared, step, &state)?;
            tell(observer, Event::State { step, num_steps, state: &state })?;
        }
        Ok(state)
    }
}

fn tell(observer: &mut dyn Observer, event: Event<'_>) -> Result<(), ComputeError> {
    match observer.on_event(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ComputeError::Cancelled),
    }
}

fn noised(prepared: &Prepared, noise: &[f32]) -> StepState {
    let scheduler = prepared.scheduler();
    StepState::new(match &prepared.start.image {
        Some(image) => scheduler.add_noise(0, image, noise),
        None => scheduler.begin(noise),
    })
}

/// Classifier-free guidance: from the negative prompt's prediction towards the prompt's.
fn guide(prediction: Vec<f32>, prepared: &Prepared) -> Result<Vec<f32>, ComputeError> {
    let (count, prompts) = (prepared.latents.count(), prepared.text.conditioning.prompts);
    if prediction.len() != count * prompts {
        return Err(ComputeError::Backend(format!(
            "the unet gave {} numbers for {prompts} x {count} latents",
            prediction.len()
        )));
    }
    if prepared.text.negative.is_none() {
        return Ok(prediction);
    }
    let (negative, prompt) = prediction.split_at(count);
    let guidance = guidance(prepared.request.guidance_scale.to_bits()).map_err(SchedulerError::from)?;
    Ok(scheduler::over(&guidance, &[negative, prompt]))
}
