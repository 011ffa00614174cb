//! The CLIP text encoder.

use tch::Tensor;

use super::TorchError;
use super::layers::{LayerNorm, Linear, attention};
use super::weights::{Scope, WeightFile};
use crate::config::{Activation, TextEncoderConfig};
use crate::error::ComputeError;

/// `CLIPTextModel` up to the final layer norm.
#[derive(Debug)]
pub(super) struct ClipTextModel {
    token_embedding: Tensor,
    position_embedding: Tensor,
    layers: Vec<EncoderLayer>,
    final_layer_norm: LayerNorm,
}

#[derive(Debug)]
struct EncoderLayer {
    layer_norm1: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    heads: i64,
    layer_norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    activation: Activation,
}

impl ClipTextModel {
    pub(super) fn load(file: &WeightFile, config: &TextEncoderConfig) -> Result<Self, ComputeError> {
        // transformers 5 stores the names without the prefix, earlier ones with it.
        let root = file.root();
        let prefixed = root.sub("text_model");
        let scope = if prefixed.has("final_layer_norm.weight") { prefixed } else { root };
        let width = i64::from(config.hidden_size);
        let embeddings = scope.sub("embeddings");
        let token_embedding =
            embeddings.tensor("token_embedding.weight", &[i64::from(config.vocab_size), width])?;
        let position_embedding = embeddings
            .tensor("position_embedding.weight", &[i64::from(config.max_position_embeddings), width])?;
        let encoder = scope.sub("encoder");
        let layers = (0..config.num_hidden_layers as usize)
            .map(|index| EncoderLayer::load(&encoder.item("layers", index), config))
            .collect::<Result<_, _>>()?;
        let final_layer_norm =
            LayerNorm::load(&scope.sub("final_layer_norm"), config.hidden_size, config.layer_norm_eps)?;
        Ok(Self { token_embedding, position_embedding, layers, final_layer_norm })
    }

    /// From `[tokens]` ids to `[1, tokens, width]` embeddings.
    pub(super) fn forward(&self, token_ids: &Tensor) -> Result<Tensor, TorchError> {
        let tokens = Tensor::f_embedding(&self.token_embedding, token_ids, -1, false, false)?;
        let count = token_ids.size1()?;
        let mut x = tokens.f_add(&self.position_embedding.f_narrow(0, 0, count)?)?.f_unsqueeze(0)?;
        for layer in &self.layers {
            x = layer.forward(&x)?;
        }
        self.final_layer_norm.forward(&x)
    }
}

impl EncoderLayer {
    fn load(scope: &Scope<'_>, config: &TextEncoderConfig) -> Result<Self, ComputeError> {
        let (width, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let (attention, mlp) = (scope.sub("self_attn"), scope.sub("mlp"));
        let projection = |name: &str| Linear::load(&attention.sub(name), width, width);
        Ok(Self {
            layer_norm1: LayerNorm::load(&scope.sub("layer_norm1"), width, eps)?,
            q_proj: projection("q_proj")?,
            k_proj: projection("k_proj")?,
            v_proj: projection("v_proj")?,
            out_proj: projection("out_proj")?,
            heads: i64::from(config.num_attention_heads),
            layer_norm2: LayerNorm::load(&scope.sub("layer_norm2"), width, eps)?,
            fc1: Linear::load(&mlp.sub("fc1"), width, inner)?,
            fc2: Linear::load(&mlp.sub("fc2"), inner, width)?,
            activation: config.hidden_act,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let normal = self.layer_norm1.forward(x)?;
        let (query, key) = (self.q_proj.forward(&normal)?, self.k_proj.forward(&normal)?);
        let mixed = attention(&query, &key, &self.v_proj.forward(&normal)?, self.heads, true)?;
        let x = x.f_add(&self.out_proj.forward(&mixed)?)?;
        let inner = self.activation.forward(&self.fc1.forward(&self.layer_norm2.forward(&x)?)?)?;
        Ok(x.f_add(&self.fc2.forward(&inner)?)?)
    }
}
