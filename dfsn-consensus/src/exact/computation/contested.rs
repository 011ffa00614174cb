//! From a request to the programs behind one boundary of its trace.

use dfsn_types::{Boundary, GenerationParams, TraceShape};
use thiserror::Error;

use super::super::config::Architecture;
use super::super::data::TensorData;
use super::super::ieee::Single;
use super::super::networks::step::{self, ImageSize, NoiseSource};
use super::super::networks::{decoder, unet};
use super::super::noise::{draws, step_seed};
use super::super::program::{Program, ProgramError};
use super::super::scheduler::{Evaluation, Schedule, SchedulerError};
use super::super::soft::{SoftDouble, SoftSingle};
use super::super::tensor::TensorId;
use super::{Binding, Computation};

/// Chunks of text that a prompt has at most (rule GEN-09).
pub const TEXT_CHUNKS_MAX: usize = 8;

/// A state of a trace, and what the chain knows of how it came about.
#[derive(Clone, Copy, Debug)]
pub struct ContestedState<'a> {
    /// The model's networks.
    pub architecture: &'a Architecture,
    /// The request.
    pub params: &'a GenerationParams,
    /// Pixels of a picture per latent pixel, along one side.
    pub vae_scale_factor: u8,
    /// Which state.
    pub boundary: Boundary,
}

/// Why arithmetic cannot tell what a state follows from (rule ARI-01).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ComputationError {
    /// A network has no program for this size.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The scheduler has no such steps.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    /// A number of inputs that nothing is computed from.
    #[error("boundary {boundary} does not follow from {actual} given inputs")]
    Given {
        /// The boundary.
        boundary: u16,
        /// Inputs.
        actual: usize,
    },
    /// A UNet that is shown more than latents.
    #[error("the unet reads {unet} channels and the latents have {latents}")]
    Channels {
        /// The UNet's.
        unet: usize,
        /// The latents'.
        latents: usize,
    },
    /// A tensor too large for the piece that differs to be found.
    #[error("a tensor is too large for a level")]
    TooLarge,
}

impl ContestedState<'_> {
    /// Whether so many inputs can be given (rule ARI-02): latents of the initial image, or the text's embeddings.
    pub fn takes(&self, given: usize) -> bool {
        let t = self.boundary.t;
        if t == 0 {
            given == usize::from(self.has_image())
        } else if t < TraceShape::of(self.params).decoded() {
            self.chunks(given).is_some()
        } else {
            given == 0
        }
    }

    /// What the state follows from, if so many inputs are given.
    ///
    /// # Errors
    /// [`ComputationError`].
    pub fn computation(&self, given: usize) -> Result<Computation, ComputationError> {
        let t = self.boundary.t;
        let wrong = ComputationError::Given { boundary: t, actual: given };
        if !self.takes(given) {
            return Err(wrong);
        }
        let decoded = TraceShape::of(self.params).decoded();
        let computation = match t {
            0 => self.initial_state()?,
            _ if t == decoded => {
                let ImageSize { height, width, .. } = self.latents();
                Computation::decode(self.architecture, height, width)?
            }
            _ => self.step(self.chunks(given).ok_or(wrong)?)?,
        };
        if computation.can_be_searched() { Ok(computation) } else { Err(ComputationError::TooLarge) }
    }

    /// Chunks of each prompt, if so many inputs are given.
    fn chunks(&self, given: usize) -> Option<usize> {
        let prompts = self.prompts();
        let each = given.checked_div(prompts).filter(|each| each.saturating_mul(prompts) == given)?;
        let pooled = usize::from(self.architecture.unet.add_embedding.is_some());
        each.checked_sub(pooled).filter(|chunks| (1..=TEXT_CHUNKS_MAX).contains(chunks))
    }

    fn initial_state(&self) -> Result<Computation, ComputationError> {
        let (size, has_image) = (self.latents(), self.has_image());
        // A sample of the image's latents is drawn before.
        let offset = if has_image { draws(count(size)) } else { 0 };
        let noise = NoiseSource { seed: self.seed(), offset };
        let program = step::initial_state(&self.schedule()?, size, noise, has_image)?;
        let inputs = has_image.then_some(Binding::Given(0)).into_iter().collect();
        Ok(Computation::of([(program, inputs)])?)
    }

    fn step(&self, chunks: usize) -> Result<Computation, ComputationError> {
        let (size, network) = (self.latents(), &self.architecture.unet);
        let latents = size.channels;
        for unet in [network.in_channels, network.out_channels] {
            if unet != latents {
                return Err(ComputationError::Channels { unet, latents });
            }
        }
        let tokens = chunks.saturating_mul(self.positions());
        let network = unet(network, size.height, size.width, tokens)?;
        let schedule = self.schedule()?;
        let index = usize::from(self.boundary.t).saturating_sub(1);
        let mut calls = Calls::default();
        let mut state = vec![Binding::Before];
        let history = schedule.history_length(index);
        if history > 0 {
            state = calls.push(step::state_parts(size, history.saturating_add(1))?, state);
        }
        let texts = self.texts(&mut calls, chunks)?;
        for evaluation in schedule.evaluations().get(schedule.step(index)).unwrap_or_default() {
            state = self.evaluate(&mut calls, evaluation, &network, &texts, state)?;
        }
        if state.len() > 1 {
            calls.push(step::joined_state(size, state.len())?, state);
        }
        Ok(Computation::of(calls.0)?)
    }

    /// One evaluation of the UNet for each prompt, and what follows: from a state to the next.
    fn evaluate(
        &self,
        calls: &mut Calls,
        evaluation: &Evaluation,
        network: &Program,
        texts: &[Vec<Binding>],
        state: Vec<Binding>,
    ) -> Result<Vec<Binding>, ComputationError> {
        let (size, step) = (self.latents(), self.boundary.t);
        let latents = state.first().cloned().into_iter().collect();
        let sample = calls.push(step::model_input(evaluation, size, None)?, latents);
        let timestep = Binding::Fixed(TensorData::F32(vec![evaluation.timestep]));
        let mut inputs = state;
        for text in texts {
            let given = sample.iter().chain([&timestep]).chain(text).cloned().collect();
            inputs.extend(calls.push(network.clone(), given));
        }
        let noise = NoiseSource { seed: step_seed(self.seed(), step.into()), offset: 0 };
        let scale = self.params.guidance_scale();
        let scale = scale.is_guided().then(|| scale.to_f32().to_bits());
        Ok(calls.push(step::advance(evaluation, size, scale, noise)?, inputs))
    }

    /// What the UNet is given for each prompt, the negative one first.
    fn texts(&self, calls: &mut Calls, chunks: usize) -> Result<Vec<Vec<Binding>>, ComputationError> {
        let width = self.architecture.unet.cross_attention_dim;
        let mut given = (0_usize..).map(Binding::Given);
        let mut texts = Vec::new();
        for _ in 0..self.prompts() {
            let mut text: Vec<Binding> = given.by_ref().take(chunks).collect();
            if chunks > 1 {
                text = calls.push(step::joined_text(chunks, self.positions(), width)?, text);
            }
            if self.architecture.unet.add_embedding.is_some() {
                text.extend(given.by_ref().take(1));
                text.push(Binding::Fixed(self.time_ids()));
            }
            texts.push(text);
        }
        Ok(texts)
    }

    /// The size before and after cropping, which is none, as Stable Diffusion XL is told.
    fn time_ids(&self) -> TensorData {
        let side = |pixels: u16| SoftSingle::from_i32(pixels.into()).to_bits();
        let [height, width] = [self.params.size().height(), self.params.size().width()].map(side);
        TensorData::F32(vec![height, width, 0, 0, height, width])
    }

    fn schedule(&self) -> Result<Schedule, SchedulerError> {
        let steps = self.params.num_inference_steps();
        let skipped = steps.saturating_sub(self.params.executed_steps());
        let (kind, shape) = (self.params.scheduler(), &self.architecture.scheduler);
        Schedule::new::<SoftDouble>(kind, shape, steps.into(), skipped.into())
    }

    fn latents(&self) -> ImageSize {
        let factor = u16::from(self.vae_scale_factor);
        let side = |pixels: u16| usize::from(pixels.checked_div(factor).unwrap_or(0));
        let (size, channels) = (self.params.size(), self.architecture.decoder.latent_channels);
        ImageSize { channels, height: side(size.height()), width: side(size.width()) }
    }

    fn seed(&self) -> u32 {
        self.params.image_seed(self.boundary.image)
    }

    const fn has_image(&self) -> bool {
        self.params.init_image().is_some()
    }

    const fn prompts(&self) -> usize {
        if self.params.guidance_scale().is_guided() { 2 } else { 1 }
    }

    /// Tokens of a chunk.
    fn positions(&self) -> usize {
        self.architecture.text_encoders.first().map_or(0, |encoder| encoder.positions)
    }
}

impl Computation {
    /// The decoder's output from the last state's latents.
    ///
    /// # Errors
    /// [`ProgramError`] where a network has no program for this size.
    pub fn decode(
        architecture: &Architecture,
        latent_height: usize,
        latent_width: usize,
    ) -> Result<Self, ProgramError> {
        let vae = &architecture.decoder;
        let latents = ImageSize { channels: vae.latent_channels, height: latent_height, width: latent_width };
        let network = decoder(vae, latent_height, latent_width)?;
        let &[height, width, channels] = output_dims(&network) else {
            return Err(ProgramError::Size(output_dims(&network).to_vec()));
        };
        let mut calls = Calls::default();
        let pixels = calls.push(step::decoder_input(latents)?, vec![Binding::Before]);
        let image = calls.push(network, pixels);
        calls.push(step::decoded(ImageSize { channels, height, width })?, image);
        Self::of(calls.0)
    }
}

/// Programs in their order.
#[derive(Debug, Default)]
struct Calls(Vec<(Program, Vec<Binding>)>);

impl Calls {
    /// Adds one; its outputs.
    fn push(&mut self, program: Program, inputs: Vec<Binding>) -> Vec<Binding> {
        let call = self.0.len();
        let outputs =
            (0..program.outputs().len()).map(|position| Binding::Output { call, position }).collect();
        self.0.push((program, inputs));
        outputs
    }
}

fn output_dims(program: &Program) -> &[usize] {
    program.outputs().first().and_then(|id: &TensorId| program.tensor(*id)).map_or(&[], |spec| &spec.dims)
}

const fn count(size: ImageSize) -> usize {
    size.channels.saturating_mul(size.height).saturating_mul(size.width)
}
