//! `ResnetBlock2D` and nearest-neighbour upsampling, shared by UNet and VAE.

use tch::Tensor;

use super::TorchError;
use super::layers::{Conv2d, GroupNorm, Linear};
use super::weights::Scope;
use crate::config::Activation;
use crate::error::ComputeError;

/// Two convolutions with a residual around them; the UNet adds the time embedding in between.
#[derive(Debug)]
pub(super) struct ResnetBlock2D {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
    activation: Activation,
}

/// What a resnet's arithmetic depends on besides its channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResnetConfig {
    pub(super) groups: u32,
    pub(super) eps: f64,
    pub(super) activation: Activation,
    /// Width of the time embedding, if the resnet takes one.
    pub(super) time_width: Option<u32>,
}

impl ResnetBlock2D {
    pub(super) fn load(
        scope: &Scope<'_>,
        inputs: u32,
        outputs: u32,
        config: ResnetConfig,
    ) -> Result<Self, ComputeError> {
        let ResnetConfig { groups, eps, activation, time_width } = config;
        let time_emb_proj =
            time_width.map(|width| Linear::load(&scope.sub("time_emb_proj"), width, outputs)).transpose()?;
        let conv_shortcut = (inputs != outputs)
            .then(|| Conv2d::load_1x1(&scope.sub("conv_shortcut"), inputs, outputs))
            .transpose()?;
        Ok(Self {
            norm1: GroupNorm::load(&scope.sub("norm1"), inputs, groups, eps)?,
            conv1: Conv2d::load_3x3(&scope.sub("conv1"), inputs, outputs)?,
            time_emb_proj,
            norm2: GroupNorm::load(&scope.sub("norm2"), outputs, groups, eps)?,
            conv2: Conv2d::load_3x3(&scope.sub("conv2"), outputs, outputs)?,
            conv_shortcut,
            activation,
        })
    }

    /// `time` is the activated time embedding, `[1, width]`.
    pub(super) fn forward(&self, x: &Tensor, time: Option<&Tensor>) -> Result<Tensor, TorchError> {
        let mut hidden = self.conv1.forward(&self.activation.forward(&self.norm1.forward(x)?)?)?;
        if let (Some(projection), Some(time)) = (&self.time_emb_proj, time) {
            hidden = hidden.f_add(&projection.forward(time)?.f_unsqueeze(-1)?.f_unsqueeze(-1)?)?;
        }
        let hidden = self.conv2.forward(&self.activation.forward(&self.norm2.forward(&hidden)?)?)?;
        match &self.conv_shortcut {
            Some(shortcut) => Ok(shortcut.forward(x)?.f_add(&hidden)?),
            None => Ok(x.f_add(&hidden)?),
        }
    }
}

/// Doubles height and width, or takes them to `size`, by repeating pixels; then convolves.
#[derive(Debug)]
pub(super) struct Upsample2D {
    conv: Conv2d,
}

impl Upsample2D {
    pub(super) fn load(scope: &Scope<'_>, channels: u32) -> Result<Self, ComputeError> {
        Ok(Self { conv: Conv2d::load_3x3(&scope.sub("conv"), channels, channels)? })
    }

    pub(super) fn forward(&self, x: &Tensor, size: Option<(i64, i64)>) -> Result<Tensor, TorchError> {
        let (_, _, height, width) = x.size4()?;
        let (height, width) = size.unwrap_or((2 * height, 2 * width));
        self.conv.forward(&x.f_upsample_nearest2d([height, width], None, None)?)
    }
}
