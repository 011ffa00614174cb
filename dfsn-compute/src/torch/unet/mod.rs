//! The denoising network, `UNet2DConditionModel`.

mod attention;
mod blocks;
mod embeddings;
mod transformer;

use tch::Tensor;

use super::TorchError;
use super::layers::{Conv2d, GroupNorm};
use super::weights::Weights;
use crate::config::{Activation, UNetConfig};
use crate::error::ComputeError;

pub(super) use attention::TextKeys;
use blocks::{BlockConfig, DownBlock, MidBlock, UpBlock};
use embeddings::{AddEmbedding, TimestepEmbedding};

/// Predicts noise (or what the model was trained to predict) in latents.
#[derive(Debug)]
pub(super) struct UNet2DConditionModel {
    time_embedding: TimestepEmbedding,
    add_embedding: Option<AddEmbedding>,
    conv_in: Conv2d,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
    activation: Activation,
    center_input_sample: bool,
}

impl UNet2DConditionModel {
    pub(super) fn load(weights: &Weights, config: &UNetConfig) -> Result<Self, ComputeError> {
        let scope = weights.root();
        let first = config.block_out_channels[0];
        let blocks = config.block_out_channels.len();
        let mut cross_attentions = 0;

        let mut down_blocks = Vec::with_capacity(blocks);
        let mut inputs = first;
        for index in 0..blocks {
            let block = BlockConfig::new(config, index, config.layers_per_block[index]);
            let is_last = index + 1 == blocks;
            let scope = scope.item("down_blocks", index);
            let kind = config.down_block_types[index];
            down_blocks.push(DownBlock::load(&scope, &block, kind, inputs, is_last, &mut cross_attentions)?);
            inputs = block.channels;
        }

        let last = BlockConfig::new(config, blocks - 1, 1);
        let mid_block = MidBlock::load(&scope.sub("mid_block"), &last, &mut cross_attentions)?;

        let mut up_blocks = Vec::with_capacity(blocks);
        for (up_index, index) in (0..blocks).rev().enumerate() {
            let block = BlockConfig::new(config, index, config.layers_per_block[index] + 1);
            // The way up ends at the channels that the first down block took in.
            let outermost_skip = config.block_out_channels[index.saturating_sub(1)];
            let scope = scope.item("up_blocks", up_index);
            let kind = config.up_block_types[up_index];
            let is_last = index == 0;
            up_blocks.push(UpBlock::load(
                &scope,
                &block,
                kind,
                inputs,
                outermost_skip,
                is_last,
                &mut cross_attentions,
            )?);
            inputs = block.channels;
        }

        Ok(Self {
            time_embedding: TimestepEmbedding::load(&scope.sub("time_embedding"), config)?,
            add_embedding: config
                .add_embedding
                .map(|added| AddEmbedding::load(&scope.sub("add_embedding"), config, added))
                .transpose()?,
            conv_in: Conv2d::load_3x3(&scope.sub("conv_in"), config.in_channels, first)?,
            down_blocks,
            mid_block,
            up_blocks,
            conv_norm_out: GroupNorm::load(
                &scope.sub("conv_norm_out"),
                first,
                config.norm_num_groups,
                config.norm_eps,
            )?,
            conv_out: Conv2d::load_3x3(&scope.sub("conv_out"), first, config.out_channels)?,
            activation: config.act_fn,
            center_input_sample: config.center_input_sample,
        })
    }

    /// What pooled text `[prompts, width]` and the picture's size add to the timestep's embedding, the same at every
    /// step; nothing in models without it.
    pub(super) fn added(&self, pooled: &Tensor, time_ids: &[f32]) -> Result<Option<Tensor>, TorchError> {
        self.add_embedding.as_ref().map(|added| added.forward(pooled, time_ids)).transpose()
    }

    /// What the cross-attentions make of `[batch, tokens, width]` text embeddings, the same at every step.
    pub(super) fn text_keys(&self, text: &Tensor) -> Result<TextKeys, TorchError> {
        let mut keys = TextKeys::default();
        for block in &self.down_blocks {
            block.push_text_keys(text, &mut keys)?;
        }
        self.mid_block.push_text_keys(text, &mut keys)?;
        for block in &self.up_blocks {
            block.push_text_keys(text, &mut keys)?;
        }
        Ok(keys)
    }

    /// From `[batch, in_channels, height, width]` to a prediction of the same height and width. `added` is what
    /// [`Self::added`] gave.
    pub(super) fn forward(
        &self,
        sample: &Tensor,
        timestep: f32,
        text: &TextKeys,
        added: Option<&Tensor>,
    ) -> Result<Tensor, TorchError> {
        let mut time = self.time_embedding.forward(timestep, sample.device())?;
        if let Some(added) = added {
            time = time.f_add(added)?;
        }
        // Every resnet begins with the activation of the embedding.
        let time = self.activation.forward(&time)?;
        let mut x = if self.center_input_sample {
            self.conv_in.forward(&sample.f_mul_scalar(2.0)?.f_sub_scalar(1.0)?)?
        } else {
            self.conv_in.forward(sample)?
        };
        let mut skips = vec![x.shallow_clone()];
        for block in &self.down_blocks {
            x = block.forward(x, &time, text, &mut skips)?;
        }
        x = self.mid_block.forward(&x, &time, text)?;
        for block in &self.up_blocks {
            x = block.forward(x, &time, text, &mut skips)?;
        }
        let x = self.activation.forward(&self.conv_norm_out.forward(&x)?)?;
        self.conv_out.forward(&x)
    }
}
