//! `UNet2DConditionModel`.

use super::super::config::{BlockShape, UNetShape};
use super::super::op::{Activation, LIMIT_ROW, OpKind, Window};
use super::super::program::{Builder, Program, ProgramError};
use super::super::tensor::{Element, TensorId};
use super::attention::Transformer;
use super::layers::{ConvLayer, Quantised};
use super::resnet::Resnets;

/// Numbers about the picture's size that Stable Diffusion XL embeds.
const TIME_IDS: usize = 6;

/// One call of the UNet for one prompt. Inputs: latents f32 `[height][width][in_channels]`, the timestep f32 `[1]`, text
/// f32 `[tokens][cross_attention_dim]`, and, with `add_embedding`, pooled text f32 `[1][width]` and six numbers f32
/// `[6]`. Output: f32 `[height][width][out_channels]`.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn unet(shape: &UNetShape, height: usize, width: usize, tokens: usize) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("unet");
    let b = &mut builder;
    let sample = b.input(Element::F32, &[height, width, shape.in_channels])?;
    let timestep = b.input(Element::F32, &[1])?;
    let text = b.input(Element::F32, &[tokens, shape.cross_attention_dim])?;
    let first = shape.blocks.first().map_or(0, |block| block.channels);

    let time = time_embedding(b, shape, timestep, first)?;
    let (groups, eps) = (shape.norm_num_groups, shape.norm_eps);
    let resnets = Resnets { groups, eps, time: Some(time) };
    let text = b.quant_row(text)?;
    let net = Net { shape, resnets, text };

    let mut x = b.raw_conv(ConvLayer::same("conv_in", first), sample)?;
    let mut skips = vec![x];
    for (index, block) in shape.blocks.iter().enumerate() {
        x = net.down(b, index, *block, x, &mut skips)?;
    }
    x = net.middle(b, x)?;
    for (up, index) in (0..shape.blocks.len()).rev().enumerate() {
        x = net.up(b, up, index, x, &mut skips)?;
    }
    let last = b.norm_silu("conv_norm_out", x, groups, eps)?;
    let out = b.conv(ConvLayer::same("conv_out", shape.out_channels), last, LIMIT_ROW, None, None)?;
    builder.finish(vec![out])
}

/// The activated embedding of the timestep, which every resnet is given.
fn time_embedding(
    b: &mut Builder,
    shape: &UNetShape,
    timestep: TensorId,
    first: usize,
) -> Result<Quantised, ProgramError> {
    let inner = shape.time_embedding_dim;
    let waves =
        |width| OpKind::Waves { width, cosines_first: shape.flip_sin_to_cos, shift: shape.freq_shift };
    let embedded = b.push(waves(first), &[timestep], Element::F32, &[1, first])?;
    let two_layers = |b: &mut Builder, name: &str, x: TensorId, residual| {
        let x = b.quant_row(x)?;
        let x = b.linear(&format!("{name}.linear_1"), x, inner, true, None)?;
        let x = b.quantise_rows(OpKind::ActivateQuant(Activation::Silu), &[x], &[1, inner])?;
        b.linear(&format!("{name}.linear_2"), x, inner, true, residual)
    };
    let mut time = two_layers(b, "time_embedding", embedded, None)?;
    if let Some((pooled, width)) = shape.add_embedding {
        let text = b.input(Element::F32, &[1, pooled])?;
        let numbers = b.input(Element::F32, &[TIME_IDS])?;
        let embedded =
            b.push(waves(width), &[numbers], Element::F32, &[1, TIME_IDS.saturating_mul(width)])?;
        let dims = [1, TIME_IDS.saturating_mul(width).saturating_add(pooled)];
        let both = b.push(OpKind::Concat, &[text, embedded], Element::F32, &dims)?;
        time = two_layers(b, "add_embedding", both, Some(time))?;
    }
    b.quantise_rows(OpKind::ActivateQuant(Activation::Silu), &[time], &[1, inner])
}

/// What all blocks of one UNet need.
struct Net<'a> {
    shape: &'a UNetShape,
    resnets: Resnets,
    text: Quantised,
}

impl Net<'_> {
    fn transformer(&self, block: BlockShape) -> Transformer {
        Transformer {
            layers: block.transformer_layers,
            heads: block.heads,
            groups: self.shape.norm_num_groups,
            text: self.text,
        }
    }

    fn down(
        &self,
        b: &mut Builder,
        index: usize,
        block: BlockShape,
        mut x: TensorId,
        skips: &mut Vec<TensorId>,
    ) -> Result<TensorId, ProgramError> {
        let name = format!("down_blocks.{index}");
        for layer in 0..block.resnets {
            x = self.resnets.push(b, &format!("{name}.resnets.{layer}"), x, block.channels)?;
            if block.down_attention {
                x = self.transformer(block).push(b, &format!("{name}.attentions.{layer}"), x)?;
            }
            skips.push(x);
        }
        if index.saturating_add(1) < self.shape.blocks.len() {
            let name = format!("{name}.downsamplers.0.conv");
            let window = Window { kernel: 3, stride: 2, padding: 1, upsample: None };
            x = b.raw_conv(ConvLayer { name: &name, outputs: block.channels, window }, x)?;
            skips.push(x);
        }
        Ok(x)
    }

    fn middle(&self, b: &mut Builder, mut x: TensorId) -> Result<TensorId, ProgramError> {
        let Some(&block) = self.shape.blocks.last() else { return Err(ProgramError::Size(Vec::new())) };
        x = self.resnets.push(b, "mid_block.resnets.0", x, block.channels)?;
        x = self.transformer(block).push(b, "mid_block.attentions.0", x)?;
        self.resnets.push(b, "mid_block.resnets.1", x, block.channels)
    }

    /// `up` counts from the inside, `index` is the same resolution's on the way down.
    fn up(
        &self,
        b: &mut Builder,
        up: usize,
        index: usize,
        mut x: TensorId,
        skips: &mut Vec<TensorId>,
    ) -> Result<TensorId, ProgramError> {
        let Some(&block) = self.shape.blocks.get(index) else { return Err(ProgramError::Size(Vec::new())) };
        let name = format!("up_blocks.{up}");
        for layer in 0..=block.resnets {
            let Some(skip) = skips.pop() else { return Err(ProgramError::Size(Vec::new())) };
            let mut dims = b.dims(x).to_vec();
            let more = b.rows_and_width(skip).1;
            if let Some(last) = dims.last_mut() {
                *last = last.saturating_add(more);
            }
            x = b.push(OpKind::Concat, &[x, skip], Element::F32, &dims)?;
            x = self.resnets.push(b, &format!("{name}.resnets.{layer}"), x, block.channels)?;
            if block.up_attention {
                x = self.transformer(block).push(b, &format!("{name}.attentions.{layer}"), x)?;
            }
        }
        // Where halving rounded up, the skip tells the size to go back to.
        if let (true, Some(&skip)) = (index > 0, skips.last()) {
            let &[height, width, _] = b.dims(skip) else { return Err(ProgramError::Size(Vec::new())) };
            let name = format!("{name}.upsamplers.0.conv");
            let window = Window { kernel: 3, stride: 1, padding: 1, upsample: Some((height, width)) };
            x = b.raw_conv(ConvLayer { name: &name, outputs: block.channels, window }, x)?;
        }
        Ok(x)
    }
}
