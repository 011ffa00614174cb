//! The CLIP tokenizer's settings.

use serde_json::Value;

use super::ConfigError;
use super::json::JsonFile;
use crate::model_path::ModelPath;

/// Special tokens and length of the CLIP tokenizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerConfig {
    /// Tokens in all, with the begin and end tokens; longer prompts are cut.
    pub model_max_length: u32,
    /// Begins every prompt.
    pub bos_token: String,
    /// Ends every prompt.
    pub eos_token: String,
    /// Stands for what the vocabulary lacks.
    pub unk_token: String,
    /// Fills up to the full length. End of text in SD 1.5, `!` in SD 2.1.
    pub pad_token: String,
}

impl TokenizerConfig {
    /// Reads `tokenizer_config.json` and `special_tokens_map.json` in the tokenizer's folder.
    ///
    /// Where both name a special token the second file wins, as in transformers (SD 2.1's files disagree).
    ///
    /// # Errors
    /// [`ConfigError`], naming the key.
    pub fn load(dir: impl Into<ModelPath>) -> Result<Self, ConfigError> {
        let dir = dir.into();
        let file = JsonFile::open(&dir.join("tokenizer_config.json"))?;
        let map_path = dir.join("special_tokens_map.json");
        let map = map_path.exists().then(|| JsonFile::open(&map_path)).transpose()?;
        let token = |key: &'static str, default: &str| {
            let listed = map.as_ref().and_then(|map| map.get(key)).or_else(|| file.get(key));
            match listed {
                None => Ok(default.to_owned()),
                Some(value) => {
                    token_text(value).ok_or_else(|| file.unsupported(key, "a token of 1 to 64 bytes"))
                }
            }
        };
        // transformers writes 1e30 for "no limit"; CLIP's position table then decides.
        let unlimited = file.get("model_max_length").and_then(Value::as_f64).is_some_and(|n| n > 1e9);
        Ok(Self {
            model_max_length: if unlimited { 77 } else { file.u32("model_max_length", 77, 3..=1024)? },
            bos_token: token("bos_token", "<|startoftext|>")?,
            eos_token: token("eos_token", "<|endoftext|>")?,
            unk_token: token("unk_token", "<|endoftext|>")?,
            pad_token: token("pad_token", "<|endoftext|>")?,
        })
    }
}

/// A token is written as a string, or as an object with its `content`.
fn token_text(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value.get("content").and_then(Value::as_str))?;
    (1..=64).contains(&text.len()).then(|| text.to_owned())
}
