//! The self-attention in the middle of the autoencoder.

use tch::Tensor;

use super::EPS;
use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::layers::{GroupNorm, Linear, attention, from_tokens, to_tokens};
use crate::torch::weights::Scope;

/// One head over all channels, with a residual around it.
#[derive(Debug)]
pub(super) struct AttentionBlock {
    group_norm: GroupNorm,
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Linear,
}

impl AttentionBlock {
    pub(super) fn load(scope: &Scope<'_>, channels: u32, groups: u32) -> Result<Self, ComputeError> {
        let linear = |name: &str| Linear::load(&scope.sub(name), channels, channels);
        Ok(Self {
            group_norm: GroupNorm::load(&scope.sub("group_norm"), channels, groups, EPS)?,
            to_q: linear("to_q")?,
            to_k: linear("to_k")?,
            to_v: linear("to_v")?,
            to_out: linear("to_out.0")?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let (_, _, height, width) = x.size4()?;
        let tokens = to_tokens(&self.group_norm.forward(x)?)?;
        let (query, key) = (self.to_q.forward(&tokens)?, self.to_k.forward(&tokens)?);
        let mixed = attention(&query, &key, &self.to_v.forward(&tokens)?, 1, false)?;
        Ok(from_tokens(&self.to_out.forward(&mixed)?, height, width)?.f_add(x)?)
    }
}
