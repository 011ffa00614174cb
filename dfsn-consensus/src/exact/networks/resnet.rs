//! `ResnetBlock2D`.

use super::super::op::LIMIT_ROW;
use super::super::program::{Builder, ProgramError};
use super::super::tensor::TensorId;
use super::layers::{ConvLayer, Quantised};

/// What all resnets of a network have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resnets {
    pub(super) groups: usize,
    pub(super) eps: u64,
    /// The activated time embedding, quantised, of networks that have one.
    pub(super) time: Option<Quantised>,
}

impl Resnets {
    /// Two convolutions, each after a norm, around which the input goes straight or through a projection.
    pub(super) fn push(
        self,
        builder: &mut Builder,
        name: &str,
        x: TensorId,
        outputs: usize,
    ) -> Result<TensorId, ProgramError> {
        let at = |part: &str| format!("{name}.{part}");
        let (_, inputs) = builder.rows_and_width(x);
        let first = builder.norm_silu(&at("norm1"), x, self.groups, self.eps)?;
        let embedding = self
            .time
            .map(|time| builder.linear(&at("time_emb_proj"), time, outputs, true, None))
            .transpose()?;
        let conv1 = at("conv1");
        let hidden = builder.conv(ConvLayer::same(&conv1, outputs), first, LIMIT_ROW, embedding, None)?;
        let second = builder.norm_silu(&at("norm2"), hidden, self.groups, self.eps)?;
        let residual = if inputs == outputs {
            x
        } else {
            let x = builder.quant_row(x)?;
            builder.linear(&at("conv_shortcut"), x, outputs, true, None)?
        };
        let conv2 = at("conv2");
        builder.conv(ConvLayer::same(&conv2, outputs), second, LIMIT_ROW, None, Some(residual))
    }
}
