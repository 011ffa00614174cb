//! The networks on libtorch.
//!
//! ```
//! use dfsn_compute::torch::load_pipeline;
//! use dfsn_compute::{ImageRequest, NoObserver, TorchOptions};
//!
//! let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/emoji-64");
//! let mut pipeline = load_pipeline(folder, TorchOptions::default())?;
//! let request = ImageRequest {
//!     prompt: "a fox on a blue background".to_owned(),
//!     num_inference_steps: 2,
//!     ..ImageRequest::for_model(pipeline.config())
//! };
//! let picture = pipeline.generate(&request, &mut NoObserver)?;
//! assert_eq!((picture.image.height(), picture.image.width()), (64, 64));
//! # Ok::<(), dfsn_compute::ComputeError>(())
//! ```

mod clip_text;
mod device;
mod error;
mod layers;
mod lora;
mod process;
mod resnet;
mod unet;
mod vae;
mod weights;

use std::path::Path;

use dfsn_types::ProfileRecord;
use tch::{Device, Kind, Tensor};

use crate::backend::{Backend, Conditioning, LatentDistribution, LatentShape, TextEncoding, TextInput};
use crate::config::{Family, ModelConfig, TextEncoderConfig};
use crate::error::ComputeError;
use crate::model_path::ModelPath;
use crate::pipeline::Pipeline;
use crate::weights::{Networks, infer_config, is_unused_text_tensor};

pub(crate) use device::prepare;
pub use device::{DeviceChoice, Dtype, TorchOptions};
pub use error::TorchError;
pub use lora::LoraMode;
pub use process::prepare_process;

use clip_text::{ClipOutput, ClipTextModel};
use lora::NetworkLayers;
use unet::{TextKeys, UNet2DConditionModel};
use vae::AutoencoderKl;
use weights::{Placement, Weights};

/// A model's networks in libtorch.
#[derive(Debug)]
pub struct TorchBackend {
    device: Device,
    kind: Kind,
    profile: ProfileRecord,
    text_encoders: Vec<ClipTextModel>,
    unet: UNet2DConditionModel,
    vae: AutoencoderKl,
    layers: NetworkLayers,
    /// What the UNet makes of the last text, which stays the same through a picture.
    text: Option<PreparedText>,
}

#[derive(Debug)]
struct PreparedText {
    conditioning: Conditioning,
    keys: TextKeys,
    added: Option<Tensor>,
}

/// Loads configuration, tokenizer and weights of a diffusers folder.
///
/// # Errors
/// [`ComputeError`], naming the file and what is wrong with it.
pub fn load_pipeline(
    dir: impl Into<ModelPath>,
    options: TorchOptions,
) -> Result<Pipeline<TorchBackend>, ComputeError> {
    let config = ModelConfig::load(dir)?;
    let backend = TorchBackend::load(&config, options)?;
    Pipeline::new(config, backend)
}

/// Loads a single file in the layout of the original releases. `dir` lends it what the file lacks: a diffusers folder,
/// without weights, whose configuration is taken; or just its `tokenizer` (and `tokenizer_2`), the rest then follows
/// from the tensors as [`infer_config`] tells.
///
/// # Errors
/// [`ComputeError`], naming the file and what is wrong with it.
pub fn load_single_file(
    file: impl AsRef<Path>,
    dir: impl AsRef<Path>,
    options: TorchOptions,
) -> Result<Pipeline<TorchBackend>, ComputeError> {
    let (file, dir) = (file.as_ref(), dir.as_ref());
    let config = if dir.join("model_index.json").exists() {
        ModelConfig { checkpoint: Some(file.to_owned()), ..ModelConfig::load(dir)? }
    } else {
        infer_config(file, dir, None)?
    };
    let backend = TorchBackend::load(&config, options)?;
    Pipeline::new(config, backend)
}

impl TorchBackend {
    /// Loads the weights of a model. No more memory is taken than the weights need, but for the largest of them.
    ///
    /// # Errors
    /// [`ComputeError::Weights`], naming the file and the tensor; [`ComputeError::Torch`].
    pub fn load(config: &ModelConfig, options: TorchOptions) -> Result<Self, ComputeError> {
        let device = device::prepare(options)?;
        let _guard = tch::no_grad_guard();
        let kind = options.dtype.kind();
        let vae_kind = options.dtype.vae_kind(&config.vae);
        let place = |kind| Placement { device, kind, seamless: options.seamless };
        let networks = Networks::open(config)?;
        let open = |network| Weights::new(network, place(kind));

        let is_xl = config.family != Family::StableDiffusion;
        let output = if is_xl { ClipOutput::Penultimate } else { ClipOutput::Last };
        let mut text_encoders = Vec::new();
        let mut text_layers = Vec::new();
        let mut load_text = |weights: Weights, config: &TextEncoderConfig, has_projection| {
            text_encoders.push(ClipTextModel::load(&weights, config, output, has_projection)?);
            weights.refuse_unread(|name| is_unused_text_tensor(name, config.num_hidden_layers))?;
            text_layers.push(weights.into_layers());
            Ok::<_, ComputeError>(())
        };
        load_text(open(networks.text_encoder), &config.text_encoder, false)?;
        if let (Some(network), Some(config)) = (networks.text_encoder_2, &config.text_encoder_2) {
            load_text(open(network), config, true)?;
        }
        let unet_weights = open(networks.unet);
        let unet = UNet2DConditionModel::load(&unet_weights, &config.unet)?;
        unet_weights.refuse_unread(|_| false)?;
        let vae_weights = Weights::new(networks.vae, place(vae_kind));
        let vae = AutoencoderKl::load(&vae_weights, &config.vae, vae_kind, options.vae_tiling)?;
        vae_weights.refuse_unread(|_| false)?;
        let layers = NetworkLayers::new(&config.unet, unet_weights.into_layers(), text_layers);
        let profile = device::profile(device, options);
        Ok(Self { device, kind, profile, text_encoders, unet, vae, layers, text: None })
    }

    fn tensor(&self, numbers: &[f32], shape: &[i64]) -> Result<Tensor, TorchError> {
        Ok(Tensor::f_from_slice(numbers)?.f_view(shape)?.f_to_device(self.device)?)
    }

    /// Makes `self.text` hold what the UNet makes of this text; within one picture it is there already.
    fn prepare_text(&mut self, conditioning: &Conditioning) -> Result<(), TorchError> {
        if self.text.as_ref().is_some_and(|text| text.conditioning == *conditioning) {
            return Ok(());
        }
        let prompts = conditioning.prompts as i64;
        let shape = [prompts, conditioning.tokens as i64, -1];
        let embeddings = self.tensor(&conditioning.embeddings, &shape)?.f_to_kind(self.kind)?;
        let keys = self.unet.text_keys(&embeddings)?;
        let added = match &conditioning.added {
            Some(added) => {
                let pooled = self.tensor(&added.pooled, &[prompts, -1])?;
                self.unet.added(&pooled, &added.time_ids)?
            }
            None => None,
        };
        self.text = Some(PreparedText { conditioning: conditioning.clone(), keys, added });
        Ok(())
    }
}

fn dims(batch: usize, shape: LatentShape) -> [i64; 4] {
    [batch as i64, i64::from(shape.channels), i64::from(shape.height), i64::from(shape.width)]
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>, TorchError> {
    let tensor = tensor.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let mut numbers = vec![0.0; tensor.numel()];
    let count = numbers.len();
    tensor.f_copy_data(&mut numbers, count)?;
    Ok(numbers)
}

impl Backend for TorchBackend {
    fn profile(&self) -> ProfileRecord {
        self.profile.clone()
    }

    fn encode_text(&mut self, text: &TextInput<'_>) -> Result<TextEncoding, ComputeError> {
        let _guard = tch::no_grad_guard();
        let Some(encoder) = self.text_encoders.get(text.encoder) else {
            return Err(ComputeError::Backend(format!("the model has no text encoder {}", text.encoder)));
        };
        let count = text.token_ids.len();
        if count == 0 || count > encoder.positions() {
            let positions = encoder.positions();
            return Err(ComputeError::Backend(format!("{count} tokens are not 1 to {positions}")));
        }
        let token_ids: Vec<i64> = text.token_ids.iter().map(|&id| i64::from(id)).collect();
        let ids = Tensor::f_from_slice(&token_ids)
            .and_then(|ids| ids.f_to_device(self.device))
            .map_err(TorchError::from)?;
        let embedded = encoder.embed(&ids)?;
        for (position, embedding) in text.replaced {
            if *position >= count || embedding.len() != encoder.width() {
                return Err(ComputeError::Backend(format!(
                    "an embedding of width {} for position {position} fits none of {count} tokens of width {}",
                    embedding.len(),
                    encoder.width()
                )));
            }
            let embedding = self.tensor(embedding, &[-1])?;
            embedded
                .f_select(0, *position as i64)
                .and_then(|mut row| row.f_copy_(&embedding))
                .map_err(TorchError::from)?;
        }
        let encoding = encoder.forward(&embedded, &token_ids, text.clip_skip as usize)?;
        Ok(TextEncoding {
            embeddings: numbers(&encoding.embeddings)?,
            pooled: encoding.pooled.as_ref().map(numbers).transpose()?,
        })
    }

    fn predict_noise(
        &mut self,
        sample: &[f32],
        shape: LatentShape,
        timestep: f32,
        conditioning: &Conditioning,
    ) -> Result<Vec<f32>, ComputeError> {
        let _guard = tch::no_grad_guard();
        self.prepare_text(conditioning)?;
        let Some(PreparedText { keys, added, .. }) = &self.text else {
            return Err(ComputeError::Backend("no text was prepared".to_owned()));
        };
        let sample = self.tensor(sample, &dims(1, shape))?;
        let batch = dims(conditioning.prompts, shape);
        let sample = sample
            .f_to_kind(self.kind)
            .and_then(|sample| sample.f_expand(batch, false))
            .map_err(TorchError::from)?;
        Ok(numbers(&self.unet.forward(&sample, timestep, keys, added.as_ref())?)?)
    }

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        let _guard = tch::no_grad_guard();
        let latents = self.tensor(latents, &dims(1, shape))?;
        Ok(numbers(&self.vae.decode(&latents)?)?)
    }

    fn encode(&mut self, image: &[f32], height: u32, width: u32) -> Result<LatentDistribution, ComputeError> {
        let _guard = tch::no_grad_guard();
        let image = self.tensor(image, &[1, 3, i64::from(height), i64::from(width)])?;
        let (mean, std) = self.vae.encode(&image)?;
        Ok(LatentDistribution { mean: numbers(&mean)?, std: numbers(&std)? })
    }
}
