//! `AutoencoderKL`.

use std::path::Path;

use serde_json::Map;
use serde_json::{Value, json};

use super::json::JsonFile;
use super::{Activation, ConfigError};
use crate::model_path::ModelPath;

/// Shape of the autoencoder between pixels and latents.
#[derive(Clone, Debug, PartialEq)]
pub struct VaeConfig {
    /// Channels of a picture that is encoded, always 3.
    pub in_channels: u32,
    /// Channels of a decoded picture, always 3.
    pub out_channels: u32,
    /// Channels of the latents.
    pub latent_channels: u32,
    /// Channels of each block, from the picture's side inwards.
    pub block_out_channels: Vec<u32>,
    /// Resnets of each encoder block; decoder blocks have one more.
    pub layers_per_block: u32,
    /// Groups of every group norm.
    pub norm_num_groups: u32,
    /// Activation of the resnets.
    pub act_fn: Activation,
    /// Latents are divided by this before decoding.
    pub scaling_factor: f64,
    /// Added to the latents after the division.
    pub shift_factor: f64,
    /// Whether the middle block has a self-attention.
    pub mid_block_add_attention: bool,
    /// Whether a 1x1 convolution follows the encoder.
    pub use_quant_conv: bool,
    /// Whether a 1x1 convolution precedes the decoder.
    pub use_post_quant_conv: bool,
    /// Whether the autoencoder runs in f32 where f16 was asked for, as its numbers outgrow f16.
    pub force_upcast: bool,
    /// Side in pixels of the pictures it was trained on, and of tiles.
    pub sample_size: u32,
}

impl VaeConfig {
    /// Reads `vae/config.json`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn load(path: impl Into<ModelPath>) -> Result<Self, ConfigError> {
        Self::from_file(&JsonFile::open(&path.into())?)
    }

    /// Reads settings that are in memory already; `path` is where they come from.
    pub(crate) fn from_json(path: &Path, map: Map<String, Value>) -> Result<Self, ConfigError> {
        Self::from_file(&JsonFile::from_map(path, map))
    }

    fn from_file(file: &JsonFile) -> Result<Self, ConfigError> {
        file.require("_class_name", &[json!("AutoencoderKL")])?;
        let config = Self {
            in_channels: file.u32("in_channels", 3, 3..=3)?,
            out_channels: file.u32("out_channels", 3, 3..=3)?,
            latent_channels: file.u32("latent_channels", 4, 1..=64)?,
            block_out_channels: file.u32_list("block_out_channels", &[64], 1..=16_384)?,
            layers_per_block: file.u32("layers_per_block", 1, 1..=32)?,
            norm_num_groups: file.u32("norm_num_groups", 32, 1..=1024)?,
            act_fn: file.choice(
                "act_fn",
                Activation::Silu,
                &[("silu", Activation::Silu), ("swish", Activation::Silu), ("gelu", Activation::Gelu)],
            )?,
            scaling_factor: file.f64("scaling_factor", 0.18215, 1e-6..=1e6)?,
            shift_factor: file.f64("shift_factor", 0.0, -1e6..=1e6)?,
            mid_block_add_attention: file.bool("mid_block_add_attention", true)?,
            use_quant_conv: file.bool("use_quant_conv", true)?,
            use_post_quant_conv: file.bool("use_post_quant_conv", true)?,
            force_upcast: file.bool("force_upcast", true)?,
            sample_size: file.u32("sample_size", 32, 1..=16_384)?,
        };
        let blocks = config.block_out_channels.len();
        if blocks > 6 {
            return Err(file.unsupported("block_out_channels", "1 to 6 blocks"));
        }
        for (key, name) in
            [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")]
        {
            let types = file.choices(key, &[()], &[(name, ())])?;
            if types.len() != blocks {
                return Err(file.unsupported(key, &format!("a list of {blocks} like block_out_channels")));
            }
        }
        for &channels in &config.block_out_channels {
            if !channels.is_multiple_of(config.norm_num_groups) {
                return Err(file.unsupported("norm_num_groups", &format!("a divisor of {channels} channels")));
            }
        }
        let none: &[Value] = &[];
        file.require("latents_mean", none)?;
        file.require("latents_std", none)?;
        file.refuse_unread()?;
        Ok(config)
    }

    /// Pixels along one side for each latent along the same side.
    pub fn scale_factor(&self) -> u32 {
        // At most 6 blocks, so at most 32.
        1 << (self.block_out_channels.len() - 1)
    }
}
