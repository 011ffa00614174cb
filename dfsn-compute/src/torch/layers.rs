//! The layers that all three networks are made of.

use tch::{Kind, Tensor};

use super::TorchError;
use super::lora::{Adapters, LayerKind};
use super::weights::Scope;
use crate::config::Activation;
use crate::error::ComputeError;

/// `x W^T + b` over the last dimension.
#[derive(Debug)]
pub(super) struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    adapters: Adapters,
}

impl Linear {
    pub(super) fn load(scope: &Scope<'_>, inputs: u32, outputs: u32) -> Result<Self, ComputeError> {
        let mut linear = Self::load_without_bias(scope, inputs, outputs)?;
        linear.bias = Some(scope.tensor("bias", &[i64::from(outputs)])?);
        Ok(linear)
    }

    pub(super) fn load_without_bias(
        scope: &Scope<'_>,
        inputs: u32,
        outputs: u32,
    ) -> Result<Self, ComputeError> {
        let weight = scope.tensor("weight", &[i64::from(outputs), i64::from(inputs)])?;
        let adapters = scope.register(&weight, LayerKind::Linear);
        Ok(Self { weight, bias: None, adapters })
    }

    /// The number format of the weight, which inputs must have.
    pub(super) fn kind(&self) -> Kind {
        self.weight.kind()
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let linear = |x: &Tensor, weight: &Tensor| Ok(x.f_linear(weight, None::<&Tensor>)?);
        let output = x.f_linear(&self.weight, self.bias.as_ref())?;
        self.adapters.add(output, |down| linear(x, down), linear)
    }
}

/// A two-dimensional convolution over `[batch, channels, height, width]`.
#[derive(Debug)]
pub(super) struct Conv2d {
    weight: Tensor,
    bias: Tensor,
    stride: i64,
    padding: i64,
    is_circular: bool,
    adapters: Adapters,
}

impl Conv2d {
    /// A 3x3 convolution that keeps height and width.
    pub(super) fn load_3x3(scope: &Scope<'_>, inputs: u32, outputs: u32) -> Result<Self, ComputeError> {
        Self::load(scope, inputs, outputs, 3, 1, 1)
    }

    /// A 1x1 convolution.
    pub(super) fn load_1x1(scope: &Scope<'_>, inputs: u32, outputs: u32) -> Result<Self, ComputeError> {
        Self::load(scope, inputs, outputs, 1, 1, 0)
    }

    /// A 3x3 convolution that halves height and width.
    pub(super) fn load_half(scope: &Scope<'_>, channels: u32, padding: u32) -> Result<Self, ComputeError> {
        Self::load(scope, channels, channels, 3, 2, i64::from(padding))
    }

    fn load(
        scope: &Scope<'_>,
        inputs: u32,
        outputs: u32,
        kernel: i64,
        stride: i64,
        padding: i64,
    ) -> Result<Self, ComputeError> {
        let (inputs, outputs) = (i64::from(inputs), i64::from(outputs));
        let weight = scope.tensor("weight", &[outputs, inputs, kernel, kernel])?;
        let bias = scope.tensor("bias", &[outputs])?;
        let adapters = scope.register(&weight, LayerKind::Conv);
        let is_circular = padding > 0 && scope.is_seamless();
        Ok(Self { weight, bias, stride, padding, is_circular, adapters })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        if self.is_circular {
            self.convolve(&x.f_pad([self.padding; 4], "circular", None)?, 0)
        } else {
            self.convolve(x, self.padding)
        }
    }

    fn convolve(&self, x: &Tensor, padding: i64) -> Result<Tensor, TorchError> {
        let conv = |x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, stride: i64, padding: i64| {
            Ok(x.f_conv2d(weight, bias, [stride; 2], [padding; 2], [1, 1], 1)?)
        };
        let output = conv(x, &self.weight, Some(&self.bias), self.stride, padding)?;
        self.adapters.add(
            output,
            |down| conv(x, down, None, self.stride, padding),
            |inner, up| conv(inner, up, None, 1, 0),
        )
    }
}

/// Normalisation over groups of channels.
#[derive(Debug)]
pub(super) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    groups: i64,
    eps: f64,
}

impl GroupNorm {
    pub(super) fn load(
        scope: &Scope<'_>,
        channels: u32,
        groups: u32,
        eps: f64,
    ) -> Result<Self, ComputeError> {
        let shape = [i64::from(channels)];
        let (weight, bias) = (scope.tensor("weight", &shape)?, scope.tensor("bias", &shape)?);
        Ok(Self { weight, bias, groups: i64::from(groups), eps })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        Ok(x.f_group_norm(self.groups, Some(&self.weight), Some(&self.bias), self.eps, true)?)
    }
}

/// Normalisation over the last dimension.
#[derive(Debug)]
pub(super) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    pub(super) fn load(scope: &Scope<'_>, width: u32, eps: f64) -> Result<Self, ComputeError> {
        let shape = [i64::from(width)];
        Ok(Self { weight: scope.tensor("weight", &shape)?, bias: scope.tensor("bias", &shape)?, eps })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        Ok(x.f_layer_norm(self.weight.size(), Some(&self.weight), Some(&self.bias), self.eps, true)?)
    }
}

impl Activation {
    pub(super) fn forward(self, x: &Tensor) -> Result<Tensor, TorchError> {
        Ok(match self {
            Self::Silu => x.f_silu()?,
            Self::Gelu => x.f_gelu("none")?,
            Self::QuickGelu => x.f_mul(&x.f_mul_scalar(1.702)?.f_sigmoid()?)?,
        })
    }
}

/// Attention of `heads` heads: `query` is `[batch, n, width]`, `key` and `value` are `[batch, m, width]`.
pub(super) fn attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    heads: i64,
    is_causal: bool,
) -> Result<Tensor, TorchError> {
    let (query, key, value) =
        (split_heads(query, heads)?, split_heads(key, heads)?, split_heads(value, heads)?);
    attention_heads(&query, &key, &value, is_causal)
}

/// Attention with the heads split already; gives `[batch, n, width]`.
pub(super) fn attention_heads(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    is_causal: bool,
) -> Result<Tensor, TorchError> {
    let mask = None::<&Tensor>;
    let mixed = Tensor::f_scaled_dot_product_attention(query, key, value, mask, 0.0, is_causal, None, false)?;
    Ok(mixed.f_transpose(1, 2)?.f_flatten(2, 3)?)
}

/// From `[batch, n, width]` to `[batch, heads, n, width / heads]`.
pub(super) fn split_heads(x: &Tensor, heads: i64) -> Result<Tensor, TorchError> {
    let (batch, count, _) = x.size3()?;
    Ok(x.f_view([batch, count, heads, -1])?.f_transpose(1, 2)?)
}

/// From `[batch, channels, height, width]` to `[batch, height * width, channels]`.
pub(super) fn to_tokens(x: &Tensor) -> Result<Tensor, TorchError> {
    Ok(x.f_flatten(2, 3)?.f_transpose(1, 2)?)
}

/// Back from [`to_tokens`].
pub(super) fn from_tokens(x: &Tensor, height: i64, width: i64) -> Result<Tensor, TorchError> {
    let (batch, _, channels) = x.size3()?;
    Ok(x.f_transpose(1, 2)?.f_reshape([batch, channels, height, width])?)
}
