//! A model's networks on exact kernels.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::path::Path;

use dfsn_consensus::exact::math::exp;
use dfsn_consensus::exact::{Program, TensorData, TensorId};
use dfsn_types::ProfileRecord;

use super::engine::Engine;
use super::executor::Held;
use super::simd::Isa;
use super::{ExactError, ExactModel, NetworkCall};
use crate::backend::{Backend, Conditioning, LatentDistribution, LatentShape, TextEncoding, TextInput};
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::pipeline::Pipeline;
use crate::weights::{Networks, is_unused_text_tensor};

/// How the exact engine is to run. The bits of results depend on none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExactOptions {
    /// Threads, at most [`ExactOptions::MAX_THREADS`]; `None` for as many as there are cores.
    pub threads: Option<NonZeroU16>,
    /// The instruction set; `None` for the fastest of this machine.
    pub isa: Option<Isa>,
    /// Whether to run the definition itself, element by element on one thread: minutes for what kernels do in
    /// milliseconds, and the measure of all of them.
    pub scalar: bool,
}

impl ExactOptions {
    /// Most threads.
    pub const MAX_THREADS: u16 = 1024;
}

/// Loads configuration, tokenizer and weights of a diffusers folder.
///
/// # Errors
/// [`ComputeError`], naming the file and what is wrong with it.
pub fn load_pipeline(
    dir: impl AsRef<Path>,
    options: ExactOptions,
) -> Result<Pipeline<ExactBackend>, ComputeError> {
    let config = ModelConfig::load(dir)?;
    let backend = ExactBackend::load(&config, options)?;
    Pipeline::new(config, backend)
}

/// A model's networks in integers.
#[derive(Debug)]
pub struct ExactBackend {
    model: ExactModel,
    eos_token_ids: Vec<u32>,
    engine: Engine,
    programs: HashMap<NetworkCall, Program>,
}

impl ExactBackend {
    /// Loads and quantises the weights of a model.
    ///
    /// # Errors
    /// [`ComputeError::Weights`], naming the file and the tensor; [`ComputeError::Exact`] for what has no exact form.
    pub fn load(config: &ModelConfig, options: ExactOptions) -> Result<Self, ComputeError> {
        let networks = Networks::open(config)?;
        let model = ExactModel::of(config)?;
        let engine = Engine::load(&model, &networks, options)?;
        let configs = [Some(&config.text_encoder), config.text_encoder_2.as_ref()];
        let encoders = [Some(&networks.text_encoder), networks.text_encoder_2.as_ref()];
        for (network, config) in encoders.into_iter().flatten().zip(configs.into_iter().flatten()) {
            network.refuse_unread(|name| is_unused_text_tensor(name, config.num_hidden_layers))?;
        }
        networks.unet.refuse_unread(|_| false)?;
        networks.vae.refuse_unread(|_| false)?;
        let eos_token_ids = configs.into_iter().flatten().map(|config| config.eos_token_id).collect();
        Ok(Self { model, eos_token_ids, engine, programs: HashMap::new() })
    }

    /// The instruction set in use; `None` for the definition itself.
    pub fn isa(&self) -> Option<Isa> {
        match &self.engine {
            Engine::Simd { kernels, .. } => Some(kernels.isa()),
            Engine::Scalar(_) => None,
        }
    }

    /// Runs a program of this model for one picture and shows every tensor, inputs included, as the definition has it: to be
    /// hashed, or shown in a dispute. Slower than drawing.
    ///
    /// # Errors
    /// [`ExactError`].
    pub fn observe(
        &self,
        program: &Program,
        inputs: Vec<TensorData>,
        observe: &mut dyn FnMut(TensorId, &TensorData),
    ) -> Result<Vec<TensorData>, ExactError> {
        self.engine.observe(program, inputs, observe)
    }

    fn run(
        &mut self,
        key: NetworkCall,
        images: usize,
        inputs: Vec<Held>,
    ) -> Result<Vec<Vec<f32>>, ExactError> {
        if !self.programs.contains_key(&key) {
            // A worker meets few sizes; a stranger's requests may not fill the memory.
            if self.programs.len() >= PROGRAMS_MAX {
                self.programs.clear();
            }
            self.programs.insert(key, self.model.program(key)?);
        }
        self.engine.run(&self.programs[&key], images, inputs)
    }
}

/// Programs kept for the next call.
const PROGRAMS_MAX: usize = 32;

fn backend_error(reason: String) -> ComputeError {
    ComputeError::Backend(reason)
}

/// From `[channels][pixels]` to `[pixels][channels]`.
fn to_pixels(numbers: &[f32], channels: usize) -> Vec<f32> {
    let pixels = numbers.len() / channels.max(1);
    (0..numbers.len()).map(|index| numbers[index % channels * pixels + index / channels]).collect()
}

/// Back from [`to_pixels`].
fn to_planes(numbers: &[f32], channels: usize) -> Vec<f32> {
    to_pixels(numbers, numbers.len() / channels.max(1))
}

impl Backend for ExactBackend {
    fn profile(&self) -> ProfileRecord {
        ProfileRecord::EXACT_V1
    }

    fn as_exact(&self) -> Option<&ExactBackend> {
        Some(self)
    }

    fn encode_text(&mut self, text: &TextInput<'_>) -> Result<TextEncoding, ComputeError> {
        let Some(shape) = self.model.text_encoders.get(text.encoder).copied() else {
            return Err(backend_error(format!("the model has no text encoder {}", text.encoder)));
        };
        let tokens = text.token_ids.len();
        if tokens == 0 || tokens > shape.positions {
            return Err(backend_error(format!("{tokens} tokens are not 1 to {}", shape.positions)));
        }
        if !text.replaced.is_empty() {
            let value = format!("at {} places", text.replaced.len());
            return Err(ExactError::Unsupported { key: "textual inversion", value }.into());
        }
        let ids = text.token_ids.iter().map(|id| i32::try_from(*id).unwrap_or(-1)).collect();
        let key =
            NetworkCall::TextEncoder { encoder: text.encoder, tokens, clip_skip: text.clip_skip as usize };
        let mut outputs = self.run(key, 1, vec![Held::Ids(ids)])?.into_iter();
        let embeddings = outputs.next().ok_or_else(|| backend_error("no embeddings".to_owned()))?;
        let place = pooled_place(text.token_ids, self.eos_token_ids[text.encoder]);
        let pooled = outputs.next().and_then(|all| {
            let width = all.len() / tokens;
            all.get(place * width..(place + 1) * width).map(<[f32]>::to_vec)
        });
        Ok(TextEncoding { embeddings, pooled })
    }

    fn predict_noise(
        &mut self,
        sample: &[f32],
        shape: LatentShape,
        timestep: f32,
        conditioning: &Conditioning,
    ) -> Result<Vec<f32>, ComputeError> {
        let prompts = conditioning.prompts;
        if prompts == 0 || sample.len() != shape.count() {
            return Err(backend_error(format!("{} numbers are not {shape:?}", sample.len())));
        }
        let sample = to_pixels(sample, shape.channels as usize).repeat(prompts);
        let mut inputs = vec![sample, vec![timestep; prompts], conditioning.embeddings.clone()];
        if let Some(added) = &conditioning.added {
            inputs.push(added.pooled.clone());
            inputs.push(added.time_ids.repeat(prompts));
        }
        let (height, width) = (shape.height as usize, shape.width as usize);
        let key = NetworkCall::UNet { height, width, tokens: conditioning.tokens };
        let outputs = self.run(key, prompts, inputs.into_iter().map(Held::Floats).collect())?;
        let channels = self.model.unet.out_channels;
        let planes = |image: &[f32]| to_planes(image, channels);
        Ok(outputs
            .iter()
            .flat_map(|all| all.chunks_exact(height * width * channels).flat_map(planes))
            .collect())
    }

    fn check_size(&self, latents: LatentShape, tokens: usize) -> Result<(), ComputeError> {
        let (height, width) = (latents.height as usize, latents.width as usize);
        for call in [NetworkCall::UNet { height, width, tokens }, NetworkCall::Decoder { height, width }] {
            self.model.program(call)?;
        }
        Ok(())
    }

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        let key = NetworkCall::Decoder { height: shape.height as usize, width: shape.width as usize };
        let latents = Held::Floats(to_pixels(latents, shape.channels as usize));
        let outputs = self.run(key, 1, vec![latents])?;
        let channels = self.model.decoder.image_channels;
        Ok(outputs.iter().flat_map(|image| to_planes(image, channels)).collect())
    }

    fn encode(&mut self, image: &[f32], height: u32, width: u32) -> Result<LatentDistribution, ComputeError> {
        let key = NetworkCall::Encoder { height: height as usize, width: width as usize };
        let pixels = Held::Floats(to_pixels(image, self.model.encoder.image_channels));
        let outputs = self.run(key, 1, vec![pixels])?;
        let moments = outputs.first().map(Vec::as_slice).unwrap_or_default();
        let mut mean = to_planes(moments, 2 * self.model.encoder.latent_channels);
        let log_variance = mean.split_off(mean.len() / 2);
        // As diffusers bounds it.
        let std =
            log_variance.iter().map(|log| exp(f64::from(0.5 * log.clamp(-30.0, 20.0))) as f32).collect();
        Ok(LatentDistribution { mean, std })
    }
}

/// Where the token stands whose embedding is pooled, as in transformers: early configurations hold an
/// `eos_token_id` of 2, which is not the one in use; the greatest id is meant then.
fn pooled_place(token_ids: &[u32], eos_token_id: u32) -> usize {
    let wanted = match eos_token_id {
        2 => token_ids.iter().copied().max().unwrap_or_default(),
        eos => eos,
    };
    token_ids.iter().position(|&id| id == wanted).unwrap_or_default()
}
