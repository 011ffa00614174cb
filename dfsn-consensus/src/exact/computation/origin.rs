//! The programs behind one state of a picture.

use thiserror::Error;

use super::super::config::Architecture;
use super::super::data::TensorData;
use super::super::ieee::Single;
use super::super::networks::step::{self, ImageSize, NoiseSource};
use super::super::networks::{decoder, unet};
use super::super::noise::{draws, step_seed};
use super::super::program::{Program, ProgramError};
use super::super::scheduler::{Evaluation, Schedule, SchedulerError};
use super::super::soft::SoftSingle;
use super::super::tensor::TensorId;
use super::{Binding, Computation};

/// Chunks of text that a prompt has at most (rule GEN-09).
pub const TEXT_CHUNKS_MAX: usize = 8;

/// What a state of a picture follows from: the model's networks, and what the request comes down to.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The model's networks.
    pub architecture: &'a Architecture,
    /// The request's steps.
    pub schedule: &'a Schedule,
    /// Size of the latents.
    pub latents: ImageSize,
    /// Height and width of the picture.
    pub pixels: [u16; 2],
    /// Seed of the image.
    pub seed: u32,
    /// Bits of the guidance's scale, if it is on.
    pub guidance: Option<u32>,
    /// Whether the picture starts from another one.
    pub has_image: bool,
    /// Which state: 0 before the first step, `t` after step `t`, one more for the decoder's output.
    pub boundary: u16,
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
    /// More tensors than can be posted, or one too large for the piece that differs to be found.
    #[error("the computation has too many tensors, or one that is too large for a level")]
    TooLarge,
}

impl Origin<'_> {
    /// What the state follows from, if so many inputs are given, however large that is.
    ///
    /// # Errors
    /// [`ComputationError`], but never [`ComputationError::TooLarge`].
    pub fn computation(&self, given: usize) -> Result<Computation, ComputationError> {
        let t = self.boundary;
        let wrong = ComputationError::Given { boundary: t, actual: given };
        let expected = usize::from(t == 0 && self.has_image);
        Ok(match usize::from(t) {
            0 if given == expected => self.initial_state()?,
            0 => return Err(wrong),
            step if step <= self.schedule.num_steps() => {
                self.step(text_chunks(self.architecture, self.guidance, given).ok_or(wrong)?)?
            }
            _ if given == 0 => {
                let ImageSize { height, width, .. } = self.latents;
                Computation::decode(self.architecture, height, width)?
            }
            _ => return Err(wrong),
        })
    }

    fn initial_state(&self) -> Result<Computation, ComputationError> {
        let size = self.latents;
        // A sample of the image's latents is drawn before.
        let offset = if self.has_image { draws(count(size)) } else { 0 };
        let noise = NoiseSource { seed: self.seed, offset };
        let program = step::initial_state(self.schedule, size, noise, self.has_image)?;
        let inputs = self.has_image.then_some(Binding::Given(0)).into_iter().collect();
        Ok(Computation::of([(program, inputs)]))
    }

    fn step(&self, chunks: usize) -> Result<Computation, ComputationError> {
        let (size, network) = (self.latents, &self.architecture.unet);
        let latents = size.channels;
        for unet in [network.in_channels, network.out_channels] {
            if unet != latents {
                return Err(ComputationError::Channels { unet, latents });
            }
        }
        let tokens = chunks.saturating_mul(self.positions());
        let network = unet(network, size.height, size.width, tokens)?;
        let index = usize::from(self.boundary).saturating_sub(1);
        let mut calls = Calls::default();
        let mut state = vec![Binding::Before];
        let history = self.schedule.history_length(index);
        if history > 0 {
            state = calls.push(step::state_parts(size, history.saturating_add(1))?, state);
        }
        let texts = self.texts(&mut calls, chunks)?;
        for evaluation in self.schedule.evaluations().get(self.schedule.step(index)).unwrap_or_default() {
            state = self.evaluate(&mut calls, evaluation, &network, &texts, state)?;
        }
        if state.len() > 1 {
            calls.push(step::joined_state(size, state.len())?, state);
        }
        Ok(Computation::of(calls.0))
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
        let size = self.latents;
        let latents = state.first().cloned().into_iter().collect();
        let sample = calls.push(step::model_input(evaluation, size, None)?, latents);
        let timestep = Binding::Fixed(TensorData::F32(vec![evaluation.timestep]));
        let mut inputs = state;
        for text in texts {
            let given = sample.iter().chain([&timestep]).chain(text).cloned().collect();
            inputs.extend(calls.push(network.clone(), given));
        }
        let noise = NoiseSource { seed: step_seed(self.seed, self.boundary.into()), offset: 0 };
        Ok(calls.push(step::advance(evaluation, size, self.guidance, noise)?, inputs))
    }

    /// What the UNet is given for each prompt, the negative one first.
    fn texts(&self, calls: &mut Calls, chunks: usize) -> Result<Vec<Vec<Binding>>, ComputationError> {
        let width = self.architecture.unet.cross_attention_dim;
        let mut given = (0_usize..).map(Binding::Given);
        let mut texts = Vec::new();
        for _ in 0..prompts(self.guidance) {
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
        let [height, width] = self.pixels.map(side);
        TensorData::F32(vec![height, width, 0, 0, height, width])
    }

    /// Tokens of a chunk.
    fn positions(&self) -> usize {
        self.architecture.text_encoders.first().map_or(0, |encoder| encoder.positions)
    }
}

/// Chunks of each prompt, if so many inputs of a step are given.
pub(super) fn text_chunks(architecture: &Architecture, guidance: Option<u32>, given: usize) -> Option<usize> {
    let prompts = prompts(guidance);
    let each = given.checked_div(prompts).filter(|each| each.saturating_mul(prompts) == given)?;
    let pooled = usize::from(architecture.unet.add_embedding.is_some());
    each.checked_sub(pooled).filter(|chunks| (1..=TEXT_CHUNKS_MAX).contains(chunks))
}

const fn prompts(guidance: Option<u32>) -> usize {
    if guidance.is_some() { 2 } else { 1 }
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
        Ok(Self::of(calls.0))
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
