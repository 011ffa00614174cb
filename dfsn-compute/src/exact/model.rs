//! A model's networks as programs.

use dfsn_consensus::exact::config::{TextEncoderShape, UNetShape, VaeShape};
use dfsn_consensus::exact::scheduler::SchedulerShape;
use dfsn_consensus::exact::{
    Architecture, Program, TEXT_PARTS, WeightLayout, decoder, encoder, smallest_programs, text_encoder, unet,
};

use super::{ExactError, shapes};
use crate::config::{Family, ModelConfig};

/// The shapes of a model's networks, from which their programs are built, and its noise schedule.
#[derive(Clone, Debug)]
pub struct ExactModel {
    pub(super) text_encoders: Vec<TextEncoderShape>,
    pub(super) unet: UNetShape,
    pub(super) decoder: VaeShape,
    pub(super) encoder: VaeShape,
    scheduler: SchedulerShape,
}

/// One call of a network, for one prompt or picture. Heights and widths are those of its input: latents, but for the
/// encoder's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkCall {
    /// A chunk of text.
    TextEncoder {
        /// Which encoder, counted from 0.
        encoder: usize,
        /// Tokens of the chunk.
        tokens: usize,
        /// Layers left out at the end.
        clip_skip: usize,
    },
    /// The UNet.
    UNet {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Tokens of the text.
        tokens: usize,
    },
    /// The VAE's decoder.
    Decoder {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// The VAE's encoder.
    Encoder {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
}

impl ExactModel {
    /// All networks, as a chain knows them.
    pub fn architecture(&self) -> Architecture {
        Architecture {
            text_encoders: self.text_encoders.clone(),
            unet: self.unet.clone(),
            decoder: self.decoder.clone(),
            encoder: self.encoder.clone(),
            scheduler: self.scheduler,
        }
    }

    /// From a configuration.
    ///
    /// # Errors
    /// [`ExactError::Unsupported`] for settings that have no exact form.
    pub fn of(config: &ModelConfig) -> Result<Self, ExactError> {
        let is_xl = config.family != Family::StableDiffusion;
        let configs = [Some(&config.text_encoder), config.text_encoder_2.as_ref()];
        let text_encoders = configs.into_iter().flatten().enumerate();
        Ok(Self {
            text_encoders: text_encoders
                .map(|(index, config)| shapes::text_encoder(config, is_xl, index == 1))
                .collect(),
            unet: shapes::unet(&config.unet)?,
            decoder: shapes::vae(&config.vae, config.vae.use_post_quant_conv)?,
            encoder: shapes::vae(&config.vae, config.vae.use_quant_conv)?,
            scheduler: config.scheduler.shape,
        })
    }

    /// What a call computes.
    ///
    /// # Errors
    /// [`ExactError::Program`] for sizes that have no exact form, [`ExactError::Unsupported`] for an encoder that is not
    /// there.
    pub fn program(&self, call: NetworkCall) -> Result<Program, ExactError> {
        Ok(match call {
            NetworkCall::TextEncoder { encoder, tokens, clip_skip } => {
                let (Some(shape), Some(part)) = (self.text_encoders.get(encoder), TEXT_PARTS.get(encoder))
                else {
                    return Err(ExactError::Unsupported { key: "text encoder", value: encoder.to_string() });
                };
                text_encoder(shape, part, tokens, clip_skip)?
            }
            NetworkCall::UNet { height, width, tokens } => unet(&self.unet, height, width, tokens)?,
            NetworkCall::Decoder { height, width } => decoder(&self.decoder, height, width)?,
            NetworkCall::Encoder { height, width } => encoder(&self.encoder, height, width)?,
        })
    }

    /// Small programs that together name all parameters.
    pub(super) fn all(&self) -> Result<Vec<Program>, ExactError> {
        Ok(smallest_programs(&self.text_encoders, &self.unet, &self.decoder, &self.encoder)?)
    }

    /// Where each parameter lies in the model's canonical file.
    ///
    /// # Errors
    /// [`ExactError::Layout`].
    pub fn layout(&self) -> Result<WeightLayout, ExactError> {
        Ok(WeightLayout::new(&self.all()?)?)
    }
}
