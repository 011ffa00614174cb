//! A model's networks on exact kernels.

use std::collections::HashMap;
use std::num::NonZeroU16;

use dfsn_consensus::exact::math::exp;
use dfsn_consensus::exact::{Architecture, Program, TensorData, TensorId};
use dfsn_types::ProfileRecord;

use super::engine::Engine;
use super::executor::Held;
use super::simd::Isa;
use super::tracer::{TracedTensor, Tracer};
use super::weights::{Adapted, Quantising};
use super::{
    CanonicalError, ExactError, ExactModel, NetworkCall, WeightsCache, WeightsOrigin, write_weights,
};
use crate::backend::{Backend, Conditioning, LatentDistribution, LatentShape, TextEncoding, TextInput};
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::lora::Lora;
use crate::model_path::ModelPath;
use crate::pipeline::Pipeline;
use crate::weights::Networks;

/// How the exact engine is to run. The bits of results depend on none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExactOptions {
    /// Threads, at most [`ExactOptions::MAX_THREADS`]; `None` for as many as there are cores.
    pub threads: Option<NonZeroU16>,
    /// What computes.
    pub engine: ExactEngine,
}

/// What computes the exact profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExactEngine {
    /// Kernels for an instruction set; `None` for the fastest of this machine.
    Simd(Option<Isa>),
    /// The definition itself, element by element on one thread: minutes for what kernels do in milliseconds, and the
    /// measure of all of them.
    Scalar,
    /// libtorch, for GPUs. A process keeps to one number of its threads.
    #[cfg(feature = "torch")]
    Torch(crate::torch::DeviceChoice),
}

impl Default for ExactEngine {
    fn default() -> Self {
        Self::Simd(None)
    }
}

impl ExactOptions {
    /// Most threads.
    pub const MAX_THREADS: u16 = 1024;
}

/// Loads configuration, tokenizer and weights of a diffusers folder, a path or [`MemoryFiles`](crate::MemoryFiles).
///
/// # Errors
/// [`ComputeError`], naming the file and what is wrong with it.
pub fn load_pipeline(
    dir: impl Into<ModelPath>,
    options: ExactOptions,
) -> Result<Pipeline<ExactBackend>, ComputeError> {
    let config = ModelConfig::load(dir)?;
    let backend = ExactBackend::load(&config, options)?;
    Pipeline::new(config, backend)
}

/// As [`load_pipeline`], with the quantised weights from a cache, or kept there for the next time.
///
/// # Errors
/// As [`load_pipeline`]. A cache that is damaged or cannot be written is no error ([`ExactBackend::origin`] tells).
pub fn load_pipeline_cached(
    dir: impl Into<ModelPath>,
    options: ExactOptions,
    cache: &WeightsCache,
) -> Result<Pipeline<ExactBackend>, ComputeError> {
    let config = ModelConfig::load(dir)?;
    let backend = ExactBackend::load_cached(&config, options, cache)?;
    Pipeline::new(config, backend)
}

/// A model's networks in integers.
#[derive(Debug)]
pub struct ExactBackend {
    model: ExactModel,
    eos_token_ids: Vec<u32>,
    engine: Engine,
    programs: HashMap<NetworkCall, Program>,
    origin: WeightsOrigin,
    weights_root: Option<[u8; 32]>,
    tracer: Option<Tracer>,
}

impl ExactBackend {
    /// Loads and quantises the weights of a model.
    ///
    /// # Errors
    /// [`ComputeError::Weights`], naming the file and the tensor; [`ComputeError::Exact`] for what has no exact form.
    pub fn load(config: &ModelConfig, options: ExactOptions) -> Result<Self, ComputeError> {
        let networks = Networks::open(config)?;
        let model = ExactModel::of(config)?;
        let mut source = Quantising::new(&networks);
        let engine = Engine::load(&model, &model.layout()?, &mut source, options)?;
        source.refuse_unread(config)?;
        Ok(Self::new(config, model, engine, WeightsOrigin::Quantised, None))
    }

    /// As [`ExactBackend::load`], with adapters added to the weights before they are quantised: products and sums in
    /// `f64`, in the order of ranks and then of adapters, rounded to `f32` once.
    ///
    /// What is drawn then comes from another model than the one that the folder's manifest names.
    ///
    /// # Errors
    /// [`LoraError`](crate::LoraError), naming the file and the tensor; otherwise as [`ExactBackend::load`].
    pub fn load_with_loras(
        config: &ModelConfig,
        options: ExactOptions,
        loras: &[Lora],
    ) -> Result<Self, ComputeError> {
        let networks = Networks::open(config)?;
        let model = ExactModel::of(config)?;
        let layout = model.layout()?;
        let mut source = Adapted::new(Quantising::new(&networks), config, &layout, loras)?;
        let engine = Engine::load(&model, &layout, &mut source, options)?;
        source.refuse_unread(config)?;
        Ok(Self::new(config, model, engine, WeightsOrigin::Quantised, None))
    }

    /// Loads the weights of a model from its canonical file in a cache; quantises them and writes the file if it is not
    /// there or damaged. `config` is that of the model whose manifest the cache was named by.
    ///
    /// # Errors
    /// As [`ExactBackend::load`].
    pub fn load_cached(
        config: &ModelConfig,
        options: ExactOptions,
        cache: &WeightsCache,
    ) -> Result<Self, ComputeError> {
        match Self::from_cache(config, options, cache) {
            Ok(Some(backend)) => return Ok(backend),
            Ok(None) => {}
            Err(ComputeError::Exact(ExactError::Canonical(_))) => cache.discard(),
            Err(error) => return Err(error),
        }
        let reason = match cache.keep(|file| write_weights(config, options, file)) {
            Ok(()) => match Self::from_cache(config, options, cache) {
                Ok(Some(backend)) => {
                    let WeightsOrigin::Cached(path) = backend.origin else { return Ok(backend) };
                    return Ok(Self { origin: WeightsOrigin::Kept(path), ..backend });
                }
                Ok(None) => "the file is gone again".to_owned(),
                Err(ComputeError::Exact(ExactError::Canonical(error))) => error.to_string(),
                Err(error) => return Err(error),
            },
            Err(ComputeError::Exact(ExactError::Canonical(error @ CanonicalError::Write(_)))) => {
                error.to_string()
            }
            Err(error) => return Err(error),
        };
        Ok(Self { origin: WeightsOrigin::NotKept(reason), ..Self::load(config, options)? })
    }

    fn from_cache(
        config: &ModelConfig,
        options: ExactOptions,
        cache: &WeightsCache,
    ) -> Result<Option<Self>, ComputeError> {
        let model = ExactModel::of(config)?;
        let layout = model.layout()?;
        let Some(opened) = cache.open(&layout) else { return Ok(None) };
        let (mut file, path) = opened?;
        let engine = Engine::load(&model, &layout, &mut file.reader, options)?;
        let root = file.root()?;
        Ok(Some(Self::new(config, model, engine, WeightsOrigin::Cached(path), Some(root))))
    }

    fn new(
        config: &ModelConfig,
        model: ExactModel,
        engine: Engine,
        origin: WeightsOrigin,
        weights_root: Option<[u8; 32]>,
    ) -> Self {
        let configs = [Some(&config.text_encoder), config.text_encoder_2.as_ref()];
        let eos_token_ids = configs.into_iter().flatten().map(|config| config.eos_token_id).collect();
        Self { model, eos_token_ids, engine, programs: HashMap::new(), origin, weights_root, tracer: None }
    }

    /// The model's networks.
    pub const fn model(&self) -> &ExactModel {
        &self.model
    }

    /// Where the weights came from.
    pub const fn origin(&self) -> &WeightsOrigin {
        &self.origin
    }

    /// Has `tracer` told every tensor that an op writes, from the next call on: as many numbers again as were computed,
    /// so that a step takes longer.
    pub fn trace(&mut self, tracer: impl FnMut(&TracedTensor<'_>) + Send + 'static) {
        self.tracer = Some(Tracer(Box::new(tracer)));
    }

    /// BLAKE3 of the model's canonical file, if the weights came from it.
    pub const fn weights_root(&self) -> Option<[u8; 32]> {
        self.weights_root
    }

    /// The model's networks and its noise schedule, as programs are built from them.
    pub fn architecture(&self) -> Architecture {
        self.model.architecture()
    }

    /// The instruction set of the kernels in use, if it is they that compute.
    pub fn isa(&self) -> Option<Isa> {
        match &self.engine {
            Engine::Simd { kernels, .. } => Some(kernels.isa()),
            _ => None,
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
        let program = &self.programs[&key];
        // Only the UNet is called again soon.
        let keeps = matches!(key, NetworkCall::UNet { .. });
        let Some(Tracer(tracer)) = &mut self.tracer else {
            return self.engine.run(program, images, inputs, None, keeps);
        };
        let mut watch = |op, output, image, data: &TensorData| {
            tracer(&TracedTensor { call: key, program, op, output, image, data });
        };
        self.engine.run(program, images, inputs, Some(&mut watch), keeps)
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
        let mut ids: Vec<i32> = text.token_ids.iter().map(|id| i32::try_from(*id).unwrap_or(-1)).collect();
        let mut added = Vec::new();
        for (token, (place, vector)) in (shape.vocab_size..).zip(text.replaced) {
            let Some(id) = ids.get_mut(*place).filter(|_| vector.len() == shape.width) else {
                let found = vector.len();
                return Err(backend_error(format!(
                    "token {place} of {tokens} is replaced by {found} numbers"
                )));
            };
            // Far below 2^31: a table of tokens and those of one chunk.
            *id = token as i32;
            added.extend_from_slice(vector);
        }
        let key =
            NetworkCall::TextEncoder { encoder: text.encoder, tokens, clip_skip: text.clip_skip as usize };
        let mut outputs = self.run(key, 1, vec![Held::Ids { ids, added }])?.into_iter();
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
