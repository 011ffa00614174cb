//! Self-attention, cross-attention with text, and the gated feed-forward layer.

use tch::Tensor;

use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::layers::{Linear, attention, attention_heads, split_heads};
use crate::torch::weights::Scope;

/// Keys and values of one text for every cross-attention of the network, in the order of their numbers.
#[derive(Debug, Default)]
pub(in crate::torch) struct TextKeys(Vec<(Tensor, Tensor)>);

/// Pixels attend to each other.
#[derive(Debug)]
pub(super) struct SelfAttention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: i64,
}

impl SelfAttention {
    pub(super) fn load(scope: &Scope<'_>, width: u32, heads: u32) -> Result<Self, ComputeError> {
        Ok(Self {
            to_q: Linear::load_without_bias(&scope.sub("to_q"), width, width)?,
            to_k: Linear::load_without_bias(&scope.sub("to_k"), width, width)?,
            to_v: Linear::load_without_bias(&scope.sub("to_v"), width, width)?,
            to_out: Linear::load(&scope.item("to_out", 0), width, width)?,
            heads: i64::from(heads),
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let (query, key) = (self.to_q.forward(x)?, self.to_k.forward(x)?);
        self.to_out.forward(&attention(&query, &key, &self.to_v.forward(x)?, self.heads, false)?)
    }
}

/// Pixels attend to the text.
#[derive(Debug)]
pub(super) struct CrossAttention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: i64,
    /// Position in [`TextKeys`].
    number: usize,
}

impl CrossAttention {
    /// Takes the next free number.
    pub(super) fn load(
        scope: &Scope<'_>,
        width: u32,
        text_width: u32,
        heads: u32,
        next_number: &mut usize,
    ) -> Result<Self, ComputeError> {
        let number = *next_number;
        *next_number += 1;
        Ok(Self {
            to_q: Linear::load_without_bias(&scope.sub("to_q"), width, width)?,
            to_k: Linear::load_without_bias(&scope.sub("to_k"), text_width, width)?,
            to_v: Linear::load_without_bias(&scope.sub("to_v"), text_width, width)?,
            to_out: Linear::load(&scope.item("to_out", 0), width, width)?,
            heads: i64::from(heads),
            number,
        })
    }

    /// Adds this attention's keys and values of a text; called in the order of the numbers.
    pub(super) fn push_text_keys(&self, text: &Tensor, keys: &mut TextKeys) -> Result<(), TorchError> {
        debug_assert_eq!(keys.0.len(), self.number);
        let key = split_heads(&self.to_k.forward(text)?, self.heads)?;
        let value = split_heads(&self.to_v.forward(text)?, self.heads)?;
        keys.0.push((key, value));
        Ok(())
    }

    pub(super) fn forward(&self, x: &Tensor, text: &TextKeys) -> Result<Tensor, TorchError> {
        let (key, value) = &text.0[self.number];
        let query = split_heads(&self.to_q.forward(x)?, self.heads)?;
        self.to_out.forward(&attention_heads(&query, key, value, false)?)
    }
}

/// A feed-forward layer whose inner half is gated by the other half.
#[derive(Debug)]
pub(super) struct GegluFeedForward {
    proj: Linear,
    out: Linear,
}

impl GegluFeedForward {
    pub(super) fn load(scope: &Scope<'_>, width: u32) -> Result<Self, ComputeError> {
        let net = scope.sub("net");
        let inner = 4 * width;
        Ok(Self {
            proj: Linear::load(&net.sub("0").sub("proj"), width, 2 * inner)?,
            out: Linear::load(&net.sub("2"), inner, width)?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let projected = self.proj.forward(x)?;
        let inner = projected.size3()?.2 / 2;
        let (value, gate) = (projected.f_narrow(-1, 0, inner)?, projected.f_narrow(-1, inner, inner)?);
        self.out.forward(&value.f_mul(&gate.f_gelu("none")?)?)
    }
}
