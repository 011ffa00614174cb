//! The autoencoder between pixels and latents, `AutoencoderKL`.

mod attention;
mod decoder;
mod encoder;
mod mid_block;
mod tiling;

use tch::{Kind, Tensor};

use super::TorchError;
use super::layers::Conv2d;
use super::resnet::ResnetConfig;
use super::weights::Weights;
use crate::config::VaeConfig;
use crate::error::ComputeError;

use decoder::Decoder;
use encoder::Encoder;
use tiling::Tiling;

/// Both halves of the autoencoder.
#[derive(Debug)]
pub(super) struct AutoencoderKl {
    encoder: Encoder,
    quant_conv: Option<Conv2d>,
    post_quant_conv: Option<Conv2d>,
    decoder: Decoder,
    scaling_factor: f64,
    shift_factor: f64,
    tiling: Option<Tiling>,
    kind: Kind,
}

/// Epsilon of every group norm in the autoencoder.
const EPS: f64 = 1e-6;

fn resnet_config(config: &VaeConfig) -> ResnetConfig {
    ResnetConfig { groups: config.norm_num_groups, eps: EPS, activation: config.act_fn, time_width: None }
}

impl AutoencoderKl {
    /// `kind` is the number format of `weights`.
    pub(super) fn load(
        weights: &Weights,
        config: &VaeConfig,
        kind: Kind,
        is_tiled: bool,
    ) -> Result<Self, ComputeError> {
        let scope = weights.root();
        let conv = |name: &str, channels: u32, is_there: bool| {
            is_there.then(|| Conv2d::load_1x1(&scope.sub(name), channels, channels)).transpose()
        };
        let latents = config.latent_channels;
        Ok(Self {
            encoder: Encoder::load(&scope.sub("encoder"), config)?,
            quant_conv: conv("quant_conv", 2 * latents, config.use_quant_conv)?,
            post_quant_conv: conv("post_quant_conv", latents, config.use_post_quant_conv)?,
            decoder: Decoder::load(&scope.sub("decoder"), config)?,
            scaling_factor: config.scaling_factor,
            shift_factor: config.shift_factor,
            tiling: is_tiled.then(|| Tiling::new(config)),
            kind,
        })
    }

    /// From scaled latents `[batch, latent_channels, height, width]` to pictures about -1 to 1.
    pub(super) fn decode(&self, latents: &Tensor) -> Result<Tensor, TorchError> {
        let mut latents = latents.f_div_scalar(self.scaling_factor)?;
        if self.shift_factor != 0.0 {
            latents = latents.f_add_scalar(self.shift_factor)?;
        }
        let latents = latents.f_to_kind(self.kind)?;
        let decode = |latents: &Tensor| match &self.post_quant_conv {
            Some(conv) => self.decoder.forward(&conv.forward(latents)?),
            None => self.decoder.forward(latents),
        };
        match self.tiling {
            Some(tiling) => tiling.decoding().run(&latents, decode),
            None => decode(&latents),
        }
    }

    /// From pictures `[batch, 3, height, width]` of -1 to 1 to means and standard deviations of their latents,
    /// without scaling.
    pub(super) fn encode(&self, image: &Tensor) -> Result<(Tensor, Tensor), TorchError> {
        let image = image.f_to_kind(self.kind)?;
        let encode = |image: &Tensor| {
            let moments = self.encoder.forward(image)?;
            self.quant_conv
                .as_ref()
                .map_or_else(|| Ok(moments.shallow_clone()), |conv| conv.forward(&moments))
        };
        let moments = match self.tiling {
            Some(tiling) => tiling.encoding().run(&image, encode)?,
            None => encode(&image)?,
        };
        let latents = moments.size4()?.1 / 2;
        let (mean, logvar) = (moments.f_narrow(1, 0, latents)?, moments.f_narrow(1, latents, latents)?);
        let std = logvar.f_clamp(-30.0, 20.0)?.f_mul_scalar(0.5)?.f_exp()?;
        Ok((mean, std))
    }
}
