//! The model's shape, read from the JSON files of a diffusers folder.
//!
//! Nothing is assumed about a particular model: absent keys take the defaults of diffusers 0.42.1
//! and transformers 5.23, unknown keys and unsupported values are refused by name, and every size
//! has a bound.

mod error;
mod json;
mod scheduler;
mod text_encoder;
mod tokenizer;
mod unet;
mod vae;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use error::ConfigError;
pub(crate) use json::{read_bounded, read_object, short};
pub use scheduler::{
    BetaSchedule, FinalSigmas, PredictionType, SchedulerConfig, SolverType, TimestepSpacing,
};
pub use text_encoder::TextEncoderConfig;
pub use tokenizer::TokenizerConfig;
pub use unet::{DownBlockType, UNetConfig, UpBlockType};
pub use vae::VaeConfig;

use json::JsonFile;

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
    /// The folder the model was read from.
    pub dir: PathBuf,
    /// `unet/config.json`.
    pub unet: UNetConfig,
    /// `vae/config.json`.
    pub vae: VaeConfig,
    /// `text_encoder/config.json`.
    pub text_encoder: TextEncoderConfig,
    /// `tokenizer/tokenizer_config.json` and `tokenizer/special_tokens_map.json`.
    pub tokenizer: TokenizerConfig,
    /// `scheduler/scheduler_config.json`.
    pub scheduler: SchedulerConfig,
}

impl ModelConfig {
    /// Reads the JSON files below `dir` and checks that the parts fit together.
    ///
    /// # Errors
    /// [`ConfigError`], naming the file and the key.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let dir = dir.as_ref();
        check_model_index(&dir.join("model_index.json"))?;
        let config = Self {
            dir: dir.to_owned(),
            unet: UNetConfig::load(&dir.join("unet/config.json"))?,
            vae: VaeConfig::load(&dir.join("vae/config.json"))?,
            text_encoder: TextEncoderConfig::load(&dir.join("text_encoder/config.json"))?,
            tokenizer: TokenizerConfig::load(&dir.join("tokenizer"))?,
            scheduler: SchedulerConfig::load(&dir.join("scheduler/scheduler_config.json"))?,
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

    fn check_parts_fit(&self) -> Result<(), ConfigError> {
        let pairs = [
            ("unet in_channels", self.unet.in_channels, "vae latent_channels", self.vae.latent_channels),
            ("unet out_channels", self.unet.out_channels, "vae latent_channels", self.vae.latent_channels),
            (
                "unet cross_attention_dim",
                self.unet.cross_attention_dim,
                "text_encoder hidden_size",
                self.text_encoder.hidden_size,
            ),
        ];
        for (left, left_value, right, right_value) in pairs {
            if left_value != right_value {
                return Err(ConfigError::Mismatch { left, left_value, right, right_value });
            }
        }
        if self.tokenizer.model_max_length > self.text_encoder.max_position_embeddings {
            return Err(ConfigError::Mismatch {
                left: "tokenizer model_max_length",
                left_value: self.tokenizer.model_max_length,
                right: "text_encoder max_position_embeddings",
                right_value: self.text_encoder.max_position_embeddings,
            });
        }
        Ok(())
    }
}

/// Checks that the folder holds the kind of pipeline this crate runs, made of the parts it knows.
fn check_model_index(path: &Path) -> Result<(), ConfigError> {
    let file = JsonFile::open(path)?;
    if file.get("_class_name").is_none() {
        return Err(ConfigError::Missing { file: path.to_owned(), key: "_class_name" });
    }
    file.require("_class_name", &[Value::from("StableDiffusionPipeline")])?;
    let parts = [
        ("unet", "UNet2DConditionModel"),
        ("vae", "AutoencoderKL"),
        ("text_encoder", "CLIPTextModel"),
        ("tokenizer", "CLIPTokenizer"),
    ];
    for (key, class) in parts {
        let listed = file.get(key).and_then(|part| part.get(1)).and_then(Value::as_str);
        match listed {
            None => return Err(ConfigError::Missing { file: path.to_owned(), key }),
            Some(name) if name.trim_end_matches("Fast") != class => return Err(file.unsupported(key, class)),
            Some(_) => {}
        }
    }
    Ok(())
}
