//! Reading safetensors files, tensor by tensor, into f32 on a device.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Display;
use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::tensor::{Dtype, Metadata, SafeTensors};
use tch::{Device, Kind, Tensor};
use thiserror::Error;

use super::TorchError;
use crate::error::ComputeError;

/// A weights file that does not hold what the model needs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file is missing or unreadable.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Cut off or otherwise no safetensors file.
    #[error("{file} is not a valid safetensors file: {reason}")]
    Broken {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor that the configuration asks for.
    #[error("{file}: tensor {tensor:?} is missing")]
    Missing {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor of another shape than the configuration asks for.
    #[error("{file}: tensor {tensor:?} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape wanted.
        expected: Vec<i64>,
    },
    /// A tensor in a number format that is not read.
    #[error("{file}: tensor {tensor:?} is stored as {dtype}, only F16, BF16, F32 and F64 are read")]
    Dtype {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its format.
        dtype: String,
    },
    /// Tensors that the configuration has no place for.
    #[error("{file}: {count} tensors have no place in the configured model, the first is {tensor:?}")]
    Extra {
        /// The file.
        file: PathBuf,
        /// How many.
        count: usize,
        /// The first by name.
        tensor: String,
    },
}

/// An open safetensors file. It is mapped, not read: only the tensor that is being copied takes memory.
#[derive(Debug)]
pub(super) struct WeightFile {
    path: PathBuf,
    map: Mmap,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    start: usize,
    device: Device,
    read: RefCell<HashSet<String>>,
}

/// A file and the prefix of the tensors below one module.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    file: &'a WeightFile,
    prefix: String,
}

impl WeightFile {
    pub(super) fn open(path: &Path, device: Device) -> Result<Self, WeightsError> {
        let fail = |source| WeightsError::Read { file: path.to_owned(), source };
        let file = File::open(path).map_err(fail)?;
        // SAFETY: the map is only read, and only while loading. A file that another program changes in that
        // time gives wrong weights or a bus error, as it would any reader of it.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) }.map_err(fail)?;
        let broken =
            |error: &dyn Display| WeightsError::Broken { file: path.to_owned(), reason: error.to_string() };
        let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|error| broken(&error))?;
        // The header is preceded by its length in 8 bytes.
        let start = header + 8;
        let (found, expected) = (map.len() - start, metadata.data_len());
        if found != expected {
            return Err(broken(&format!(
                "it holds {found} bytes of tensors, its header tells of {expected}"
            )));
        }
        Ok(Self { path: path.to_owned(), map, metadata, start, device, read: RefCell::default() })
    }

    pub(super) fn root(&self) -> Scope<'_> {
        Scope { file: self, prefix: String::new() }
    }

    /// Refuses tensors that nothing asked for, but for those whose names begin with one of `ignored`.
    pub(super) fn refuse_unread(&self, ignored: &[&str]) -> Result<(), WeightsError> {
        let read = self.read.borrow();
        let mut extra: Vec<String> = self.metadata.tensors().into_keys().collect();
        extra.retain(|name| !read.contains(name) && !ignored.iter().any(|prefix| name.starts_with(prefix)));
        extra.sort_unstable();
        match extra.first() {
            Some(tensor) => Err(WeightsError::Extra {
                file: self.path.clone(),
                count: extra.len(),
                tensor: tensor.clone(),
            }),
            None => Ok(()),
        }
    }

    fn tensor(&self, name: String, shape: &[i64]) -> Result<Tensor, ComputeError> {
        let file = || self.path.clone();
        let Some(info) = self.metadata.info(&name) else {
            return Err(WeightsError::Missing { file: file(), tensor: name }.into());
        };
        if !same_shape(&info.shape, shape) {
            let (found, expected) = (info.shape.clone(), shape.to_vec());
            return Err(WeightsError::Shape { file: file(), tensor: name, found, expected }.into());
        }
        let kind = match info.dtype {
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            other => {
                return Err(
                    WeightsError::Dtype { file: file(), tensor: name, dtype: format!("{other:?}") }.into()
                );
            }
        };
        // The header's checks make the offsets lie in the file and span exactly the shape.
        let (begin, end) = info.data_offsets;
        let bytes = &self.map[self.start + begin..self.start + end];
        let tensor = Tensor::f_from_data_size(bytes, shape, kind)
            .and_then(|tensor| tensor.f_to_device(self.device))
            .and_then(|tensor| tensor.f_to_kind(Kind::Float))
            .map_err(TorchError::from)?;
        self.read.borrow_mut().insert(name);
        Ok(tensor)
    }
}

/// Linear layers are stored as `[out, in]` or, by older tools, as `[out, in, 1, 1]`.
fn same_shape(found: &[usize], expected: &[i64]) -> bool {
    let mut left = found.to_vec();
    let mut right: Vec<usize> = expected.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
    for shape in [&mut left, &mut right] {
        while shape.len() > 2 && shape.last() == Some(&1) {
            shape.pop();
        }
    }
    left == right
}

impl<'a> Scope<'a> {
    /// The module `name` below this one.
    pub(super) fn sub(&self, name: impl Display) -> Self {
        Self { file: self.file, prefix: format!("{}{name}.", self.prefix) }
    }

    /// Module `index` of the list `name` below this one.
    pub(super) fn item(&self, name: &str, index: usize) -> Self {
        Self { file: self.file, prefix: format!("{}{name}.{index}.", self.prefix) }
    }

    /// The first of several names under which a module may be stored.
    pub(super) fn sub_any(&self, names: &[&str]) -> Self {
        let stored = names.iter().find(|name| self.has(&format!("{name}.weight")));
        self.sub(stored.or(names.first()).copied().unwrap_or_default())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.file.metadata.info(&format!("{}{name}", self.prefix)).is_some()
    }

    pub(super) fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor, ComputeError> {
        self.file.tensor(format!("{}{name}", self.prefix), shape)
    }
}
