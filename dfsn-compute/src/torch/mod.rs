//! The networks on libtorch, in f32.
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
mod openmp;
mod resnet;
mod unet;
mod vae;
mod weights;

use std::path::Path;

use dfsn_types::ProfileRecord;
use tch::{Device, Tensor};

use crate::backend::{Backend, Conditioning, LatentShape};
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::pipeline::Pipeline;

pub use device::{DeviceChoice, TorchOptions};
pub use error::TorchError;
pub use openmp::wait_passively;
pub use weights::WeightsError;

use clip_text::ClipTextModel;
use unet::{TextKeys, UNet2DConditionModel};
use vae::AutoencoderKl;
use weights::WeightFile;

/// A model's networks in libtorch.
#[derive(Debug)]
pub struct TorchBackend {
    device: Device,
    profile: ProfileRecord,
    text_encoder: ClipTextModel,
    unet: UNet2DConditionModel,
    vae: AutoencoderKl,
    /// What cross-attention makes of the last text, which stays the same through a picture.
    text: Option<(Conditioning, TextKeys)>,
}

/// Loads configuration, tokenizer and weights of a diffusers folder.
///
/// # Errors
/// [`ComputeError`], naming the file and what is wrong with it.
pub fn load_pipeline(
    dir: impl AsRef<Path>,
    options: TorchOptions,
) -> Result<Pipeline<TorchBackend>, ComputeError> {
    let config = ModelConfig::load(dir)?;
    let backend = TorchBackend::load(&config, options)?;
    Pipeline::new(config, backend)
}

impl TorchBackend {
    /// Loads the weights of a model.
    ///
    /// # Errors
    /// [`ComputeError::Weights`], naming the file and the tensor; [`ComputeError::Torch`].
    pub fn load(config: &ModelConfig, options: TorchOptions) -> Result<Self, ComputeError> {
        let device = device::prepare(options)?;
        let _guard = tch::no_grad_guard();
        let text_file = WeightFile::open(&config.dir.join("text_encoder/model.safetensors"), device)?;
        let text_encoder = ClipTextModel::load(&text_file, &config.text_encoder)?;
        text_file.refuse_unread(&["text_model.embeddings.position_ids", "embeddings.position_ids"])?;
        let unet_file =
            WeightFile::open(&config.dir.join("unet/diffusion_pytorch_model.safetensors"), device)?;
        let unet = UNet2DConditionModel::load(&unet_file, &config.unet)?;
        unet_file.refuse_unread(&[])?;
        let vae_file = WeightFile::open(&config.dir.join("vae/diffusion_pytorch_model.safetensors"), device)?;
        let vae = AutoencoderKl::load(&vae_file, &config.vae)?;
        // Only the decoder is run.
        vae_file.refuse_unread(&["encoder.", "quant_conv."])?;
        Ok(Self { device, profile: device::profile(device), text_encoder, unet, vae, text: None })
    }

    fn tensor(&self, numbers: &[f32], shape: &[i64]) -> Result<Tensor, TorchError> {
        Ok(Tensor::f_from_slice(numbers)?.f_view(shape)?.f_to_device(self.device)?)
    }

    /// Makes `self.text` hold the keys of this text; within one picture they are there already.
    fn prepare_text(&mut self, conditioning: &Conditioning) -> Result<(), TorchError> {
        if self.text.as_ref().is_none_or(|(known, _)| known != conditioning) {
            let shape = [conditioning.prompts as i64, conditioning.tokens as i64, -1];
            let keys = self.unet.text_keys(&self.tensor(&conditioning.embeddings, &shape)?)?;
            self.text = Some((conditioning.clone(), keys));
        }
        Ok(())
    }
}

fn dims(batch: usize, shape: LatentShape) -> [i64; 4] {
    [batch as i64, i64::from(shape.channels), i64::from(shape.height), i64::from(shape.width)]
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>, TorchError> {
    let tensor = tensor.f_to_device(Device::Cpu)?.f_contiguous()?;
    let mut numbers = vec![0.0; tensor.numel()];
    let count = numbers.len();
    tensor.f_copy_data(&mut numbers, count)?;
    Ok(numbers)
}

impl Backend for TorchBackend {
    fn profile(&self) -> ProfileRecord {
        self.profile.clone()
    }

    fn encode_text(&mut self, token_ids: &[u32]) -> Result<Vec<f32>, ComputeError> {
        let _guard = tch::no_grad_guard();
        let ids: Vec<i64> = token_ids.iter().map(|&id| i64::from(id)).collect();
        let ids = Tensor::f_from_slice(&ids)
            .and_then(|ids| ids.f_to_device(self.device))
            .map_err(TorchError::from)?;
        Ok(numbers(&self.text_encoder.forward(&ids)?)?)
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
        let Some((_, keys)) = &self.text else {
            return Err(ComputeError::Backend("no text was prepared".to_owned()));
        };
        let sample = self.tensor(sample, &dims(1, shape))?;
        let batch = dims(conditioning.prompts, shape);
        let sample = sample.f_expand(batch, false).map_err(TorchError::from)?;
        Ok(numbers(&self.unet.forward(&sample, timestep, keys)?)?)
    }

    fn decode(&mut self, latents: &[f32], shape: LatentShape) -> Result<Vec<f32>, ComputeError> {
        let _guard = tch::no_grad_guard();
        let latents = self.tensor(latents, &dims(1, shape))?;
        Ok(numbers(&self.vae.decode(&latents)?)?)
    }
}
