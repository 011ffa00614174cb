//! From a model's configuration to the shapes that programs are built from.

use dfsn_consensus::exact::Activation as ExactActivation;
use dfsn_consensus::exact::config::{BlockShape, TextEncoderShape, UNetShape, VaeShape};

use super::ExactError;
use crate::config::{
    Activation, AddEmbeddingConfig, DownBlockType, TextEncoderConfig, UNetConfig, UpBlockType, VaeConfig,
};

fn silu(key: &'static str, activation: Activation) -> Result<(), ExactError> {
    match activation {
        Activation::Silu => Ok(()),
        other => Err(ExactError::Unsupported { key, value: format!("{other:?}") }),
    }
}

pub(super) fn unet(config: &UNetConfig) -> Result<UNetShape, ExactError> {
    silu("unet act_fn", config.act_fn)?;
    if config.center_input_sample {
        return Err(ExactError::Unsupported { key: "unet center_input_sample", value: "true".to_owned() });
    }
    let blocks = config.block_out_channels.len();
    let block = |index: usize| BlockShape {
        channels: config.block_out_channels[index] as usize,
        resnets: config.layers_per_block[index] as usize,
        down_attention: config.down_block_types[index] == DownBlockType::CrossAttention,
        up_attention: config.up_block_types[blocks - 1 - index] == UpBlockType::CrossAttention,
        transformer_layers: config.transformer_layers_per_block[index] as usize,
        heads: config.num_attention_heads[index] as usize,
    };
    Ok(UNetShape {
        in_channels: config.in_channels as usize,
        out_channels: config.out_channels as usize,
        // The configuration's check made all lists as long as the channels'.
        blocks: (0..blocks).map(block).collect(),
        cross_attention_dim: config.cross_attention_dim as usize,
        norm_num_groups: config.norm_num_groups as usize,
        norm_eps: config.norm_eps.to_bits(),
        time_embedding_dim: config.time_embedding_dim as usize,
        flip_sin_to_cos: config.flip_sin_to_cos,
        freq_shift: config.freq_shift.to_bits(),
        add_embedding: config
            .add_embedding
            .map(|added: AddEmbeddingConfig| (added.pooled_dim() as usize, added.time_embed_dim as usize)),
    })
}

pub(super) fn vae(config: &VaeConfig, use_quant_conv: bool) -> Result<VaeShape, ExactError> {
    silu("vae act_fn", config.act_fn)?;
    if config.shift_factor != 0.0 {
        let value = config.shift_factor.to_string();
        return Err(ExactError::Unsupported { key: "vae shift_factor", value });
    }
    if !config.mid_block_add_attention {
        return Err(ExactError::Unsupported {
            key: "vae mid_block_add_attention",
            value: "false".to_owned(),
        });
    }
    Ok(VaeShape {
        image_channels: config.out_channels as usize,
        latent_channels: config.latent_channels as usize,
        channels: config.block_out_channels.iter().map(|&channels| channels as usize).collect(),
        layers: config.layers_per_block as usize,
        norm_num_groups: config.norm_num_groups as usize,
        use_quant_conv,
        scaling_factor: (config.scaling_factor as f32).to_bits(),
    })
}

/// `penultimate` and `has_projection` as the family of the model has it.
pub(super) fn text_encoder(
    config: &TextEncoderConfig,
    penultimate: bool,
    has_projection: bool,
) -> TextEncoderShape {
    TextEncoderShape {
        vocab_size: config.vocab_size as usize,
        positions: config.max_position_embeddings as usize,
        width: config.hidden_size as usize,
        intermediate: config.intermediate_size as usize,
        layers: config.num_hidden_layers as usize,
        heads: config.num_attention_heads as usize,
        activation: match config.hidden_act {
            Activation::Silu => ExactActivation::Silu,
            Activation::Gelu => ExactActivation::Gelu,
            Activation::QuickGelu => ExactActivation::QuickGelu,
        },
        eps: config.layer_norm_eps.to_bits(),
        penultimate,
        projection: has_projection.then_some(config.projection_dim as usize),
    }
}
