//! A model's parameters on the device.

use std::collections::HashMap;

use dfsn_consensus::exact::{WeightLayout, WeightSpec};
use tch::Device;

use super::array::Array;
use crate::error::ComputeError;
use crate::exact::ExactError;
use crate::exact::simd::Threads;
use crate::exact::weights::{ExactWeight, ExactWeights, WeightSource, each};
use crate::torch::TorchError;

#[derive(Debug)]
pub(super) enum TorchWeight {
    /// `[rows][width]` and `[rows]`.
    Quantised { values: Array<i16>, scales: Array<f32> },
    /// In one row.
    Plain(Array<f32>),
}

/// By their names in programs.
#[derive(Debug)]
pub(super) struct TorchWeights(HashMap<String, TorchWeight>);

impl TorchWeight {
    fn of(weight: &ExactWeight, device: Device) -> Result<Self, TorchError> {
        Ok(match weight {
            ExactWeight::Quantised { values, scales } => {
                let rows = scales.len();
                let dims = [rows, values.len() / rows.max(1)];
                let scales = Array::new(scales, &[rows], device)?;
                Self::Quantised { values: Array::new(values, &dims, device)?, scales }
            }
            ExactWeight::Plain(values) => Self::Plain(Array::new(values, &[values.len()], device)?),
        })
    }
}

impl TorchWeights {
    pub(super) fn of(weights: &ExactWeights, device: Device) -> Result<Self, TorchError> {
        let all = weights.iter().map(|(name, weight)| Ok((name.clone(), TorchWeight::of(weight, device)?)));
        Ok(Self(all.collect::<Result<_, TorchError>>()?))
    }

    pub(super) fn load(
        source: &mut impl WeightSource,
        layout: &WeightLayout,
        device: Device,
    ) -> Result<Self, ComputeError> {
        let mut all = HashMap::new();
        let keep = |_: &WeightSpec, weight| Ok(weight);
        each(source, layout, Threads::Caller, keep, |entry, weight| {
            let weight = TorchWeight::of(&weight, device).map_err(ExactError::from)?;
            all.insert(entry.spec().name.clone(), weight);
            Ok(())
        })?;
        Ok(Self(all))
    }

    pub(super) fn get(&self, name: &str) -> Option<&TorchWeight> {
        self.0.get(name)
    }
}
