//! The shape of a model, told from the tensors of a single file.
//!
//! What shapes do not tell follows from the family: published models of Stable Diffusion 1 have 8 heads in each
//! attention, later ones 64 channels in each head; all have 32 groups in their norms.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::networks::{CLIP_PREFIXES, OPEN_CLIP_PREFIXES};
use super::{Files, UNET_PREFIX, VAE_PREFIX, WeightsError};
use crate::config::{
    Family, ModelConfig, PredictionType, SchedulerConfig, TextEncoderConfig, TokenizerConfig, UNetConfig,
    VaeConfig,
};
use crate::error::ComputeError;
use crate::model_path::ModelPath;

/// More than any published model has, of blocks, layers and depths alike.
const MAX_COUNT: usize = 128;

/// Reads the configuration of a single file from its tensors, and the tokenizers in `dir`: the folders `tokenizer`
/// and, for Stable Diffusion XL, `tokenizer_2` (else `tokenizer` serves both).
///
/// The file does not tell what a UNet of Stable Diffusion 2 predicts: without `prediction_type` the velocity, as at
/// 768 pixels; the models for 512 pixels predict the noise.
///
/// # Errors
/// [`ComputeError::Weights`] if the file holds no such model; [`ComputeError::Config`].
pub fn infer_config(
    file: &Path,
    dir: impl Into<ModelPath>,
    prediction_type: Option<PredictionType>,
) -> Result<ModelConfig, ComputeError> {
    let dir = dir.into();
    let files = Files::single(&file.into())?;
    let shapes = Shapes(&files);
    let unet = shapes.unet()?;
    let is_xl = unet.contains_key("addition_embed_type");
    let is_open = shapes.has_open_clip(OPEN_CLIP_PREFIXES[0]);
    let prediction = prediction_type.unwrap_or(if is_open {
        PredictionType::VPrediction
    } else {
        PredictionType::Epsilon
    });
    let side = match (is_xl, is_open, prediction) {
        (true, ..) => 1024,
        (false, true, PredictionType::VPrediction) => 768,
        _ => 512,
    };
    let vae = shapes.vae(is_xl, side)?;
    let unet = UNetConfig::from_json(file, with(unet, "sample_size", json!(side / vae_factor(&vae))))?;
    let first = if is_xl {
        shapes.clip(CLIP_PREFIXES[1])?
    } else if is_open {
        shapes.open_clip(OPEN_CLIP_PREFIXES[0], 1)?
    } else {
        shapes.clip(CLIP_PREFIXES[0])?
    };
    let second = is_xl.then(|| shapes.open_clip(OPEN_CLIP_PREFIXES[1], 0)).transpose()?;

    // OpenCLIP was trained with zeros after the text.
    let tokenizer = |name: &str, is_open: bool| {
        let mut config = TokenizerConfig::load(dir.join(name))?;
        if is_open {
            "!".clone_into(&mut config.pad_token);
        }
        Ok::<_, ComputeError>(config)
    };
    let second_tokenizer = if dir.join("tokenizer_2").is_dir() { "tokenizer_2" } else { "tokenizer" };
    let config = ModelConfig {
        dir: dir.clone(),
        checkpoint: Some(file.to_owned()),
        family: if is_xl {
            Family::StableDiffusionXl { force_zeros_for_empty_prompt: true }
        } else {
            Family::StableDiffusion
        },
        unet,
        vae: VaeConfig::from_json(file, vae)?,
        text_encoder: TextEncoderConfig::from_json(file, first)?,
        text_encoder_2: second.map(|second| TextEncoderConfig::from_json(file, second)).transpose()?,
        tokenizer: tokenizer("tokenizer", is_open && !is_xl)?,
        tokenizer_2: is_xl.then(|| tokenizer(second_tokenizer, true)).transpose()?,
        scheduler: SchedulerConfig::from_json(&file.to_string_lossy(), schedule(prediction))?,
    };
    config.check_parts_fit()?;
    Ok(config)
}

/// The noise schedule that all these models were trained with.
fn schedule(prediction: PredictionType) -> Map<String, Value> {
    let prediction = match prediction {
        PredictionType::Epsilon => "epsilon",
        PredictionType::VPrediction => "v_prediction",
        PredictionType::Sample => "sample",
    };
    object(json!({
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1,
        "clip_sample": false, "set_alpha_to_one": false, "timestep_spacing": "leading", "skip_prk_steps": true,
        "prediction_type": prediction,
    }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn with(mut map: Map<String, Value>, key: &str, value: Value) -> Map<String, Value> {
    map.insert(key.to_owned(), value);
    map
}

fn vae_factor(vae: &Map<String, Value>) -> u32 {
    let blocks = vae.get("block_out_channels").and_then(Value::as_array).map_or(1, Vec::len);
    1 << (blocks.clamp(1, 6) - 1)
}

/// Questions about the tensors of a file.
struct Shapes<'a>(&'a Files);

impl Shapes<'_> {
    /// Size of a tensor along one dimension.
    fn size(&self, name: &str, dim: usize) -> Result<usize, WeightsError> {
        self.0.shape(name).and_then(|shape| shape.get(dim)).copied().ok_or_else(|| {
            WeightsError::Unrecognised {
                file: self.0.path().to_owned(),
                reason: format!(
                    "no Stable Diffusion 1, 2 or XL: tensor {name:?} is missing or has another shape"
                ),
            }
        })
    }

    /// How many consecutive numbers from 0 give the name of a tensor.
    fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..MAX_COUNT).take_while(|&index| self.0.has(&name(index))).count()
    }

    fn has_open_clip(&self, prefix: &str) -> bool {
        self.0.has(&format!("{prefix}token_embedding.weight"))
    }

    fn unet(&self) -> Result<Map<String, Value>, WeightsError> {
        let at = |name: &str| format!("{UNET_PREFIX}{name}");
        let mut channels = Vec::new();
        let mut resnets = Vec::new();
        let mut depths = Vec::new();
        let mut down = Vec::new();
        let mut is_new = true;
        let mut cross = None;
        let mut is_linear = false;
        for index in 1..MAX_COUNT {
            let block = |name: &str| at(&format!("input_blocks.{index}.{name}"));
            if self.0.has(&block("0.op.weight")) {
                is_new = true;
                continue;
            }
            let first = block("0.in_layers.2.weight");
            if !self.0.has(&first) {
                break;
            }
            let depth = self.count(|depth| block(&format!("1.transformer_blocks.{depth}.attn2.to_k.weight")));
            if depth > 0 {
                cross = Some(self.size(&block("1.transformer_blocks.0.attn2.to_k.weight"), 1)?);
                is_linear = self.0.shape(&block("1.proj_in.weight")).is_some_and(|shape| shape.len() == 2);
            }
            if is_new {
                channels.push(self.size(&first, 0)?);
                resnets.push(0);
                depths.push(depth);
                down.push(if depth > 0 { "CrossAttnDownBlock2D" } else { "DownBlock2D" });
                is_new = false;
            }
            if let Some(count) = resnets.last_mut() {
                *count += 1;
            }
        }
        // The middle has the depth of the innermost block, which itself may have no transformer.
        let middle =
            self.count(|depth| at(&format!("middle_block.1.transformer_blocks.{depth}.attn2.to_k.weight")));
        if let Some(innermost) = depths.last_mut() {
            *innermost = middle;
        }
        let depths: Vec<usize> = depths.into_iter().map(|depth| depth.max(1)).collect();
        let heads: Vec<usize> =
            channels.iter().map(|&channels| if is_linear { (channels / 64).max(1) } else { 8 }).collect();
        let up: Vec<&str> = down
            .iter()
            .rev()
            .map(|&kind| if kind == "DownBlock2D" { "UpBlock2D" } else { "CrossAttnUpBlock2D" })
            .collect();
        let mut config = object(json!({
            "in_channels": self.size(&at("input_blocks.0.0.weight"), 1)?,
            "out_channels": self.size(&at("out.2.weight"), 0)?,
            "block_out_channels": channels, "layers_per_block": resnets, "down_block_types": down,
            "up_block_types": up, "transformer_layers_per_block": depths, "attention_head_dim": heads,
            "cross_attention_dim": cross, "use_linear_projection": is_linear, "upcast_attention": is_linear,
            "time_embedding_dim": self.size(&at("time_embed.0.weight"), 0)?,
        }));
        let added = at("label_emb.0.0.weight");
        if self.0.has(&added) {
            config.insert("addition_embed_type".to_owned(), json!("text_time"));
            config.insert("addition_time_embed_dim".to_owned(), json!(256));
            let width = self.size(&added, 1)?;
            config.insert("projection_class_embeddings_input_dim".to_owned(), json!(width));
            // XL was trained without it.
            config.insert("upcast_attention".to_owned(), json!(false));
        }
        Ok(config)
    }

    fn vae(&self, is_xl: bool, side: u32) -> Result<Map<String, Value>, WeightsError> {
        let at = |name: &str| format!("{VAE_PREFIX}{name}");
        let block =
            |index: usize, layer: usize| at(&format!("encoder.down.{index}.block.{layer}.conv1.weight"));
        let blocks = self.count(|index| block(index, 0));
        let channels: Vec<usize> =
            (0..blocks).map(|index| self.size(&block(index, 0), 0)).collect::<Result<_, _>>()?;
        Ok(object(json!({
            "block_out_channels": channels, "layers_per_block": self.count(|layer| block(0, layer)),
            "down_block_types": vec!["DownEncoderBlock2D"; blocks],
            "up_block_types": vec!["UpDecoderBlock2D"; blocks],
            "latent_channels": self.size(&at("decoder.conv_in.weight"), 1)?,
            "use_quant_conv": self.0.has(&at("quant_conv.weight")),
            "use_post_quant_conv": self.0.has(&at("post_quant_conv.weight")),
            "scaling_factor": if is_xl { 0.13025 } else { 0.18215 },
            "sample_size": side,
        })))
    }

    fn clip(&self, prefix: &str) -> Result<Map<String, Value>, WeightsError> {
        let at = |name: &str| format!("{prefix}text_model.{name}");
        let layer = |index: usize| at(&format!("encoder.layers.{index}.mlp.fc1.weight"));
        let hidden = self.size(&at("embeddings.token_embedding.weight"), 1)?;
        Ok(object(json!({
            "vocab_size": self.size(&at("embeddings.token_embedding.weight"), 0)?,
            "hidden_size": hidden, "num_attention_heads": (hidden / 64).max(1),
            "intermediate_size": self.size(&layer(0), 0)?, "num_hidden_layers": self.count(layer),
            "max_position_embeddings": self.size(&at("embeddings.position_embedding.weight"), 0)?,
            "hidden_act": "quick_gelu", "eos_token_id": 2,
        })))
    }

    /// `left_out` layers at the end are not run.
    fn open_clip(&self, prefix: &str, left_out: usize) -> Result<Map<String, Value>, WeightsError> {
        let at = |name: &str| format!("{prefix}{name}");
        let layer = |index: usize| at(&format!("transformer.resblocks.{index}.mlp.c_fc.weight"));
        let hidden = self.size(&at("token_embedding.weight"), 1)?;
        let projection = at("text_projection");
        let projected = if self.0.has(&projection) { self.size(&projection, 1)? } else { hidden };
        Ok(object(json!({
            "vocab_size": self.size(&at("token_embedding.weight"), 0)?,
            "hidden_size": hidden, "num_attention_heads": (hidden / 64).max(1),
            "intermediate_size": self.size(&layer(0), 0)?,
            "num_hidden_layers": self.count(layer).saturating_sub(left_out),
            "max_position_embeddings": self.size(&at("positional_embedding"), 0)?,
            "hidden_act": "gelu", "eos_token_id": 2, "projection_dim": projected,
        })))
    }
}
