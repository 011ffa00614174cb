//! LoRA adapters (Hu et al. 2021): small matrices that change a model's layers. Here are their files; what is done with
//! them is an engine's affair.

mod file;

use std::path::PathBuf;

use thiserror::Error;

use crate::weights::LdmUNet;

pub(crate) use file::{LoraFile, LoraMatrices};

/// An adapter file and how strongly it acts.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// A safetensors file with the names of kohya's scripts (`lora_unet_…`) or of PEFT (`unet.….lora_A.weight`).
    pub file: PathBuf,
    /// Factor of all its changes, -100 to 100; 1 is what it was trained for.
    pub weight: f32,
}

/// Adapters that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoraError {
    /// A weight that is no number or too large.
    #[error("{file}: weight {weight} is not between -100 and 100")]
    Weight {
        /// The file.
        file: PathBuf,
        /// The weight.
        weight: f32,
    },
    /// More adapters at once than are taken.
    #[error("{found} adapters were named, at most {max} are taken", max = Lora::MAX)]
    TooMany {
        /// Adapters named.
        found: usize,
    },
    /// Tensors that no layer of the model takes.
    #[error("{file}: {count} tensors fit no layer of this model, the first is {tensor:?}")]
    Unknown {
        /// The file.
        file: PathBuf,
        /// How many.
        count: usize,
        /// The first by name.
        tensor: String,
    },
    /// One half of an adapter.
    #[error("{file}: tensor {tensor:?} is missing beside its other half")]
    Half {
        /// The file.
        file: PathBuf,
        /// What is missing.
        tensor: String,
    },
    /// An adapter for a layer of another shape.
    #[error("{file}: tensor {tensor:?} has shape {found:?}, which does not fit a weight of shape {layer:?}")]
    Shape {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape of the layer's weight.
        layer: Vec<usize>,
    },
}

impl Lora {
    /// Most adapters at once.
    pub const MAX: usize = 32;

    /// Opens the file, unless the weight is out of range.
    pub(crate) fn open(&self) -> Result<LoraFile, crate::error::ComputeError> {
        if !(-100.0..=100.0).contains(&self.weight) {
            return Err(LoraError::Weight { file: self.file.clone(), weight: self.weight }.into());
        }
        Ok(LoraFile::open(&self.file, self.weight)?)
    }

    /// Refuses more adapters than are taken.
    pub(crate) fn check_count(loras: &[Self]) -> Result<(), LoraError> {
        if loras.len() > Self::MAX { Err(LoraError::TooMany { found: loras.len() }) } else { Ok(()) }
    }
}

/// The names under which files hold the adapter of a layer of the UNet, `names` being those of the original releases.
pub(crate) fn unet_keys(names: &LdmUNet, name: &str) -> Vec<String> {
    let original = names.name(&format!("{name}.weight"));
    let original = original.trim_end_matches(".weight");
    vec![
        format!("unet.{name}"),
        format!("lora_unet_{}", name.replace('.', "_")),
        format!("lora_unet_{}", original.replace('.', "_")),
    ]
}

/// The same of a layer of a text encoder, `encoder` counted from 0.
pub(crate) fn text_keys(encoder: usize, name: &str) -> Vec<String> {
    let flat = name.replace('.', "_");
    let bare = name.strip_prefix("text_model.").unwrap_or(name);
    let (peft, kohya): (&str, &[&str]) = match encoder {
        0 => ("text_encoder", &["lora_te_", "lora_te1_"]),
        _ => ("text_encoder_2", &["lora_te2_"]),
    };
    let peft = [format!("{peft}.{name}"), format!("{peft}.{bare}")];
    peft.into_iter().chain(kohya.iter().map(|prefix| format!("{prefix}{flat}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keys_are_those_of_both_tools() {
        let keys = text_keys(0, "text_model.encoder.layers.0.self_attn.q_proj");
        assert!(
            keys.contains(&"lora_te_text_model_encoder_layers_0_self_attn_q_proj".to_owned()),
            "{keys:?}"
        );
        assert!(keys.contains(&"text_encoder.text_model.encoder.layers.0.self_attn.q_proj".to_owned()));
        let keys = text_keys(1, "text_model.encoder.layers.3.mlp.fc1");
        assert!(keys.contains(&"lora_te2_text_model_encoder_layers_3_mlp_fc1".to_owned()), "{keys:?}");
        assert!(keys.contains(&"text_encoder_2.encoder.layers.3.mlp.fc1".to_owned()));
    }
}
