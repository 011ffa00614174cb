//! LoRA adapters (Hu et al. 2021): small matrices that change a model's layers.

mod adapters;
mod file;

use std::path::PathBuf;

use thiserror::Error;

use super::{TorchBackend, TorchError};
use crate::config::UNetConfig;
use crate::error::ComputeError;
use crate::weights::LdmUNet;

pub(super) use adapters::{AdaptedLayer, Adapters, LayerKind};

use adapters::Adapter;
use file::LoraFile;

/// An adapter file and how strongly it acts.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// A safetensors file with the names of kohya's scripts (`lora_unet_…`) or of PEFT (`unet.….lora_A.weight`).
    pub file: PathBuf,
    /// Factor of all its changes, -100 to 100; 1 is what it was trained for.
    pub weight: f32,
}

/// How adapters act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoraMode {
    /// Added to the weights, for good: as fast as the model without them.
    Merged,
    /// Computed beside the weights, so that others can take their place without loading the model anew.
    Unmerged,
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
        layer: Vec<i64>,
    },
}

impl Lora {
    /// Most adapters at once.
    pub const MAX: usize = 32;
}

/// The layers of each network that adapters can change.
#[derive(Debug)]
pub(super) struct NetworkLayers {
    pub(super) unet: Vec<AdaptedLayer>,
    /// How the original releases name the UNet's layers.
    pub(super) unet_names: LdmUNet,
    pub(super) text_encoders: Vec<Vec<AdaptedLayer>>,
}

impl NetworkLayers {
    pub(super) fn new(
        config: &UNetConfig,
        unet: Vec<AdaptedLayer>,
        text_encoders: Vec<Vec<AdaptedLayer>>,
    ) -> Self {
        Self { unet, unet_names: LdmUNet::of(config), text_encoders }
    }

    /// Every layer, with the names under which files may hold its adapter.
    fn named(&self) -> impl Iterator<Item = (&AdaptedLayer, Vec<String>)> {
        let unet = self.unet.iter().map(|layer| (layer, self.unet_keys(&layer.name)));
        let text = self.text_encoders.iter().enumerate().flat_map(|(encoder, layers)| {
            layers.iter().map(move |layer| (layer, text_keys(encoder, &layer.name)))
        });
        unet.chain(text)
    }

    fn unet_keys(&self, name: &str) -> Vec<String> {
        let original = self.unet_names.name(&format!("{name}.weight"));
        let original = original.trim_end_matches(".weight");
        vec![
            format!("unet.{name}"),
            format!("lora_unet_{}", name.replace('.', "_")),
            format!("lora_unet_{}", original.replace('.', "_")),
        ]
    }
}

/// `encoder` counts from 0.
fn text_keys(encoder: usize, name: &str) -> Vec<String> {
    let flat = name.replace('.', "_");
    let bare = name.strip_prefix("text_model.").unwrap_or(name);
    let (peft, kohya): (&str, &[&str]) = match encoder {
        0 => ("text_encoder", &["lora_te_", "lora_te1_"]),
        _ => ("text_encoder_2", &["lora_te2_"]),
    };
    let peft = [format!("{peft}.{name}"), format!("{peft}.{bare}")];
    peft.into_iter().chain(kohya.iter().map(|prefix| format!("{prefix}{flat}"))).collect()
}

impl TorchBackend {
    /// Puts adapters on the UNet and the text encoders. Unmerged ones take the place of all that are there, merged
    /// ones are added. Either all act afterwards or, on an error, nothing has changed.
    ///
    /// What is drawn then comes from another model than the one that the folder's manifest names.
    ///
    /// # Errors
    /// [`LoraError`], naming the file and the tensor; [`ComputeError::Weights`]; [`ComputeError::Torch`].
    pub fn apply_loras(&mut self, loras: &[Lora], mode: LoraMode) -> Result<(), ComputeError> {
        let _guard = tch::no_grad_guard();
        if loras.len() > Lora::MAX {
            return Err(LoraError::TooMany { found: loras.len() }.into());
        }
        let mut changes: Vec<(&AdaptedLayer, Adapter)> = Vec::new();
        for lora in loras {
            if !(-100.0..=100.0).contains(&lora.weight) {
                return Err(LoraError::Weight { file: lora.file.clone(), weight: lora.weight }.into());
            }
            let mut file = LoraFile::open(&lora.file)?;
            for (layer, keys) in self.layers.named() {
                if let Some(adapter) = file.take(layer, &keys, lora.weight)? {
                    changes.push((layer, adapter));
                }
            }
            file.refuse_rest()?;
        }
        self.text = None;
        match mode {
            LoraMode::Merged => changes.iter().try_for_each(|(layer, adapter)| layer.merge(adapter))?,
            LoraMode::Unmerged => {
                self.layers.named().for_each(|(layer, _)| layer.adapters.clear());
                changes.into_iter().for_each(|(layer, adapter)| layer.adapters.push(adapter));
            }
        }
        Ok(())
    }
}

impl AdaptedLayer {
    /// Adds an adapter to the weight, in f32.
    fn merge(&self, adapter: &Adapter) -> Result<(), TorchError> {
        let merged = self.weight.f_to_kind(tch::Kind::Float)?.f_add(&adapter.delta(&self.weight)?)?;
        // The layer's own tensor shares the numbers.
        self.weight.shallow_clone().f_copy_(&merged)?;
        Ok(())
    }
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
