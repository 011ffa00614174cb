//! Self-attention, cross-attention with text, and the gated feed-forward layer.

use tch::{Kind, Tensor};

use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::layers::{Linear, attention_heads, split_heads};
use crate::torch::weights::Scope;

/// Keys and values of one text for every cross-attention of the network, in the order of their numbers.
#[derive(Debug, Default)]
pub(in crate::torch) struct TextKeys(Vec<(Tensor, Tensor)>);

/// How the attentions of one block are computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub(super) count: u32,
    /// Whether in f32 whatever the number format.
    pub(super) upcast: bool,
}

impl Heads {
    fn split(self, x: &Tensor) -> Result<Tensor, TorchError> {
        split_heads(x, i64::from(self.count))
    }

    fn attend(self, query: &Tensor, key: &Tensor, value: &Tensor) -> Result<Tensor, TorchError> {
        let kind = query.kind();
        if !self.upcast || kind == Kind::Float {
            return attention_heads(query, key, value, false);
        }
        let [query, key, value] = [query, key, value].map(|x| x.f_to_kind(Kind::Float));
        Ok(attention_heads(&query?, &key?, &value?, false)?.f_to_kind(kind)?)
    }
}

/// Pixels attend to each other.
#[derive(Debug)]
pub(super) struct SelfAttention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: Heads,
}

impl SelfAttention {
    pub(super) fn load(scope: &Scope<'_>, width: u32, heads: Heads) -> Result<Self, ComputeError> {
        Ok(Self {
            to_q: Linear::load_without_bias(&scope.sub("to_q"), width, width)?,
            to_k: Linear::load_without_bias(&scope.sub("to_k"), width, width)?,
            to_v: Linear::load_without_bias(&scope.sub("to_v"), width, width)?,
            to_out: Linear::load(&scope.item("to_out", 0), width, width)?,
            heads,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let split = |linear: &Linear| self.heads.split(&linear.forward(x)?);
        let (query, key, value) = (split(&self.to_q)?, split(&self.to_k)?, split(&self.to_v)?);
        self.to_out.forward(&self.heads.attend(&query, &key, &value)?)
    }
}

/// Pixels attend to the text.
#[derive(Debug)]
pub(super) struct CrossAttention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
    heads: Heads,
    /// Position in [`TextKeys`].
    number: usize,
}

impl CrossAttention {
    /// Takes the next free number.
    pub(super) fn load(
        scope: &Scope<'_>,
        width: u32,
        text_width: u32,
        heads: Heads,
        next_number: &mut usize,
    ) -> Result<Self, ComputeError> {
        let number = *next_number;
        *next_number += 1;
        Ok(Self {
            to_q: Linear::load_without_bias(&scope.sub("to_q"), width, width)?,
            to_k: Linear::load_without_bias(&scope.sub("to_k"), text_width, width)?,
            to_v: Linear::load_without_bias(&scope.sub("to_v"), text_width, width)?,
            to_out: Linear::load(&scope.item("to_out", 0), width, width)?,
            heads,
            number,
        })
    }

    /// Adds this attention's keys and values of a text; called in the order of the numbers.
    pub(super) fn push_text_keys(&self, text: &Tensor, keys: &mut TextKeys) -> Result<(), TorchError> {
        debug_assert_eq!(keys.0.len(), self.number);
        let key = self.heads.split(&self.to_k.forward(text)?)?;
        let value = self.heads.split(&self.to_v.forward(text)?)?;
        keys.0.push((key, value));
        Ok(())
    }

    pub(super) fn forward(&self, x: &Tensor, text: &TextKeys) -> Result<Tensor, TorchError> {
        let (key, value) = &text.0[self.number];
        let query = self.heads.split(&self.to_q.forward(x)?)?;
        self.to_out.forward(&self.heads.attend(&query, key, value)?)
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
