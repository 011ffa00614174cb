//! What every resnet is told: the timestep and, in Stable Diffusion XL, pooled text and the picture's size.

use tch::{Device, Kind, Tensor};

use crate::config::{AddEmbeddingConfig, UNetConfig};
use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::layers::Linear;
use crate::torch::weights::Scope;

/// Sines and cosines of the timestep, then two linear layers.
#[derive(Debug)]
pub(super) struct TimestepEmbedding {
    width: u32,
    freq_shift: f64,
    flip_sin_to_cos: bool,
    linear_1: Linear,
    linear_2: Linear,
}

impl TimestepEmbedding {
    pub(super) fn load(scope: &Scope<'_>, config: &UNetConfig) -> Result<Self, ComputeError> {
        let (width, inner) = (config.block_out_channels[0], config.time_embedding_dim);
        Ok(Self {
            width,
            freq_shift: config.freq_shift,
            flip_sin_to_cos: config.flip_sin_to_cos,
            linear_1: Linear::load(&scope.sub("linear_1"), width, inner)?,
            linear_2: Linear::load(&scope.sub("linear_2"), inner, inner)?,
        })
    }

    /// Gives `[1, time_embedding_dim]`.
    pub(super) fn forward(&self, timestep: f32, device: Device) -> Result<Tensor, TorchError> {
        let waves = sinusoid(&[timestep], self.width, self.freq_shift, self.flip_sin_to_cos, device)?;
        let waves = waves.f_to_kind(self.linear_1.kind())?;
        self.linear_2.forward(&self.linear_1.forward(&waves)?.f_silu()?)
    }
}

/// `text_time`: pooled text, and sines and cosines of six numbers, through two linear layers.
#[derive(Debug)]
pub(super) struct AddEmbedding {
    config: AddEmbeddingConfig,
    freq_shift: f64,
    flip_sin_to_cos: bool,
    linear_1: Linear,
    linear_2: Linear,
}

impl AddEmbedding {
    pub(super) fn load(
        scope: &Scope<'_>,
        config: &UNetConfig,
        added: AddEmbeddingConfig,
    ) -> Result<Self, ComputeError> {
        let inner = config.time_embedding_dim;
        Ok(Self {
            config: added,
            freq_shift: config.freq_shift,
            flip_sin_to_cos: config.flip_sin_to_cos,
            linear_1: Linear::load(&scope.sub("linear_1"), added.input_dim, inner)?,
            linear_2: Linear::load(&scope.sub("linear_2"), inner, inner)?,
        })
    }

    /// From `[prompts, width]` pooled text to `[prompts, time_embedding_dim]`.
    pub(super) fn forward(&self, pooled: &Tensor, time_ids: &[f32]) -> Result<Tensor, TorchError> {
        let (prompts, _) = pooled.size2()?;
        let width = self.config.time_embed_dim;
        let waves = sinusoid(time_ids, width, self.freq_shift, self.flip_sin_to_cos, pooled.device())?;
        let waves = waves.f_view([1, -1])?.f_expand([prompts, -1], false)?;
        let kind = self.linear_1.kind();
        let both = Tensor::f_cat(&[pooled.f_to_kind(kind)?, waves.f_to_kind(kind)?], 1)?;
        self.linear_2.forward(&self.linear_1.forward(&both)?.f_silu()?)
    }
}

/// `[numbers, width]` sines and cosines of each number at geometrically falling frequencies.
///
/// libtorch computes the frequencies, since an error of one unit in the last place grows a thousandfold with
/// the timestep.
fn sinusoid(
    timesteps: &[f32],
    width: u32,
    freq_shift: f64,
    flip_sin_to_cos: bool,
    device: Device,
) -> Result<Tensor, TorchError> {
    let half = i64::from(width / 2);
    let exponent = Tensor::f_arange(half, (Kind::Float, device))?
        .f_mul_scalar(-libm::log(10_000.0))?
        .f_div_scalar(half as f64 - freq_shift)?;
    let timesteps = Tensor::f_from_slice(timesteps)?.f_to_device(device)?.f_unsqueeze(1)?;
    let angles = timesteps.f_mul(&exponent.f_exp()?.f_unsqueeze(0)?)?;
    let (sine, cosine) = (angles.f_sin()?, angles.f_cos()?);
    let order = if flip_sin_to_cos { [cosine, sine] } else { [sine, cosine] };
    Ok(Tensor::f_cat(&order, 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinusoid_has_the_values_of_diffusers() {
        // From diffusers' tests of get_timestep_embedding: width 64, timesteps 0..128, entry [t, 23..26] and
        // [t, 47..50] with the cosines first.
        let expected = [0.3019, 0.2280, 0.1716, 0.3146, 0.2377, 0.1790, 0.3272, 0.2474, 0.1864];
        let mut found = Vec::new();
        for timestep in [23.0, 24.0, 25.0] {
            let row = sinusoid(&[timestep], 64, 0.0, true, Device::Cpu).unwrap();
            found.extend((47..50).map(|column| row.double_value(&[0, column])));
        }
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }
}
