//! The model's shape, read from the JSON files of a diffusers folder.
//!
//! Nothing is assumed about a particular model: absent keys take the defaults of diffusers 0.42.1
//! and transformers 5.23, unknown keys and unsupported values are refused by name, and every size
//! has a bound.

mod error;
mod json;
mod model_index;
mod scheduler;
mod text_encoder;
mod tokenizer;
mod unet;
mod vae;

use std::path::PathBuf;

pub use dfsn_consensus::exact::scheduler::{
    BetaSchedule, FinalSigmas, PredictionType, SchedulerShape, SolverType, TimestepSpacing,
};
pub use error::ConfigError;
pub(crate) use json::{read_bounded, read_object, short};
pub use model_index::Family;
pub use scheduler::SchedulerConfig;
pub use text_encoder::TextEncoderConfig;
pub use tokenizer::TokenizerConfig;
pub use unet::{AddEmbeddingConfig, DownBlockType, UNetConfig, UpBlockType};
pub use vae::VaeConfig;

use crate::model_path::ModelPath;

/// The activation functions that appear in these models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(x)`, also called swish.
    Silu,
    /// The exact Gaussian error linear unit.
    Gelu,
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
}

/// Everything the pipeline knows about a model before it reads the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The folder the model was read from, or that lends a single file its tokenizers.
    pub dir: ModelPath,
    /// The file with all weights in the layout of the original release, where they are not in the folder.
    pub checkpoint: Option<PathBuf>,
    /// `model_index.json`.
    pub family: Family,
    /// `unet/config.json`.
    pub unet: UNetConfig,
    /// `vae/config.json`.
    pub vae: VaeConfig,
    /// `text_encoder/config.json`.
    pub text_encoder: TextEncoderConfig,
    /// `text_encoder_2/config.json` of Stable Diffusion XL.
    pub text_encoder_2: Option<TextEncoderConfig>,
    /// `tokenizer/tokenizer_config.json` and `tokenizer/special_tokens_map.json`.
    pub tokenizer: TokenizerConfig,
    /// The same files in `tokenizer_2` of Stable Diffusion XL.
    pub tokenizer_2: Option<TokenizerConfig>,
    /// `scheduler/scheduler_config.json`.
    pub scheduler: SchedulerConfig,
}

impl ModelConfig {
    /// Reads the JSON files below `dir`, a path or [`MemoryFiles`](crate::MemoryFiles), and checks that the parts fit
    /// together.
    ///
    /// # Errors
    /// [`ConfigError`], naming the file and the key.
    pub fn load(dir: impl Into<ModelPath>) -> Result<Self, ConfigError> {
        let dir = dir.into();
        let family = model_index::load(&dir.join("model_index.json"))?;
        let is_xl = family != Family::StableDiffusion;
        let config = Self {
            dir: dir.clone(),
            checkpoint: None,
            family,
            unet: UNetConfig::load(dir.join("unet/config.json"))?,
            vae: VaeConfig::load(dir.join("vae/config.json"))?,
            text_encoder: TextEncoderConfig::load(dir.join("text_encoder/config.json"))?,
            text_encoder_2: is_xl
                .then(|| TextEncoderConfig::load(dir.join("text_encoder_2/config.json")))
                .transpose()?,
            tokenizer: TokenizerConfig::load(dir.join("tokenizer"))?,
            tokenizer_2: is_xl.then(|| TokenizerConfig::load(dir.join("tokenizer_2"))).transpose()?,
            scheduler: SchedulerConfig::load(dir.join("scheduler/scheduler_config.json"))?,
        };
        config.check_parts_fit()?;
        Ok(config)
    }

    /// Pixels along one side of a picture for each latent along the same side.
    pub fn vae_scale_factor(&self) -> u32 {
        self.vae.scale_factor()
    }

    /// Height and width must be multiples of this: 8 as in diffusers, more if the VAE asks for it.
    pub fn size_multiple(&self) -> u32 {
        self.vae_scale_factor().max(8)
    }

    /// The side in pixels of the square pictures the model was trained on, if the files tell it.
    pub fn default_size(&self) -> Option<u32> {
        self.unet.sample_size.map(|size| size * self.vae_scale_factor())
    }

    /// The most layers that can be left out of every text encoder, so that one remains.
    pub fn max_clip_skip(&self) -> u32 {
        // The second family leaves one out anyway.
        let spared = if self.family == Family::StableDiffusion { 1 } else { 2 };
        let encoders = [Some(&self.text_encoder), self.text_encoder_2.as_ref()];
        let layers = encoders.into_iter().flatten().map(|encoder| encoder.num_hidden_layers).min();
        layers.unwrap_or(0).saturating_sub(spared)
    }

    /// Whether the UNet sees mask and masked picture beside the latents, as models trained for inpainting do.
    pub fn is_inpainting(&self) -> bool {
        self.unet.in_channels != self.vae.latent_channels
    }

    pub(crate) fn check_parts_fit(&self) -> Result<(), ConfigError> {
        let latents = ("vae latent_channels", self.vae.latent_channels);
        let mut pairs = vec![
            (("unet out_channels", self.unet.out_channels), latents),
            (
                ("unet cross_attention_dim", self.unet.cross_attention_dim),
                match &self.text_encoder_2 {
                    None => ("text_encoder hidden_size", self.text_encoder.hidden_size),
                    Some(second) => {
                        let both = self.text_encoder.hidden_size + second.hidden_size;
                        ("text_encoder and text_encoder_2 hidden_size", both)
                    }
                },
            ),
        ];
        // Latents, mask, latents of the masked picture.
        if self.unet.in_channels != 2 * self.vae.latent_channels + 1 {
            pairs.push((("unet in_channels", self.unet.in_channels), latents));
        }
        let pooled = self.unet.add_embedding.map_or(0, AddEmbeddingConfig::pooled_dim);
        let projected = self.text_encoder_2.as_ref().map_or(0, |second| second.projection_dim);
        pairs.push((
            ("unet projection_class_embeddings_input_dim without time ids", pooled),
            ("text_encoder_2 projection_dim", projected),
        ));
        if let Some(second) = &self.tokenizer_2 {
            pairs.push((
                ("tokenizer model_max_length", self.tokenizer.model_max_length),
                ("tokenizer_2 model_max_length", second.model_max_length),
            ));
        }
        for ((left, left_value), (right, right_value)) in pairs {
            if left_value != right_value {
                return Err(ConfigError::Mismatch { left, left_value, right, right_value });
            }
        }
        let positions = [Some(&self.text_encoder), self.text_encoder_2.as_ref()]
            .map(|encoder| encoder.map_or(u32::MAX, |encoder| encoder.max_position_embeddings));
        for (right, right_value) in
            ["text_encoder max_position_embeddings", "text_encoder_2 max_position_embeddings"]
                .into_iter()
                .zip(positions)
        {
            let left_value = self.tokenizer.model_max_length;
            if left_value > right_value {
                let left = "tokenizer model_max_length";
                return Err(ConfigError::Mismatch { left, left_value, right, right_value });
            }
        }
        Ok(())
    }
}
