//! Weights by name, read tensor by tensor onto a device.

use std::cell::RefCell;
use std::fmt::Display;

use tch::{Device, Kind, Tensor};

use super::TorchError;
use super::lora::{AdaptedLayer, Adapters, LayerKind};
use crate::error::ComputeError;
use crate::weights::{Form, Network, NumberFormat, WeightsError};

/// Where and how a network is to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    pub(super) device: Device,
    /// The number format that weights are kept in.
    pub(super) kind: Kind,
    /// Whether convolutions see the picture's far side beyond its edges.
    pub(super) seamless: bool,
}

/// One network's tensors in its files.
#[derive(Debug)]
pub(super) struct Weights {
    network: Network,
    place: Placement,
    layers: RefCell<Vec<AdaptedLayer>>,
}

/// The tensors below one module.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    weights: &'a Weights,
    prefix: String,
}

impl Weights {
    pub(super) fn new(network: Network, place: Placement) -> Self {
        Self { network, place, layers: RefCell::default() }
    }

    pub(super) fn root(&self) -> Scope<'_> {
        Scope { weights: self, prefix: String::new() }
    }

    /// Refuses tensors of this network that nothing asked for, but for those whose names `is_ignored`.
    pub(super) fn refuse_unread(&self, is_ignored: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        self.network.refuse_unread(is_ignored)
    }

    /// The layers that were loaded and can be adapted, by their names in diffusers.
    pub(super) fn into_layers(self) -> Vec<AdaptedLayer> {
        self.layers.into_inner()
    }

    fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor, ComputeError> {
        let Placement { device, kind, .. } = self.place;
        let target = Target::new(shape, kind)?;
        let form = self.network.read_pieces(name, &sizes(shape), target.row, |place, format, bytes| {
            target.fill(place, format, bytes)
        })?;
        let tensor = match form {
            Form::Whole | Form::Third(_) => Ok(target.tensor),
            Form::Transposed => {
                let reversed: Vec<i64> = shape.iter().rev().copied().collect();
                target.tensor.f_view(reversed.as_slice()).and_then(|tensor| tensor.f_t_copy())
            }
        };
        Ok(tensor.and_then(|tensor| tensor.f_to_device(device)).map_err(TorchError::from)?)
    }
}

fn sizes(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&size| usize::try_from(size).unwrap_or_default()).collect()
}

/// A tensor that is being read.
struct Target {
    tensor: Tensor,
    /// Its numbers in the order of the file, row by row.
    rows: Tensor,
    /// Numbers of a row: of a convolution those of one output, else one.
    row: usize,
}

impl Target {
    /// Weights of convolutions lie channels-last, since libtorch then keeps the pictures between layers so, too.
    fn new(shape: &[i64], kind: Kind) -> Result<Self, TorchError> {
        let place = (kind, Device::Cpu);
        let (tensor, rows) = match *shape {
            [outputs, inputs, height, width] => {
                let tensor = Tensor::f_zeros([outputs, height, width, inputs], place)?;
                let tensor = tensor.f_permute([0, 3, 1, 2])?;
                let rows = tensor.shallow_clone();
                (tensor, rows)
            }
            _ => {
                let tensor = Tensor::f_zeros(shape, place)?;
                let rows = tensor.f_view([-1])?;
                (tensor, rows)
            }
        };
        let row = sizes(&rows.size()).iter().skip(1).product::<usize>().max(1);
        Ok(Self { tensor, rows, row })
    }

    /// Takes whole rows; `place` is that of their first number in the file's order.
    fn fill(&self, place: usize, format: NumberFormat, bytes: &[u8]) -> Result<(), ComputeError> {
        let stored = match format {
            NumberFormat::F16 => Kind::Half,
            NumberFormat::Bf16 => Kind::BFloat16,
            NumberFormat::F32 => Kind::Float,
            NumberFormat::F64 => Kind::Double,
        };
        let mut shape = self.rows.size();
        shape[0] = (bytes.len() / stored.elt_size_in_bytes() / self.row) as i64;
        Tensor::f_from_data_size(bytes, &shape, stored)
            .and_then(|piece| self.rows.f_narrow(0, (place / self.row) as i64, shape[0])?.f_copy_(&piece))
            .map_err(TorchError::from)?;
        Ok(())
    }
}

impl Scope<'_> {
    /// The module `name` below this one.
    pub(super) fn sub(&self, name: impl Display) -> Self {
        Self { weights: self.weights, prefix: format!("{}{name}.", self.prefix) }
    }

    /// Module `index` of the list `name` below this one.
    pub(super) fn item(&self, name: &str, index: usize) -> Self {
        Self { weights: self.weights, prefix: format!("{}{name}.{index}.", self.prefix) }
    }

    pub(super) fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor, ComputeError> {
        self.weights.tensor(&format!("{}{name}", self.prefix), shape)
    }

    /// Whether convolutions see the picture's far side beyond its edges.
    pub(super) fn is_seamless(&self) -> bool {
        self.weights.place.seamless
    }

    /// Enters the layer of this scope among those that can be adapted.
    pub(super) fn register(&self, weight: &Tensor, kind: LayerKind) -> Adapters {
        let adapters = Adapters::default();
        self.weights.layers.borrow_mut().push(AdaptedLayer {
            name: self.prefix.trim_end_matches('.').to_owned(),
            weight: weight.shallow_clone(),
            kind,
            adapters: adapters.clone(),
        });
        adapters
    }
}
