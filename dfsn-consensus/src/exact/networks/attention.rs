//! `Transformer2DModel`: attention over the pixels of a feature map.

use super::super::op::OpKind;
use super::super::program::{Builder, ProgramError};
use super::super::tensor::TensorId;
use super::layers::Quantised;

/// Epsilon of the transformer's norms, whatever the UNet's.
const GROUP_NORM_EPS: f64 = 1e-6;
const LAYER_NORM_EPS: f64 = 1e-5;

/// A transformer of one resolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transformer {
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) groups: usize,
    /// Text embeddings, quantised by tokens.
    pub(super) text: Quantised,
}

impl Transformer {
    pub(super) fn push(
        self,
        builder: &mut Builder,
        name: &str,
        x: TensorId,
    ) -> Result<TensorId, ProgramError> {
        let (_, width) = builder.rows_and_width(x);
        let eps = GROUP_NORM_EPS.to_bits();
        let normal = builder.norm_rows(&format!("{name}.norm"), x, self.groups, eps)?;
        let mut tokens = builder.linear(&format!("{name}.proj_in"), normal, width, true, None)?;
        for index in 0..self.layers {
            tokens = self.block(builder, &format!("{name}.transformer_blocks.{index}"), tokens)?;
        }
        let tokens = builder.quant_row(tokens)?;
        builder.linear(&format!("{name}.proj_out"), tokens, width, true, Some(x))
    }

    /// `BasicTransformerBlock`: over the pixels, over the text, then each pixel by itself.
    fn block(self, builder: &mut Builder, name: &str, x: TensorId) -> Result<TensorId, ProgramError> {
        let eps = LAYER_NORM_EPS.to_bits();
        let normal = builder.layer_norm_rows(&format!("{name}.norm1"), x, eps)?;
        let x = self.attend(builder, &format!("{name}.attn1"), normal, normal, x)?;
        let normal = builder.layer_norm_rows(&format!("{name}.norm2"), x, eps)?;
        let x = self.attend(builder, &format!("{name}.attn2"), normal, self.text, x)?;

        let normal = builder.layer_norm_rows(&format!("{name}.norm3"), x, eps)?;
        let mut dims = builder.dims(x).to_vec();
        let (_, width) = builder.rows_and_width(x);
        let inner = width.saturating_mul(4);
        let both =
            builder.linear(&format!("{name}.ff.net.0.proj"), normal, inner.saturating_mul(2), true, None)?;
        if let Some(last) = dims.last_mut() {
            *last = inner;
        }
        let gated = builder.quantise_rows(OpKind::GegluQuant, &[both], &dims)?;
        builder.linear(&format!("{name}.ff.net.2"), gated, width, true, Some(x))
    }

    fn attend(
        self,
        builder: &mut Builder,
        name: &str,
        x: Quantised,
        context: Quantised,
        residual: TensorId,
    ) -> Result<TensorId, ProgramError> {
        let (_, width) = builder.rows_and_width(x.values);
        let mut project = |part: &str, x| builder.linear(&format!("{name}.{part}"), x, width, false, None);
        let parts = [project("to_q", x)?, project("to_k", context)?, project("to_v", context)?];
        let mixed = builder.attention(parts, self.heads, false)?;
        let mixed = builder.quant_row(mixed)?;
        builder.linear(&format!("{name}.to_out.0"), mixed, width, true, Some(residual))
    }
}
