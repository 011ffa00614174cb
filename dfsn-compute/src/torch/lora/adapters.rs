//! Small matrices beside a layer's weight (LoRA, Hu et al. 2021), and the list of layers that can have them.

use std::sync::{Arc, Mutex, PoisonError};

use tch::{Kind, Tensor};

use crate::lora::LoraMatrices;
use crate::torch::TorchError;

/// What a layer adds to its output at run time. Clones share one list.
#[derive(Clone, Debug, Default)]
pub(in crate::torch) struct Adapters(Arc<Mutex<Vec<Adapter>>>);

/// `scale * up(down(x))`.
#[derive(Debug)]
pub(in crate::torch) struct Adapter {
    /// The layer's kind of weight with as few outputs as the rank.
    pub(in crate::torch) down: Tensor,
    /// From the rank to the layer's outputs; of a convolution with a kernel of 1x1.
    pub(in crate::torch) up: Tensor,
    pub(in crate::torch) scale: f64,
}

/// A layer with a weight that adapters can change.
#[derive(Debug)]
pub(in crate::torch) struct AdaptedLayer {
    /// As diffusers names the module.
    pub(in crate::torch) name: String,
    /// The layer's own weight; the numbers are shared with it.
    pub(in crate::torch) weight: Tensor,
    pub(in crate::torch) kind: LayerKind,
    pub(in crate::torch) adapters: Adapters,
}

/// Which operation a weight is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::torch) enum LayerKind {
    /// `[out, in]`.
    Linear,
    /// `[out, in, height, width]`.
    Conv,
}

impl Adapter {
    /// Puts matrices where a layer's weight is.
    pub(super) fn new(layer: &AdaptedLayer, matrices: &LoraMatrices) -> Result<Self, TorchError> {
        let (weight, rank) = (&layer.weight, matrices.rank as i64);
        let mut down_shape = weight.size();
        let outputs = std::mem::replace(&mut down_shape[0], rank);
        let up_shape = match layer.kind {
            LayerKind::Linear => vec![outputs, rank],
            LayerKind::Conv => vec![outputs, rank, 1, 1],
        };
        let place = |numbers: &[f32], shape: &[i64]| -> Result<Tensor, TorchError> {
            let tensor = Tensor::f_from_slice(numbers)?.f_view(shape)?;
            Ok(tensor.f_to_kind(weight.kind())?.f_to_device(weight.device())?)
        };
        Ok(Self {
            down: place(&matrices.down, &down_shape)?,
            up: place(&matrices.up, &up_shape)?,
            scale: matrices.scale,
        })
    }

    /// What the adapter adds to a weight: `scale * up down`, in f32, of the weight's shape.
    pub(super) fn delta(&self, weight: &Tensor) -> Result<Tensor, TorchError> {
        let flat = |tensor: &Tensor| tensor.f_to_kind(Kind::Float).and_then(|tensor| tensor.f_flatten(1, -1));
        Ok(flat(&self.up)?.f_matmul(&flat(&self.down)?)?.f_mul_scalar(self.scale)?.f_view_as(weight)?)
    }
}

impl Adapters {
    /// Adds every adapter's part to the layer's own output; `down` and `up` apply one weight each.
    pub(in crate::torch) fn add(
        &self,
        mut output: Tensor,
        down: impl Fn(&Tensor) -> Result<Tensor, TorchError>,
        up: impl Fn(&Tensor, &Tensor) -> Result<Tensor, TorchError>,
    ) -> Result<Tensor, TorchError> {
        for adapter in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let part = up(&down(&adapter.down)?, &adapter.up)?;
            output = output.f_add(&part.f_mul_scalar(adapter.scale)?)?;
        }
        Ok(output)
    }

    pub(in crate::torch) fn push(&self, adapter: Adapter) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(adapter);
    }

    pub(in crate::torch) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
