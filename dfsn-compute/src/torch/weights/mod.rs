//! Weights by name, read tensor by tensor onto a device.

mod error;
mod file;
mod files;
mod naming;

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Display;
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use super::TorchError;
use super::lora::{AdaptedLayer, Adapters, LayerKind};
use crate::error::ComputeError;

pub use error::WeightsError;
pub(super) use files::Files;
pub(super) use naming::{LdmUNet, Naming, UNET_PREFIX, VAE_PREFIX};

use naming::{Form, Stored};

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
    files: Rc<Files>,
    naming: Naming,
    place: Placement,
    /// Names in the files that were asked for.
    read: RefCell<HashSet<String>>,
    layers: RefCell<Vec<AdaptedLayer>>,
}

/// The tensors below one module.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    weights: &'a Weights,
    prefix: String,
}

impl Weights {
    pub(super) fn new(files: Rc<Files>, naming: Naming, place: Placement) -> Self {
        Self { files, naming, place, read: RefCell::default(), layers: RefCell::default() }
    }

    pub(super) fn root(&self) -> Scope<'_> {
        Scope { weights: self, prefix: String::new() }
    }

    /// Refuses tensors of this network that nothing asked for, but for those whose names `is_ignored`.
    pub(super) fn refuse_unread(&self, is_ignored: impl Fn(&str) -> bool) -> Result<(), WeightsError> {
        let read = self.read.borrow();
        let prefix = self.naming.prefix();
        let mut extra = self.files.names();
        extra.retain(|(name, _)| {
            name.strip_prefix(prefix).is_some_and(|rest| !is_ignored(rest)) && !read.contains(name)
        });
        extra.sort_unstable();
        match extra.first() {
            Some((tensor, file)) => Err(WeightsError::Extra {
                file: (*file).to_owned(),
                count: extra.len(),
                tensor: tensor.clone(),
            }),
            None => Ok(()),
        }
    }

    /// The layers that were loaded and can be adapted, by their names in diffusers.
    pub(super) fn into_layers(self) -> Vec<AdaptedLayer> {
        self.layers.into_inner()
    }

    fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor, ComputeError> {
        let Stored { name, form } = self.naming.stored(name);
        let Placement { device, kind, .. } = self.place;
        let tensor = match form {
            Form::Whole => self.files.read(&name, shape, kind)?,
            Form::Third(third) => self.files.read_part(&name, shape, kind, (third, 3))?,
            Form::Transposed => {
                let reversed: Vec<i64> = shape.iter().rev().copied().collect();
                self.files.read(&name, &reversed, kind)?.f_t_copy().map_err(TorchError::from)?
            }
        };
        let tensor = tensor.f_to_device(device).map_err(TorchError::from)?;
        self.read.borrow_mut().insert(name);
        Ok(tensor)
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
