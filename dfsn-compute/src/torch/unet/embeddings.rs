//! The embedding of the timestep.

use tch::{Device, Kind, Tensor};

use crate::config::UNetConfig;
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
        let waves = sinusoid(timestep, self.width, self.freq_shift, self.flip_sin_to_cos, device)?;
        self.linear_2.forward(&self.linear_1.forward(&waves)?.f_silu()?)
    }
}

/// `[1, width]` sines and cosines at geometrically falling frequencies.
///
/// libtorch computes the frequencies, since an error of one unit in the last place grows a thousandfold with
/// the timestep.
fn sinusoid(
    timestep: f32,
    width: u32,
    freq_shift: f64,
    flip_sin_to_cos: bool,
    device: Device,
) -> Result<Tensor, TorchError> {
    let half = i64::from(width / 2);
    let exponent = Tensor::f_arange(half, (Kind::Float, device))?
        .f_mul_scalar(-libm::log(10_000.0))?
        .f_div_scalar(half as f64 - freq_shift)?;
    let angles = exponent.f_exp()?.f_mul_scalar(f64::from(timestep))?.f_unsqueeze(0)?;
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
            let row = sinusoid(timestep, 64, 0.0, true, Device::Cpu).unwrap();
            found.extend((47..50).map(|column| row.double_value(&[0, column])));
        }
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }
}
