//! The blocks on the way down, in the middle and on the way up.

use tch::Tensor;

use super::attention::{Heads, TextKeys};
use super::transformer::Transformer2DModel;
use crate::config::{DownBlockType, UNetConfig, UpBlockType};
use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::layers::Conv2d;
use crate::torch::resnet::{ResnetBlock2D, ResnetConfig, Upsample2D};
use crate::torch::weights::Scope;

/// What the layers of one block share.
#[derive(Debug)]
pub(super) struct BlockConfig {
    pub(super) channels: u32,
    pub(super) layers: usize,
    pub(super) transformer_layers: u32,
    pub(super) heads: Heads,
    pub(super) text_width: u32,
    pub(super) groups: u32,
    resnet: ResnetConfig,
    downsample_padding: u32,
}

impl BlockConfig {
    /// Block `index` counted from the picture's side.
    pub(super) fn new(config: &UNetConfig, index: usize, layers: u32) -> Self {
        Self {
            channels: config.block_out_channels[index],
            layers: layers as usize,
            transformer_layers: config.transformer_layers_per_block[index],
            heads: Heads { count: config.num_attention_heads[index], upcast: config.upcast_attention },
            text_width: config.cross_attention_dim,
            groups: config.norm_num_groups,
            resnet: ResnetConfig {
                groups: config.norm_num_groups,
                eps: config.norm_eps,
                activation: config.act_fn,
                time_width: Some(config.time_embedding_dim),
            },
            downsample_padding: config.downsample_padding,
        }
    }

    fn resnet(&self, scope: &Scope<'_>, index: usize, inputs: u32) -> Result<ResnetBlock2D, ComputeError> {
        ResnetBlock2D::load(&scope.item("resnets", index), inputs, self.channels, self.resnet)
    }

    fn layer(
        &self,
        scope: &Scope<'_>,
        index: usize,
        inputs: u32,
        has_text: bool,
        cross_attentions: &mut usize,
    ) -> Result<Layer, ComputeError> {
        let resnet = self.resnet(scope, index, inputs)?;
        let transformer = has_text
            .then(|| Transformer2DModel::load(&scope.item("attentions", index), self, cross_attentions))
            .transpose()?;
        Ok(Layer { resnet, transformer })
    }
}

/// A resnet and, in blocks with cross-attention, the transformer after it.
#[derive(Debug)]
struct Layer {
    resnet: ResnetBlock2D,
    transformer: Option<Transformer2DModel>,
}

impl Layer {
    fn push_text_keys(&self, text: &Tensor, keys: &mut TextKeys) -> Result<(), TorchError> {
        self.transformer.iter().try_for_each(|transformer| transformer.push_text_keys(text, keys))
    }

    fn forward(&self, x: &Tensor, time: &Tensor, text: &TextKeys) -> Result<Tensor, TorchError> {
        let x = self.resnet.forward(x, Some(time))?;
        match &self.transformer {
            Some(transformer) => transformer.forward(&x, text),
            None => Ok(x),
        }
    }
}

/// A block on the way down.
#[derive(Debug)]
pub(super) struct DownBlock {
    layers: Vec<Layer>,
    downsampler: Option<Conv2d>,
}

impl DownBlock {
    pub(super) fn load(
        scope: &Scope<'_>,
        block: &BlockConfig,
        kind: DownBlockType,
        inputs: u32,
        is_last: bool,
        cross_attentions: &mut usize,
    ) -> Result<Self, ComputeError> {
        let has_text = kind == DownBlockType::CrossAttention;
        let layers = (0..block.layers)
            .map(|index| {
                let inputs = if index == 0 { inputs } else { block.channels };
                block.layer(scope, index, inputs, has_text, cross_attentions)
            })
            .collect::<Result<_, _>>()?;
        let downsampler = (!is_last)
            .then(|| {
                let scope = scope.item("downsamplers", 0).sub("conv");
                Conv2d::load_half(&scope, block.channels, block.downsample_padding)
            })
            .transpose()?;
        Ok(Self { layers, downsampler })
    }

    pub(super) fn push_text_keys(&self, text: &Tensor, keys: &mut TextKeys) -> Result<(), TorchError> {
        self.layers.iter().try_for_each(|layer| layer.push_text_keys(text, keys))
    }

    /// Keeps the output of every layer for the way up.
    pub(super) fn forward(
        &self,
        mut x: Tensor,
        time: &Tensor,
        text: &TextKeys,
        skips: &mut Vec<Tensor>,
    ) -> Result<Tensor, TorchError> {
        for layer in &self.layers {
            x = layer.forward(&x, time, text)?;
            skips.push(x.shallow_clone());
        }
        if let Some(downsampler) = &self.downsampler {
            x = downsampler.forward(&x)?;
            skips.push(x.shallow_clone());
        }
        Ok(x)
    }
}

/// The innermost block: resnet, transformer, resnet.
#[derive(Debug)]
pub(super) struct MidBlock {
    first: Layer,
    last: ResnetBlock2D,
}

impl MidBlock {
    pub(super) fn load(
        scope: &Scope<'_>,
        block: &BlockConfig,
        cross_attentions: &mut usize,
    ) -> Result<Self, ComputeError> {
        let first = block.layer(scope, 0, block.channels, true, cross_attentions)?;
        Ok(Self { first, last: block.resnet(scope, 1, block.channels)? })
    }

    pub(super) fn push_text_keys(&self, text: &Tensor, keys: &mut TextKeys) -> Result<(), TorchError> {
        self.first.push_text_keys(text, keys)
    }

    pub(super) fn forward(&self, x: &Tensor, time: &Tensor, text: &TextKeys) -> Result<Tensor, TorchError> {
        self.last.forward(&self.first.forward(x, time, text)?, Some(time))
    }
}

/// A block on the way up; every layer takes one of the way down's outputs beside its input.
#[derive(Debug)]
pub(super) struct UpBlock {
    layers: Vec<Layer>,
    upsampler: Option<Upsample2D>,
}

impl UpBlock {
    /// `last_skip` is the number of channels of the skip that the last layer takes.
    pub(super) fn load(
        scope: &Scope<'_>,
        block: &BlockConfig,
        kind: UpBlockType,
        inputs: u32,
        last_skip: u32,
        is_last: bool,
        cross_attentions: &mut usize,
    ) -> Result<Self, ComputeError> {
        let has_text = kind == UpBlockType::CrossAttention;
        let layers = (0..block.layers)
            .map(|index| {
                let inputs = if index == 0 { inputs } else { block.channels };
                let skip = if index + 1 == block.layers { last_skip } else { block.channels };
                block.layer(scope, index, inputs + skip, has_text, cross_attentions)
            })
            .collect::<Result<_, _>>()?;
        let upsampler =
            (!is_last).then(|| Upsample2D::load(&scope.item("upsamplers", 0), block.channels)).transpose()?;
        Ok(Self { layers, upsampler })
    }

    pub(super) fn push_text_keys(&self, text: &Tensor, keys: &mut TextKeys) -> Result<(), TorchError> {
        self.layers.iter().try_for_each(|layer| layer.push_text_keys(text, keys))
    }

    pub(super) fn forward(
        &self,
        mut x: Tensor,
        time: &Tensor,
        text: &TextKeys,
        skips: &mut Vec<Tensor>,
    ) -> Result<Tensor, TorchError> {
        for layer in &self.layers {
            // The configuration makes as many skips on the way down as the way up takes.
            let Some(skip) = skips.pop() else {
                return Err(TorchError::Operation("the way up takes more skips than there are".to_owned()));
            };
            x = layer.forward(&Tensor::f_cat(&[x, skip], 1)?, time, text)?;
        }
        match &self.upsampler {
            // Where halving rounded up, the skip tells the size to go back to.
            Some(upsampler) => {
                let size = skips.last().map(|skip| skip.size4()).transpose()?;
                upsampler.forward(&x, size.map(|(_, _, height, width)| (height, width)))
            }
            None => Ok(x),
        }
    }
}
