//! `AutoencoderKL`.

use super::super::config::VaeShape;
use super::super::op::{LIMIT_ROW, OpKind, Window};
use super::super::program::{Builder, Program, ProgramError};
use super::super::tensor::{Element, TensorId};
use super::layers::ConvLayer;
use super::resnet::Resnets;

/// Epsilon of every group norm.
const EPS: f64 = 1e-6;

/// From latents f32 `[height][width][latent_channels]` to a picture f32 `[8 height][8 width][image_channels]` (or
/// another power of two) about -1 to 1.
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn decoder(shape: &VaeShape, height: usize, width: usize) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("vae");
    let b = &mut builder;
    let latents = b.input(Element::F32, &[height, width, shape.latent_channels])?;
    let dims = b.dims(latents).to_vec();
    let mut x = b.push(OpKind::Divide(shape.scaling_factor), &[latents], Element::F32, &dims)?;
    if shape.use_quant_conv {
        let rows = b.quant_row(x)?;
        x = b.linear("post_quant_conv", rows, shape.latent_channels, true, None)?;
    }
    let innermost = shape.channels.last().copied().unwrap_or(0);
    let net = Net::of(shape);
    x = b.raw_conv(ConvLayer::same("decoder.conv_in", innermost), x)?;
    x = net.middle(b, "decoder.mid_block", x)?;
    for (index, &channels) in shape.channels.iter().rev().enumerate() {
        let name = format!("decoder.up_blocks.{index}");
        for layer in 0..=shape.layers {
            x = net.resnets.push(b, &format!("{name}.resnets.{layer}"), x, channels)?;
        }
        if index.saturating_add(1) < shape.channels.len() {
            let &[height, width, _] = b.dims(x) else { return Err(ProgramError::Size(Vec::new())) };
            let name = format!("{name}.upsamplers.0.conv");
            let upsample = Some((height.saturating_mul(2), width.saturating_mul(2)));
            let window = Window { kernel: 3, stride: 1, padding: 1, upsample };
            x = b.raw_conv(ConvLayer { name: &name, outputs: channels, window }, x)?;
        }
    }
    let out = net.last(b, "decoder", x, shape.image_channels)?;
    builder.finish(vec![out])
}

/// From a picture f32 `[height][width][image_channels]` of -1 to 1 to means and logarithms of variances of its latents,
/// f32 `[height / 8][width / 8][2 * latent_channels]` (or another power of two).
///
/// # Errors
/// [`ProgramError`] for sizes that have no exact form.
pub fn encoder(shape: &VaeShape, height: usize, width: usize) -> Result<Program, ProgramError> {
    let mut builder = Builder::new("vae");
    let b = &mut builder;
    let image = b.input(Element::F32, &[height, width, shape.image_channels])?;
    let net = Net::of(shape);
    let outermost = shape.channels.first().copied().unwrap_or(0);
    let mut x = b.raw_conv(ConvLayer::same("encoder.conv_in", outermost), image)?;
    for (index, &channels) in shape.channels.iter().enumerate() {
        let name = format!("encoder.down_blocks.{index}");
        for layer in 0..shape.layers {
            x = net.resnets.push(b, &format!("{name}.resnets.{layer}"), x, channels)?;
        }
        if index.saturating_add(1) < shape.channels.len() {
            let name = format!("{name}.downsamplers.0.conv");
            let window = Window { kernel: 3, stride: 2, padding: 0, upsample: None };
            x = b.raw_conv(ConvLayer { name: &name, outputs: channels, window }, x)?;
        }
    }
    x = net.middle(b, "encoder.mid_block", x)?;
    let moments = shape.latent_channels.saturating_mul(2);
    let mut out = net.last(b, "encoder", x, moments)?;
    if shape.use_quant_conv {
        let rows = b.quant_row(out)?;
        out = b.linear("quant_conv", rows, moments, true, None)?;
    }
    builder.finish(vec![out])
}

/// What both halves have in common.
struct Net {
    resnets: Resnets,
}

impl Net {
    fn of(shape: &VaeShape) -> Self {
        Self { resnets: Resnets { groups: shape.norm_num_groups, eps: EPS.to_bits(), time: None } }
    }

    /// Two resnets around an attention of one head over all channels.
    fn middle(&self, b: &mut Builder, name: &str, x: TensorId) -> Result<TensorId, ProgramError> {
        let (_, channels) = b.rows_and_width(x);
        let x = self.resnets.push(b, &format!("{name}.resnets.0"), x, channels)?;
        let at = |part: &str| format!("{name}.attentions.0.{part}");
        let normal = b.norm_rows(&at("group_norm"), x, self.resnets.groups, self.resnets.eps)?;
        let mut project = |part: &str| b.linear(&at(part), normal, channels, true, None);
        let parts = [project("to_q")?, project("to_k")?, project("to_v")?];
        let mixed = b.attention(parts, 1, false)?;
        let mixed = b.quant_row(mixed)?;
        let x = b.linear(&at("to_out.0"), mixed, channels, true, Some(x))?;
        self.resnets.push(b, &format!("{name}.resnets.1"), x, channels)
    }

    fn last(
        &self,
        b: &mut Builder,
        name: &str,
        x: TensorId,
        outputs: usize,
    ) -> Result<TensorId, ProgramError> {
        let norm = format!("{name}.conv_norm_out");
        let x = b.norm_silu(&norm, x, self.resnets.groups, self.resnets.eps)?;
        let name = format!("{name}.conv_out");
        b.conv(ConvLayer::same(&name, outputs), x, LIMIT_ROW, None, None)
    }
}
