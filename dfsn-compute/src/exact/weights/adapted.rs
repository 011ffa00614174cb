//! A model's files with adapters added to them, before anything is quantised.

use std::collections::HashMap;

use dfsn_consensus::exact::{TEXT_PARTS, WeightEntry, WeightForm, WeightLayout, WeightSpec};

use super::ExactWeight;
use super::source::{Quantising, WeightSource, file_shape};
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::exact::ExactError;
use crate::lora::{Lora, LoraMatrices, text_keys, unet_keys};
use crate::weights::LdmUNet;

/// Files and adapters.
#[derive(Debug)]
pub(in crate::exact) struct Adapted<'a> {
    files: Quantising<'a>,
    /// By the parameter that they change.
    changes: HashMap<String, Vec<LoraMatrices>>,
}

impl<'a> Adapted<'a> {
    /// Reads all adapters; each tensor of theirs must fit a layer.
    pub(in crate::exact) fn new(
        files: Quantising<'a>,
        config: &ModelConfig,
        layout: &WeightLayout,
        loras: &[Lora],
    ) -> Result<Self, ComputeError> {
        Lora::check_count(loras)?;
        let names = LdmUNet::of(&config.unet);
        let mut changes: HashMap<String, Vec<LoraMatrices>> = HashMap::new();
        for lora in loras {
            let mut file = lora.open()?;
            for spec in layout.entries().iter().map(WeightEntry::spec) {
                let Some(keys) = keys(&names, spec) else { continue };
                if let Some(matrices) = file.take(&file_shape(spec), &keys)? {
                    changes.entry(spec.name.clone()).or_default().push(matrices);
                }
            }
            file.refuse_rest()?;
        }
        Ok(Self { files, changes })
    }

    /// Refuses a model that holds more than was read.
    pub(in crate::exact) fn refuse_unread(&self, config: &ModelConfig) -> Result<(), ComputeError> {
        self.files.refuse_unread(config)
    }
}

/// The names under which files hold a parameter's adapter; none of what adapters do not change.
fn keys(names: &LdmUNet, spec: &WeightSpec) -> Option<Vec<String>> {
    let WeightForm::Quantised { .. } = spec.form else { return None };
    let (part, name) = spec.name.split_once('.')?;
    let layer = name.strip_suffix(".weight")?;
    match TEXT_PARTS.iter().position(|encoder| *encoder == part) {
        Some(encoder) => Some(text_keys(encoder, layer)),
        None => (part == "unet").then(|| unet_keys(names, layer)),
    }
}

impl WeightSource for Adapted<'_> {
    type Raw = (Vec<f32>, Vec<LoraMatrices>);

    fn read(&mut self, entry: &WeightEntry) -> Result<Self::Raw, ComputeError> {
        let changes = self.changes.remove(&entry.spec().name).unwrap_or_default();
        Ok((self.files.read(entry)?, changes))
    }

    fn finish(spec: &WeightSpec, (mut numbers, changes): Self::Raw) -> Result<ExactWeight, ExactError> {
        if !changes.is_empty() {
            LoraMatrices::merge(&changes, &mut numbers, spec.form.rows());
        }
        ExactWeight::new(spec, numbers)
    }
}
