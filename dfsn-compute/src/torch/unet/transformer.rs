//! `Transformer2DModel`: attention over the pixels of a feature map.

use tch::Tensor;

use super::attention::{CrossAttention, GegluFeedForward, SelfAttention, TextKeys};
use super::blocks::BlockConfig;
use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::layers::{GroupNorm, LayerNorm, Linear, from_tokens, to_tokens};
use crate::torch::weights::Scope;

/// Epsilon of the group norm, whatever the UNet's `norm_eps`.
const GROUP_NORM_EPS: f64 = 1e-6;
const LAYER_NORM_EPS: f64 = 1e-5;

/// Basic transformer blocks between two projections, with a residual around all.
#[derive(Debug)]
pub(super) struct Transformer2DModel {
    norm: GroupNorm,
    /// Stored as a linear layer or as a 1x1 convolution, which on pixels in a row is the same.
    proj_in: Linear,
    blocks: Vec<BasicTransformerBlock>,
    proj_out: Linear,
}

#[derive(Debug)]
struct BasicTransformerBlock {
    norm1: LayerNorm,
    attn1: SelfAttention,
    norm2: LayerNorm,
    attn2: CrossAttention,
    norm3: LayerNorm,
    ff: GegluFeedForward,
}

impl Transformer2DModel {
    pub(super) fn load(
        scope: &Scope<'_>,
        block: &BlockConfig,
        cross_attentions: &mut usize,
    ) -> Result<Self, ComputeError> {
        let width = block.channels;
        let blocks = (0..block.transformer_layers as usize)
            .map(|index| {
                BasicTransformerBlock::load(&scope.item("transformer_blocks", index), block, cross_attentions)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            norm: GroupNorm::load(&scope.sub("norm"), width, block.groups, GROUP_NORM_EPS)?,
            proj_in: Linear::load(&scope.sub("proj_in"), width, width)?,
            blocks,
            proj_out: Linear::load(&scope.sub("proj_out"), width, width)?,
        })
    }

    pub(super) fn push_text_keys(&self, text: &Tensor, keys: &mut TextKeys) -> Result<(), TorchError> {
        self.blocks.iter().try_for_each(|block| block.attn2.push_text_keys(text, keys))
    }

    pub(super) fn forward(&self, x: &Tensor, text: &TextKeys) -> Result<Tensor, TorchError> {
        let (_, _, height, width) = x.size4()?;
        let mut tokens = self.proj_in.forward(&to_tokens(&self.norm.forward(x)?)?)?;
        for block in &self.blocks {
            tokens = block.forward(&tokens, text)?;
        }
        Ok(from_tokens(&self.proj_out.forward(&tokens)?, height, width)?.f_add(x)?)
    }
}

impl BasicTransformerBlock {
    fn load(
        scope: &Scope<'_>,
        block: &BlockConfig,
        cross_attentions: &mut usize,
    ) -> Result<Self, ComputeError> {
        let (width, heads) = (block.channels, block.heads);
        let norm = |name: &str| LayerNorm::load(&scope.sub(name), width, LAYER_NORM_EPS);
        Ok(Self {
            norm1: norm("norm1")?,
            attn1: SelfAttention::load(&scope.sub("attn1"), width, heads)?,
            norm2: norm("norm2")?,
            attn2: CrossAttention::load(
                &scope.sub("attn2"),
                width,
                block.text_width,
                heads,
                cross_attentions,
            )?,
            norm3: norm("norm3")?,
            ff: GegluFeedForward::load(&scope.sub("ff"), width)?,
        })
    }

    fn forward(&self, x: &Tensor, text: &TextKeys) -> Result<Tensor, TorchError> {
        let x = x.f_add(&self.attn1.forward(&self.norm1.forward(x)?)?)?;
        let x = x.f_add(&self.attn2.forward(&self.norm2.forward(&x)?, text)?)?;
        Ok(x.f_add(&self.ff.forward(&self.norm3.forward(&x)?)?)?)
    }
}
