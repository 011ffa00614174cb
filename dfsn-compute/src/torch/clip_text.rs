//! The CLIP text encoders.

use tch::Tensor;

use super::TorchError;
use super::layers::{LayerNorm, Linear, attention};
use super::weights::{Scope, Weights};
use crate::config::{Activation, TextEncoderConfig};
use crate::error::ComputeError;

/// `CLIPTextModel`, or `CLIPTextModelWithProjection`.
#[derive(Debug)]
pub(super) struct ClipTextModel {
    token_embedding: Tensor,
    position_embedding: Tensor,
    layers: Vec<EncoderLayer>,
    final_layer_norm: LayerNorm,
    text_projection: Option<Linear>,
    output: ClipOutput,
    eos_token_id: i64,
}

/// Which of a text encoder's layers the UNet is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClipOutput {
    /// The last layer, normalised (Stable Diffusion 1 and 2).
    Last,
    /// The layer before the last, as it is (Stable Diffusion XL).
    Penultimate,
}

/// What comes out of an encoder.
#[derive(Debug)]
pub(super) struct ClipEncoding {
    /// `[1, tokens, width]`.
    pub(super) embeddings: Tensor,
    /// `[1, projection_dim]`, of encoders with a projection.
    pub(super) pooled: Option<Tensor>,
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
    pub(super) fn load(
        weights: &Weights,
        config: &TextEncoderConfig,
        output: ClipOutput,
        has_projection: bool,
    ) -> Result<Self, ComputeError> {
        let root = weights.root();
        let scope = root.sub("text_model");
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
        let projection = root.sub("text_projection");
        let text_projection = has_projection
            .then(|| Linear::load_without_bias(&projection, config.hidden_size, config.projection_dim))
            .transpose()?;
        Ok(Self {
            token_embedding,
            position_embedding,
            layers,
            final_layer_norm,
            text_projection,
            output,
            eos_token_id: i64::from(config.eos_token_id),
        })
    }

    /// Width of an embedding.
    pub(super) fn width(&self) -> usize {
        self.token_embedding.size().last().map_or(0, |&width| width as usize)
    }

    /// Tokens that fit.
    pub(super) fn positions(&self) -> usize {
        self.position_embedding.size().first().map_or(0, |&positions| positions as usize)
    }

    /// The embedding of `[tokens]` ids, `[tokens, width]`.
    pub(super) fn embed(&self, token_ids: &Tensor) -> Result<Tensor, TorchError> {
        Ok(Tensor::f_embedding(&self.token_embedding, token_ids, -1, false, false)?)
    }

    /// From embedded tokens to what the UNet is given, `clip_skip` layers earlier than usual. `token_ids` tell the
    /// place that is pooled.
    pub(super) fn forward(
        &self,
        embedded: &Tensor,
        token_ids: &[i64],
        clip_skip: usize,
    ) -> Result<ClipEncoding, TorchError> {
        let count = token_ids.len() as i64;
        let mut x = embedded.f_add(&self.position_embedding.f_narrow(0, 0, count)?)?.f_unsqueeze(0)?;
        let left_out = clip_skip + usize::from(self.output == ClipOutput::Penultimate);
        let Some(wanted) = self.layers.len().checked_sub(left_out) else {
            let layers = self.layers.len();
            return Err(TorchError::Operation(format!("{left_out} of {layers} layers cannot be left out")));
        };
        let mut taken = (wanted == 0).then(|| x.shallow_clone());
        for (index, layer) in self.layers.iter().enumerate() {
            if taken.is_some() && self.text_projection.is_none() {
                break;
            }
            x = layer.forward(&x)?;
            if index + 1 == wanted {
                taken = Some(x.shallow_clone());
            }
        }
        let taken = taken.unwrap_or_else(|| x.shallow_clone());
        let embeddings = match self.output {
            ClipOutput::Last => self.final_layer_norm.forward(&taken)?,
            ClipOutput::Penultimate => taken,
        };
        let pooled = self.text_projection.as_ref().map(|projection| {
            let place = pooled_place(token_ids, self.eos_token_id) as i64;
            projection.forward(&self.final_layer_norm.forward(&x)?.f_select(1, place)?)
        });
        Ok(ClipEncoding { embeddings, pooled: pooled.transpose()? })
    }
}

/// Where the token stands whose embedding is pooled, as in transformers: early configurations hold an
/// `eos_token_id` of 2, which is not the one in use; the greatest id is meant then.
fn pooled_place(token_ids: &[i64], eos_token_id: i64) -> usize {
    const NOT_IN_USE: i64 = 2;
    let wanted = match eos_token_id {
        NOT_IN_USE => token_ids.iter().copied().max().unwrap_or_default(),
        eos => eos,
    };
    token_ids.iter().position(|&id| id == wanted).unwrap_or_default()
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
