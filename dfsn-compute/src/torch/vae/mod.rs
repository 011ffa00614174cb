//! The autoencoder between pixels and latents, `AutoencoderKL`.

mod attention;
mod decoder;

use tch::Tensor;

use super::TorchError;
use super::layers::Conv2d;
use super::weights::WeightFile;
use crate::config::VaeConfig;
use crate::error::ComputeError;

use decoder::Decoder;

/// The decoding half of the autoencoder.
#[derive(Debug)]
pub(super) struct AutoencoderKl {
    post_quant_conv: Option<Conv2d>,
    decoder: Decoder,
    scaling_factor: f64,
    shift_factor: f64,
}

/// Epsilon of every group norm in the autoencoder.
const EPS: f64 = 1e-6;

impl AutoencoderKl {
    pub(super) fn load(file: &WeightFile, config: &VaeConfig) -> Result<Self, ComputeError> {
        let scope = file.root();
        let latents = config.latent_channels;
        let post_quant_conv = config
            .use_post_quant_conv
            .then(|| Conv2d::load_1x1(&scope.sub("post_quant_conv"), latents, latents))
            .transpose()?;
        Ok(Self {
            post_quant_conv,
            decoder: Decoder::load(&scope.sub("decoder"), config)?,
            scaling_factor: config.scaling_factor,
            shift_factor: config.shift_factor,
        })
    }

    /// From scaled latents `[batch, latent_channels, height, width]` to pictures about -1 to 1.
    pub(super) fn decode(&self, latents: &Tensor) -> Result<Tensor, TorchError> {
        let mut latents = latents.f_div_scalar(self.scaling_factor)?;
        if self.shift_factor != 0.0 {
            latents = latents.f_add_scalar(self.shift_factor)?;
        }
        if let Some(conv) = &self.post_quant_conv {
            latents = conv.forward(&latents)?;
        }
        self.decoder.forward(&latents)
    }
}
