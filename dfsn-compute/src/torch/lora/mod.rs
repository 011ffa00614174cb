//! LoRA adapters on libtorch: merged into the weights, or computed beside them.

mod adapters;

use super::{TorchBackend, TorchError};
use crate::config::UNetConfig;
use crate::error::ComputeError;
use crate::lora::{Lora, text_keys, unet_keys};
use crate::weights::LdmUNet;

pub(super) use adapters::{AdaptedLayer, Adapters, LayerKind};

use adapters::Adapter;

/// How adapters act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoraMode {
    /// Added to the weights, for good: as fast as the model without them.
    Merged,
    /// Computed beside the weights, so that others can take their place without loading the model anew.
    Unmerged,
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
        let unet = self.unet.iter().map(|layer| (layer, unet_keys(&self.unet_names, &layer.name)));
        let text = self.text_encoders.iter().enumerate().flat_map(|(encoder, layers)| {
            layers.iter().map(move |layer| (layer, text_keys(encoder, &layer.name)))
        });
        unet.chain(text)
    }
}

impl TorchBackend {
    /// Puts adapters on the UNet and the text encoders. Unmerged ones take the place of all that are there, merged
    /// ones are added. Either all act afterwards or, on an error, nothing has changed.
    ///
    /// What is drawn then comes from another model than the one that the folder's manifest names.
    ///
    /// # Errors
    /// [`LoraError`](crate::LoraError), naming the file and the tensor; [`ComputeError::Weights`]; [`ComputeError::Torch`].
    pub fn apply_loras(&mut self, loras: &[Lora], mode: LoraMode) -> Result<(), ComputeError> {
        let _guard = tch::no_grad_guard();
        Lora::check_count(loras)?;
        let mut changes: Vec<(&AdaptedLayer, Adapter)> = Vec::new();
        for lora in loras {
            let mut file = lora.open()?;
            for (layer, keys) in self.layers.named() {
                let shape: Vec<usize> = layer.weight.size().iter().map(|size| *size as usize).collect();
                if let Some(matrices) = file.take(&shape, &keys)? {
                    changes.push((layer, Adapter::new(layer, &matrices)?));
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
