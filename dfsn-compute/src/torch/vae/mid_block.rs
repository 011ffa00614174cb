//! The block in the middle of both halves.

use tch::Tensor;

use super::attention::AttentionBlock;
use crate::config::VaeConfig;
use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::resnet::ResnetBlock2D;
use crate::torch::weights::Scope;

/// Resnet, attention, resnet at the lowest resolution.
#[derive(Debug)]
pub(super) struct MidBlock {
    first: ResnetBlock2D,
    attention: Option<AttentionBlock>,
    last: ResnetBlock2D,
}

impl MidBlock {
    pub(super) fn load(scope: &Scope<'_>, channels: u32, config: &VaeConfig) -> Result<Self, ComputeError> {
        let resnet = super::resnet_config(config);
        let attention = config
            .mid_block_add_attention
            .then(|| AttentionBlock::load(&scope.item("attentions", 0), channels, resnet.groups))
            .transpose()?;
        Ok(Self {
            first: ResnetBlock2D::load(&scope.item("resnets", 0), channels, channels, resnet)?,
            attention,
            last: ResnetBlock2D::load(&scope.item("resnets", 1), channels, channels, resnet)?,
        })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let mut x = self.first.forward(x, None)?;
        if let Some(attention) = &self.attention {
            x = attention.forward(&x)?;
        }
        self.last.forward(&x, None)
    }
}
