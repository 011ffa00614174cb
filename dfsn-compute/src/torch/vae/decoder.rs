//! From latents to pixels.

use tch::Tensor;

use super::EPS;
use super::mid_block::MidBlock;
use crate::config::{Activation, VaeConfig};
use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::layers::{Conv2d, GroupNorm};
use crate::torch::resnet::{ResnetBlock2D, ResnetConfig, Upsample2D};
use crate::torch::weights::Scope;

/// The decoder network.
#[derive(Debug)]
pub(super) struct Decoder {
    conv_in: Conv2d,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    activation: Activation,
}

/// Resnets at one resolution, then a doubling.
#[derive(Debug)]
struct UpBlock {
    resnets: Vec<ResnetBlock2D>,
    upsampler: Option<Upsample2D>,
}

impl Decoder {
    pub(super) fn load(scope: &Scope<'_>, config: &VaeConfig) -> Result<Self, ComputeError> {
        let resnet = super::resnet_config(config);
        let outermost = config.block_out_channels[0];
        let innermost = *config.block_out_channels.last().unwrap_or(&outermost);
        let mut up_blocks = Vec::new();
        let mut inputs = innermost;
        for (index, &outputs) in config.block_out_channels.iter().rev().enumerate() {
            let is_last = index + 1 == config.block_out_channels.len();
            let layers = config.layers_per_block as usize + 1;
            let scope = scope.item("up_blocks", index);
            up_blocks.push(UpBlock::load(&scope, inputs, outputs, layers, is_last, resnet)?);
            inputs = outputs;
        }
        Ok(Self {
            conv_in: Conv2d::load_3x3(&scope.sub("conv_in"), config.latent_channels, innermost)?,
            mid_block: MidBlock::load(&scope.sub("mid_block"), innermost, config)?,
            up_blocks,
            conv_norm_out: GroupNorm::load(
                &scope.sub("conv_norm_out"),
                outermost,
                config.norm_num_groups,
                EPS,
            )?,
            conv_out: Conv2d::load_3x3(&scope.sub("conv_out"), outermost, config.out_channels)?,
            activation: config.act_fn,
        })
    }

    pub(super) fn forward(&self, latents: &Tensor) -> Result<Tensor, TorchError> {
        let mut x = self.mid_block.forward(&self.conv_in.forward(latents)?)?;
        for block in &self.up_blocks {
            x = block.forward(x)?;
        }
        self.conv_out.forward(&self.activation.forward(&self.conv_norm_out.forward(&x)?)?)
    }
}

impl UpBlock {
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
        let upsampler =
            (!is_last).then(|| Upsample2D::load(&scope.item("upsamplers", 0), outputs)).transpose()?;
        Ok(Self { resnets, upsampler })
    }

    fn forward(&self, mut x: Tensor) -> Result<Tensor, TorchError> {
        for resnet in &self.resnets {
            x = resnet.forward(&x, None)?;
        }
        match &self.upsampler {
            Some(upsampler) => upsampler.forward(&x, None),
            None => Ok(x),
        }
    }
}
