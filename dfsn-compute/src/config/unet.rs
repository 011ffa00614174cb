//! `UNet2DConditionModel`.

use std::path::Path;

use serde_json::Map;
use serde_json::{Value, json};

use super::json::JsonFile;
use super::{Activation, ConfigError};
use crate::model_path::ModelPath;

/// Shape of the UNet. Lists hold one entry for each block, from the picture's side inwards.
#[derive(Clone, Debug, PartialEq)]
pub struct UNetConfig {
    /// Channels of the latents that come in.
    pub in_channels: u32,
    /// Channels of the prediction that goes out.
    pub out_channels: u32,
    /// Side of the latents the model was trained on.
    pub sample_size: Option<u32>,
    /// Channels of each block.
    pub block_out_channels: Vec<u32>,
    /// Kinds of the blocks on the way down.
    pub down_block_types: Vec<DownBlockType>,
    /// Kinds of the blocks on the way up, innermost first.
    pub up_block_types: Vec<UpBlockType>,
    /// Resnets of each block on the way down; the way up has one more.
    pub layers_per_block: Vec<u32>,
    /// Basic transformer blocks in each transformer of a block.
    pub transformer_layers_per_block: Vec<u32>,
    /// Attention heads of each block (the JSON calls them `attention_head_dim`).
    pub num_attention_heads: Vec<u32>,
    /// Width of the text embeddings.
    pub cross_attention_dim: u32,
    /// Groups of every group norm.
    pub norm_num_groups: u32,
    /// Epsilon of the resnets' and the output's group norms.
    pub norm_eps: f64,
    /// Activation of the resnets.
    pub act_fn: Activation,
    /// Whether the transformers' projections are stored as linear layers.
    pub use_linear_projection: bool,
    /// Whether the cosine half of the time embedding comes first.
    pub flip_sin_to_cos: bool,
    /// Shift in the time embedding's frequencies.
    pub freq_shift: f64,
    /// Width of the time embedding.
    pub time_embedding_dim: u32,
    /// Padding of the downsampling convolutions.
    pub downsample_padding: u32,
    /// Whether the input is mapped to `2x - 1` first.
    pub center_input_sample: bool,
    /// Whether attention is computed in f32 whatever the data type.
    pub upcast_attention: bool,
    /// What is embedded besides the timestep, as in Stable Diffusion XL.
    pub add_embedding: Option<AddEmbeddingConfig>,
}

/// `addition_embed_type` `text_time`: the pooled text and six numbers about the picture's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddEmbeddingConfig {
    /// Sines and cosines of each of the six numbers (`addition_time_embed_dim`).
    pub time_embed_dim: u32,
    /// Width of the pooled text and all sines and cosines (`projection_class_embeddings_input_dim`).
    pub input_dim: u32,
}

impl AddEmbeddingConfig {
    /// Original height and width, crop's top and left, target height and width.
    pub const TIME_IDS: u32 = 6;

    /// Width of the pooled text.
    pub const fn pooled_dim(self) -> u32 {
        self.input_dim - Self::TIME_IDS * self.time_embed_dim
    }
}

/// A block on the way down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownBlockType {
    /// `DownBlock2D`: resnets only.
    Plain,
    /// `CrossAttnDownBlock2D`: a transformer after each resnet.
    CrossAttention,
}

/// A block on the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpBlockType {
    /// `UpBlock2D`: resnets only.
    Plain,
    /// `CrossAttnUpBlock2D`: a transformer after each resnet.
    CrossAttention,
}

const DOWN_BLOCKS: [(&str, DownBlockType); 2] =
    [("DownBlock2D", DownBlockType::Plain), ("CrossAttnDownBlock2D", DownBlockType::CrossAttention)];
const UP_BLOCKS: [(&str, UpBlockType); 2] =
    [("UpBlock2D", UpBlockType::Plain), ("CrossAttnUpBlock2D", UpBlockType::CrossAttention)];
const MAX_CHANNELS: u32 = 16_384;

impl UNetConfig {
    /// Reads `unet/config.json`.
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
        use {DownBlockType as Down, UpBlockType as Up};
        file.require("_class_name", &[json!("UNet2DConditionModel")])?;

        let block_out_channels =
            file.u32_list("block_out_channels", &[320, 640, 1280, 1280], 1..=MAX_CHANNELS)?;
        let blocks = block_out_channels.len();
        let heads_key = if file.get("num_attention_heads").is_some() {
            "num_attention_heads"
        } else {
            "attention_head_dim"
        };
        file.get("attention_head_dim");
        let down_default = [Down::CrossAttention, Down::CrossAttention, Down::CrossAttention, Down::Plain];
        let up_default = [Up::Plain, Up::CrossAttention, Up::CrossAttention, Up::CrossAttention];

        let config = Self {
            in_channels: file.u32("in_channels", 4, 1..=64)?,
            out_channels: file.u32("out_channels", 4, 1..=64)?,
            sample_size: file.optional_u32("sample_size", 1..=4096)?,
            down_block_types: file.choices("down_block_types", &down_default, &DOWN_BLOCKS)?,
            up_block_types: file.choices("up_block_types", &up_default, &UP_BLOCKS)?,
            layers_per_block: file.u32_per_block("layers_per_block", 2, blocks, 1..=32)?,
            transformer_layers_per_block: file.u32_per_block(
                "transformer_layers_per_block",
                1,
                blocks,
                1..=64,
            )?,
            num_attention_heads: file.u32_per_block(heads_key, 8, blocks, 1..=256)?,
            cross_attention_dim: file.u32("cross_attention_dim", 1280, 1..=MAX_CHANNELS)?,
            norm_num_groups: file.u32("norm_num_groups", 32, 1..=1024)?,
            norm_eps: file.f64("norm_eps", 1e-5, 0.0..=1.0)?,
            act_fn: file.choice(
                "act_fn",
                Activation::Silu,
                &[("silu", Activation::Silu), ("swish", Activation::Silu), ("gelu", Activation::Gelu)],
            )?,
            use_linear_projection: file.bool("use_linear_projection", false)?,
            flip_sin_to_cos: file.bool("flip_sin_to_cos", true)?,
            freq_shift: file.f64("freq_shift", 0.0, 0.0..=1.0)?,
            time_embedding_dim: file
                .optional_u32("time_embedding_dim", 1..=4 * MAX_CHANNELS)?
                .unwrap_or(block_out_channels[0] * 4),
            downsample_padding: file.u32("downsample_padding", 1, 1..=1)?,
            center_input_sample: file.bool("center_input_sample", false)?,
            upcast_attention: file.bool("upcast_attention", false)?,
            add_embedding: read_add_embedding(file)?,
            block_out_channels,
        };
        refuse_other_architectures(file)?;
        config.check_blocks(file)?;
        Ok(config)
    }

    fn check_blocks(&self, file: &JsonFile) -> Result<(), ConfigError> {
        let blocks = self.block_out_channels.len();
        if self.down_block_types.len() != blocks {
            return Err(
                file.unsupported("down_block_types", &format!("a list of {blocks} like block_out_channels"))
            );
        }
        if self.up_block_types.len() != blocks {
            return Err(
                file.unsupported("up_block_types", &format!("a list of {blocks} like block_out_channels"))
            );
        }
        if !self.block_out_channels[0].is_multiple_of(2) {
            return Err(file.unsupported("block_out_channels", "an even first number"));
        }
        for (&channels, &heads) in self.block_out_channels.iter().zip(&self.num_attention_heads) {
            if !channels.is_multiple_of(self.norm_num_groups) {
                return Err(file.unsupported("norm_num_groups", &format!("a divisor of {channels} channels")));
            }
            if !channels.is_multiple_of(heads) {
                return Err(
                    file.unsupported("attention_head_dim", &format!("a divisor of {channels} channels"))
                );
            }
        }
        Ok(())
    }
}

fn read_add_embedding(file: &JsonFile) -> Result<Option<AddEmbeddingConfig>, ConfigError> {
    let is_text_time = file.choice("addition_embed_type", false, &[("text_time", true)])?;
    let time_embed_dim = file.optional_u32("addition_time_embed_dim", 2..=MAX_CHANNELS)?;
    let input_dim = file.optional_u32("projection_class_embeddings_input_dim", 1..=8 * MAX_CHANNELS)?;
    if !is_text_time {
        file.require("addition_time_embed_dim", &[])?;
        file.require("projection_class_embeddings_input_dim", &[])?;
        return Ok(None);
    }
    let (Some(time_embed_dim), Some(input_dim)) = (time_embed_dim, input_dim) else {
        let key = if time_embed_dim.is_none() {
            "addition_time_embed_dim"
        } else {
            "projection_class_embeddings_input_dim"
        };
        return Err(file.unsupported(key, "a number beside addition_embed_type text_time"));
    };
    let least = AddEmbeddingConfig::TIME_IDS * time_embed_dim;
    if input_dim <= least || !time_embed_dim.is_multiple_of(2) {
        let wanted = format!("more than six times an even addition_time_embed_dim, {least}");
        return Err(file.unsupported("projection_class_embeddings_input_dim", &wanted));
    }
    Ok(Some(AddEmbeddingConfig { time_embed_dim, input_dim }))
}

/// Keys that select arithmetic which this crate does not have, unless they hold the neutral value.
fn refuse_other_architectures(file: &JsonFile) -> Result<(), ConfigError> {
    let none: &[Value] = &[];
    let off = &[json!(false)];
    let rules: [(&'static str, &[Value]); 23] = [
        ("mid_block_type", &[json!("UNetMidBlock2DCrossAttn")]),
        ("only_cross_attention", off),
        ("mid_block_scale_factor", &[json!(1), json!(1.0)]),
        ("encoder_hid_dim", none),
        ("encoder_hid_dim_type", none),
        ("dual_cross_attention", off),
        ("class_embed_type", none),
        ("num_class_embeds", none),
        ("resnet_time_scale_shift", &[json!("default")]),
        ("resnet_skip_time_act", off),
        ("resnet_out_scale_factor", &[json!(1), json!(1.0)]),
        ("time_embedding_type", &[json!("positional")]),
        ("time_embedding_act_fn", none),
        ("timestep_post_act", none),
        ("time_cond_proj_dim", none),
        ("conv_in_kernel", &[json!(3)]),
        ("conv_out_kernel", &[json!(3)]),
        ("attention_type", &[json!("default")]),
        ("class_embeddings_concat", off),
        ("mid_block_only_cross_attention", off),
        ("cross_attention_norm", none),
        ("reverse_transformer_layers_per_block", none),
        ("addition_embed_type_num_heads", &[json!(64)]),
    ];
    for (key, neutral) in rules {
        file.require(key, neutral)?;
    }
    // Dropout does nothing when a trained model is run.
    file.f64("dropout", 0.0, 0.0..=1.0)?;
    file.refuse_unread()
}
