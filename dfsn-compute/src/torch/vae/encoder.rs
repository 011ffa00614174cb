//! From pixels to latents.

use tch::Tensor;

use super::EPS;
use super::mid_block::MidBlock;
use crate::config::{Activation, VaeConfig};
use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::layers::{Conv2d, GroupNorm};
use crate::torch::resnet::{ResnetBlock2D, ResnetConfig};
use crate::torch::weights::Scope;

/// The encoder network.
#[derive(Debug)]
pub(super) struct Encoder {
    conv_in: Conv2d,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    activation: Activation,
}

/// Resnets at one resolution, then a halving.
#[derive(Debug)]
struct DownBlock {
    resnets: Vec<ResnetBlock2D>,
    downsampler: Option<Conv2d>,
}

impl Encoder {
    pub(super) fn load(scope: &Scope<'_>, config: &VaeConfig) -> Result<Self, ComputeError> {
        let outermost = config.block_out_channels[0];
        let innermost = *config.block_out_channels.last().unwrap_or(&outermost);
        let mut down_blocks = Vec::new();
        let mut inputs = outermost;
        for (index, &outputs) in config.block_out_channels.iter().enumerate() {
            let is_last = index + 1 == config.block_out_channels.len();
            let layers = config.layers_per_block as usize;
            let scope = scope.item("down_blocks", index);
            let resnet = super::resnet_config(config);
            down_blocks.push(DownBlock::load(&scope, inputs, outputs, layers, is_last, resnet)?);
            inputs = outputs;
        }
        let groups = config.norm_num_groups;
        Ok(Self {
            conv_in: Conv2d::load_3x3(&scope.sub("conv_in"), config.in_channels, outermost)?,
            down_blocks,
            mid_block: MidBlock::load(&scope.sub("mid_block"), innermost, config)?,
            conv_norm_out: GroupNorm::load(&scope.sub("conv_norm_out"), innermost, groups, EPS)?,
            conv_out: Conv2d::load_3x3(&scope.sub("conv_out"), innermost, 2 * config.latent_channels)?,
            activation: config.act_fn,
        })
    }

    /// Gives means and logarithms of variances, one after the other along the channels.
    pub(super) fn forward(&self, image: &Tensor) -> Result<Tensor, TorchError> {
        let mut x = self.conv_in.forward(image)?;
        for block in &self.down_blocks {
            x = block.forward(x)?;
        }
        let x = self.mid_block.forward(&x)?;
        self.conv_out.forward(&self.activation.forward(&self.conv_norm_out.forward(&x)?)?)
    }
}

impl DownBlock {
    fn load(
        scope: &Scope<'_>,
        inputs: u32,
        outputs: u32,
        layers: usize,
        is_last: bool,
        resnet: ResnetConfig,
    ) -> Result<Self, ComputeError> {
        let resnets = (0..layers)
            .map(|index| {
                let inputs = if index == 0 { inputs } else { outputs };
                ResnetBlock2D::load(&scope.item("resnets", index), inputs, outputs, resnet)
            })
            .collect::<Result<_, _>>()?;
        let downsampler = (!is_last)
            .then(|| Conv2d::load_half(&scope.item("downsamplers", 0).sub("conv"), outputs, 0))
            .transpose()?;
        Ok(Self { resnets, downsampler })
    }

    fn forward(&self, mut x: Tensor) -> Result<Tensor, TorchError> {
        for resnet in &self.resnets {
            x = resnet.forward(&x, None)?;
        }
        match &self.downsampler {
            // Zeros on the right and below only.
            Some(downsampler) => downsampler.forward(&x.f_pad([0, 1, 0, 1], "constant", Some(0.0))?),
            None => Ok(x),
        }
    }
}
