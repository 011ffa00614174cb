//! A diffusers folder's networks in candle.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::clip::text_model::{Activation, ClipTextConfig, ClipTextTransformer};
use candle_transformers::models::stable_diffusion::ddim::DDIMSchedulerConfig;
use candle_transformers::models::stable_diffusion::schedulers::{Scheduler, SchedulerConfig};
use candle_transformers::models::stable_diffusion::unet_2d::{
    BlockConfig, UNet2DConditionModel, UNet2DConditionModelConfig,
};
use candle_transformers::models::stable_diffusion::vae::{AutoEncoderKL, AutoEncoderKLConfig};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Of every side of the comparison.
const GUIDANCE_SCALE: f64 = 4.0;

/// What all sides compute with, and what diffusers computes.
pub struct Inputs {
    /// Token ids of the negative prompt and of the prompt, `[1, tokens]` each.
    pub negative_ids: Tensor,
    pub ids: Tensor,
    /// Embeddings of both, `[2, tokens, width]`.
    pub text: Tensor,
    /// `[1, channels, height, width]`.
    pub sample: Tensor,
    pub timestep: f64,
    rows: HashMap<String, Tensor>,
}

impl Inputs {
    pub fn load(path: &Path) -> Result<Self, Box<dyn Error>> {
        let mut rows = candle_core::safetensors::load(path, &Device::Cpu)?;
        let mut take = |name: &str| rows.remove(name).ok_or_else(|| format!("the inputs lack {name:?}"));
        let ids = |ids: Tensor| ids.to_dtype(DType::U32)?.unsqueeze(0);
        Ok(Self {
            negative_ids: ids(take("negative_ids")?)?,
            ids: ids(take("ids")?)?,
            text: take("text")?,
            sample: take("sample")?,
            timestep: f64::from(take("timestep")?.to_vec1::<f32>()?[0]),
            rows,
        })
    }

    /// What diffusers found for a row.
    pub fn expected(&self, row: &str) -> Option<&Tensor> {
        self.rows.get(row)
    }
}

#[derive(Deserialize)]
struct TextConfig {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    hidden_act: String,
}

#[derive(Deserialize)]
struct UNetConfig {
    block_out_channels: Vec<usize>,
    down_block_types: Vec<String>,
    attention_head_dim: usize,
    cross_attention_dim: usize,
    layers_per_block: usize,
    norm_num_groups: usize,
    norm_eps: f64,
    use_linear_projection: bool,
}

#[derive(Deserialize)]
struct VaeConfig {
    block_out_channels: Vec<usize>,
    layers_per_block: usize,
    norm_num_groups: usize,
    scaling_factor: f64,
}

pub struct Model {
    text_encoder: ClipTextTransformer,
    unet: UNet2DConditionModel,
    vae: AutoEncoderKL,
    scaling_factor: f64,
}

impl Model {
    pub fn load(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let vae: VaeConfig = config(&folder.join("vae"))?;
        Ok(Self {
            text_encoder: text_encoder(&folder.join("text_encoder"))?,
            unet: unet(&folder.join("unet"))?,
            scaling_factor: vae.scaling_factor,
            vae: autoencoder(&folder.join("vae"), vae)?,
        })
    }

    pub fn encode_text(&self, ids: &Tensor) -> candle_core::Result<Tensor> {
        self.text_encoder.forward_with_mask(ids, usize::MAX)
    }

    /// One call of the UNet for both prompts.
    pub fn predict_noise(&self, sample: &Tensor, timestep: f64, text: &Tensor) -> candle_core::Result<Tensor> {
        self.unet.forward(&Tensor::cat(&[sample, sample], 0)?, timestep, text)
    }

    pub fn decode(&self, latents: &Tensor) -> candle_core::Result<Tensor> {
        self.vae.decode(&(latents / self.scaling_factor)?)
    }

    /// From token ids to pixels of 8 bits, `[1, height, width, 3]`.
    pub fn generate(&self, inputs: &Inputs, steps: usize) -> candle_core::Result<Tensor> {
        let text = Tensor::cat(&[self.encode_text(&inputs.negative_ids)?, self.encode_text(&inputs.ids)?], 0)?;
        let mut scheduler: Box<dyn Scheduler> = DDIMSchedulerConfig::default().build(steps)?;
        let mut latents = (&inputs.sample * scheduler.init_noise_sigma())?;
        for timestep in scheduler.timesteps().to_vec() {
            let noise_pred = self.predict_noise(&latents, timestep as f64, &text)?.chunk(2, 0)?;
            let guided = (&noise_pred[0] + ((&noise_pred[1] - &noise_pred[0])? * GUIDANCE_SCALE)?)?;
            latents = scheduler.step(&guided, timestep, &latents)?;
        }
        let image = ((self.decode(&latents)? / 2.0)? + 0.5)?.clamp(0f32, 1f32)?;
        (image * 255.0)?.to_dtype(DType::U8)?.permute((0, 2, 3, 1))?.contiguous()
    }
}

fn config<T: DeserializeOwned>(folder: &Path) -> Result<T, Box<dyn Error>> {
    let file = folder.join("config.json");
    let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", file.display()))?)
}

fn weights(file: &Path) -> Result<VarBuilder<'static>, Box<dyn Error>> {
    // SAFETY: nothing changes the model's files while this program runs.
    let weights = unsafe { VarBuilder::from_mmaped_safetensors(&[file], DType::F32, &Device::Cpu) };
    Ok(weights.map_err(|error| format!("{}: {error}", file.display()))?)
}

fn text_encoder(folder: &Path) -> Result<ClipTextTransformer, Box<dyn Error>> {
    let config: TextConfig = config(folder)?;
    if config.hidden_act != "quick_gelu" {
        return Err(format!("candle's text encoder has no activation {:?}", config.hidden_act).into());
    }
    let weights = weights(&folder.join("model.safetensors"))?;
    let is_prefixed = weights.contains_tensor("text_model.final_layer_norm.weight");
    // `stable_diffusion::clip` has the same layers, but takes the sizes of published models only.
    let sizes = ClipTextConfig {
        vocab_size: config.vocab_size,
        embed_dim: config.hidden_size,
        activation: Activation::QuickGelu,
        intermediate_size: config.intermediate_size,
        max_position_embeddings: config.max_position_embeddings,
        pad_with: None,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        projection_dim: config.hidden_size,
    };
    let weights = if is_prefixed { weights.pp("text_model") } else { weights };
    Ok(ClipTextTransformer::new(weights, &sizes)?)
}

fn unet(folder: &Path) -> Result<UNet2DConditionModel, Box<dyn Error>> {
    let config: UNetConfig = config(folder)?;
    let block = |(&out_channels, kind): (&usize, &String)| BlockConfig {
        out_channels,
        use_cross_attn: kind.starts_with("CrossAttn").then_some(1),
        // The number of heads, as in diffusers' files of that time.
        attention_head_dim: config.attention_head_dim,
    };
    let sizes = UNet2DConditionModelConfig {
        blocks: config.block_out_channels.iter().zip(&config.down_block_types).map(block).collect(),
        layers_per_block: config.layers_per_block,
        norm_num_groups: config.norm_num_groups,
        norm_eps: config.norm_eps,
        cross_attention_dim: config.cross_attention_dim,
        use_linear_projection: config.use_linear_projection,
        ..UNet2DConditionModelConfig::default()
    };
    let weights = weights(&folder.join("diffusion_pytorch_model.safetensors"))?;
    Ok(UNet2DConditionModel::new(weights, 4, 4, false, sizes)?)
}

fn autoencoder(folder: &Path, config: VaeConfig) -> Result<AutoEncoderKL, Box<dyn Error>> {
    let sizes = AutoEncoderKLConfig {
        block_out_channels: config.block_out_channels,
        layers_per_block: config.layers_per_block,
        norm_num_groups: config.norm_num_groups,
        ..AutoEncoderKLConfig::default()
    };
    let weights = weights(&folder.join("diffusion_pytorch_model.safetensors"))?;
    Ok(AutoEncoderKL::new(weights, 3, 3, sizes)?)
}
