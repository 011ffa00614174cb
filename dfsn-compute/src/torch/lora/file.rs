//! One file of adapters.

use std::collections::BTreeSet;
use std::path::Path;

use tch::{Kind, Tensor};

use super::LoraError;
use super::adapters::{AdaptedLayer, Adapter, LayerKind};
use crate::error::ComputeError;
use crate::torch::TorchError;
use crate::torch::weights::read_tensor;
use crate::weights::{Files, WeightsError};

/// How tools name both halves of an adapter.
const HALVES: [(&str, &str); 3] = [
    ("lora_down.weight", "lora_up.weight"),
    ("lora_A.weight", "lora_B.weight"),
    ("lora.down.weight", "lora.up.weight"),
];

/// An open file and the tensors in it that no layer has taken yet.
#[derive(Debug)]
pub(super) struct LoraFile {
    files: Files,
    left: BTreeSet<String>,
}

impl LoraFile {
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let files = Files::single(path)?;
        let left = files.names().into_iter().map(|(name, _)| name).collect();
        Ok(Self { files, left })
    }

    /// Takes the adapter of a layer under the first of its names that is there.
    pub(super) fn take(
        &mut self,
        layer: &AdaptedLayer,
        keys: &[String],
        weight: f32,
    ) -> Result<Option<Adapter>, ComputeError> {
        for key in keys {
            for (down, up) in HALVES {
                let [down, up] = [down, up].map(|half| format!("{key}.{half}"));
                match (self.left.remove(&down), self.left.remove(&up)) {
                    (true, true) => return self.read(layer, key, (&down, &up), weight).map(Some),
                    (false, false) => {}
                    (has_down, _) => {
                        let (file, tensor) = (self.files.path().to_owned(), if has_down { up } else { down });
                        return Err(LoraError::Half { file, tensor }.into());
                    }
                }
            }
        }
        Ok(None)
    }

    /// Refuses tensors that no layer took.
    pub(super) fn refuse_rest(self) -> Result<(), LoraError> {
        match self.left.first() {
            Some(tensor) => Err(LoraError::Unknown {
                file: self.files.path().to_owned(),
                count: self.left.len(),
                tensor: tensor.clone(),
            }),
            None => Ok(()),
        }
    }

    fn read(
        &mut self,
        layer: &AdaptedLayer,
        key: &str,
        (down, up): (&str, &str),
        weight: f32,
    ) -> Result<Adapter, ComputeError> {
        let rank = self.files.shape(down).and_then(|shape| shape.first()).map_or(0, |&rank| rank as i64);
        let shape = layer.weight.size();
        let mut down_shape = shape.clone();
        down_shape[0] = rank;
        let up_shape = match layer.kind {
            LayerKind::Linear => vec![shape[0], rank],
            LayerKind::Conv => vec![shape[0], rank, 1, 1],
        };
        let down = self.tensor(layer, down, &down_shape)?;
        let up = self.tensor(layer, up, &up_shape)?;
        let alpha_key = format!("{key}.alpha");
        let alpha = if self.left.remove(&alpha_key) {
            // Stored as a number, or as a list of one.
            let is_list = self.files.shape(&alpha_key).is_some_and(|shape| !shape.is_empty());
            let alpha = read_tensor(&self.files, &alpha_key, if is_list { &[1] } else { &[] }, Kind::Double)?;
            alpha.f_sum(None::<Kind>).and_then(|alpha| alpha.f_double_value(&[])).map_err(TorchError::from)?
        } else {
            rank as f64
        };
        Ok(Adapter { down, up, scale: f64::from(weight) * alpha / rank.max(1) as f64 })
    }

    fn tensor(&self, layer: &AdaptedLayer, name: &str, shape: &[i64]) -> Result<Tensor, ComputeError> {
        let tensor =
            read_tensor(&self.files, name, shape, layer.weight.kind()).map_err(|error| match error {
                ComputeError::Weights(WeightsError::Shape { file, tensor, found, .. }) => {
                    LoraError::Shape { file, tensor, found, layer: layer.weight.size() }.into()
                }
                other => other,
            })?;
        Ok(tensor.f_to_device(layer.weight.device()).map_err(TorchError::from)?)
    }
}

impl Adapter {
    /// What the adapter adds to a weight: `scale * up down`, in f32, of the weight's shape.
    pub(super) fn delta(&self, weight: &Tensor) -> Result<Tensor, TorchError> {
        let flat = |tensor: &Tensor| tensor.f_to_kind(Kind::Float).and_then(|tensor| tensor.f_flatten(1, -1));
        Ok(flat(&self.up)?.f_matmul(&flat(&self.down)?)?.f_mul_scalar(self.scale)?.f_view_as(weight)?)
    }
}
