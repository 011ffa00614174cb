//! `model_index.json`: which pipeline a folder holds, and of what parts.

use serde_json::Value;

use super::ConfigError;
use super::json::JsonFile;
use crate::model_path::ModelPath;

/// Which kind of pipeline a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Stable Diffusion 1 and 2: one text encoder.
    StableDiffusion,
    /// Stable Diffusion XL: two text encoders, pooled text and the picture's size.
    StableDiffusionXl {
        /// Whether an empty negative prompt stands for embeddings of zeros.
        force_zeros_for_empty_prompt: bool,
    },
}

/// The classes of one family that hold the same parts.
const CLASSES: [(&str, bool); 6] = [
    ("StableDiffusionPipeline", false),
    ("StableDiffusionImg2ImgPipeline", false),
    ("StableDiffusionInpaintPipeline", false),
    ("StableDiffusionXLPipeline", true),
    ("StableDiffusionXLImg2ImgPipeline", true),
    ("StableDiffusionXLInpaintPipeline", true),
];

/// Reads the file and checks that the folder is made of parts this crate runs.
pub(super) fn load(path: &ModelPath) -> Result<Family, ConfigError> {
    let file = JsonFile::open(path)?;
    if file.get("_class_name").is_none() {
        return Err(ConfigError::Missing { file: path.as_path().to_owned(), key: "_class_name" });
    }
    let is_xl = file.choice("_class_name", false, &CLASSES)?;
    let parts = [
        ("unet", "UNet2DConditionModel", true),
        ("vae", "AutoencoderKL", true),
        ("text_encoder", "CLIPTextModel", true),
        ("tokenizer", "CLIPTokenizer", true),
        ("text_encoder_2", "CLIPTextModelWithProjection", is_xl),
        ("tokenizer_2", "CLIPTokenizer", is_xl),
    ];
    for (key, class, is_needed) in parts {
        let listed = file.get(key).and_then(|part| part.get(1)).and_then(Value::as_str);
        match listed {
            None if is_needed => return Err(ConfigError::Missing { file: path.as_path().to_owned(), key }),
            Some(name) if !is_needed || name.trim_end_matches("Fast") != class => {
                return Err(file.unsupported(key, if is_needed { class } else { "null" }));
            }
            _ => {}
        }
    }
    if !is_xl {
        return Ok(Family::StableDiffusion);
    }
    let force_zeros_for_empty_prompt = file.bool("force_zeros_for_empty_prompt", true)?;
    Ok(Family::StableDiffusionXl { force_zeros_for_empty_prompt })
}
