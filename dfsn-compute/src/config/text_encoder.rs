//! `CLIPTextModel` and `CLIPTextModelWithProjection`.

use std::path::Path;

use serde_json::json;
use serde_json::{Map, Value};

use super::json::JsonFile;
use super::{Activation, ConfigError};
use crate::model_path::ModelPath;

/// Shape of the CLIP text encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct TextEncoderConfig {
    /// Tokens the embedding knows.
    pub vocab_size: u32,
    /// Width of an embedding.
    pub hidden_size: u32,
    /// Width of the feed-forward layers.
    pub intermediate_size: u32,
    /// Transformer layers.
    pub num_hidden_layers: u32,
    /// Attention heads.
    pub num_attention_heads: u32,
    /// Positions the embedding knows.
    pub max_position_embeddings: u32,
    /// Activation of the feed-forward layers.
    pub hidden_act: Activation,
    /// Epsilon of every layer norm.
    pub layer_norm_eps: f64,
    /// Width of the pooled output, of encoders that have one.
    pub projection_dim: u32,
    /// The token whose place is pooled; 2 stands for the greatest id of the prompt, as in transformers.
    pub eos_token_id: u32,
}

impl TextEncoderConfig {
    /// Reads `text_encoder/config.json`.
    ///
    /// Keys of transformers that do not touch the arithmetic (there are dozens, and they change with its
    /// versions) are passed over.
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
        file.require("model_type", &[json!("clip_text_model")])?;
        file.require("use_attention_mask", &[json!(false)])?;
        let config = Self {
            vocab_size: file.u32("vocab_size", 49_408, 1..=1_000_000)?,
            hidden_size: file.u32("hidden_size", 512, 1..=16_384)?,
            intermediate_size: file.u32("intermediate_size", 2048, 1..=65_536)?,
            num_hidden_layers: file.u32("num_hidden_layers", 12, 1..=128)?,
            num_attention_heads: file.u32("num_attention_heads", 8, 1..=256)?,
            max_position_embeddings: file.u32("max_position_embeddings", 77, 3..=1024)?,
            hidden_act: file.choice(
                "hidden_act",
                Activation::QuickGelu,
                &[("quick_gelu", Activation::QuickGelu), ("gelu", Activation::Gelu)],
            )?,
            layer_norm_eps: file.f64("layer_norm_eps", 1e-5, 0.0..=1.0)?,
            projection_dim: file.u32("projection_dim", 512, 1..=16_384)?,
            eos_token_id: file.u32("eos_token_id", 49_407, 0..=1_000_000)?,
        };
        if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            let supported = format!("a divisor of hidden_size {}", config.hidden_size);
            return Err(file.unsupported("num_attention_heads", &supported));
        }
        Ok(config)
    }
}
