//! One safetensors file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use tch::{Device, Kind, Tensor};

use super::WeightsError;
use crate::error::ComputeError;
use crate::torch::TorchError;

/// A header tells of at most some thousand tensors, about 100 bytes each.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// What is read and converted at once.
const PIECE_BYTES: usize = 256 << 10;

/// An open file. Tensors are read one by one.
#[derive(Debug)]
pub(in crate::torch) struct TensorFile {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    start: u64,
}

impl TensorFile {
    pub(in crate::torch) fn open(path: &Path) -> Result<Self, WeightsError> {
        let fail = |source| WeightsError::Read { file: path.to_owned(), source };
        let broken = |reason: String| WeightsError::Broken { file: path.to_owned(), reason };
        let file = File::open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        if length < 8 {
            return Err(broken(format!("it has {length} bytes")));
        }
        let mut size = [0; 8];
        file.read_exact_at(&mut size, 0).map_err(fail)?;
        let header_length = u64::from_le_bytes(size);
        if header_length > MAX_HEADER_BYTES {
            return Err(broken(format!("a header of {header_length} bytes is over {MAX_HEADER_BYTES}")));
        }
        if header_length > length - 8 {
            return Err(broken(format!("its header of {header_length} bytes is cut off")));
        }
        // At most MAX_HEADER_BYTES.
        let mut header = vec![0; header_length as usize];
        file.read_exact_at(&mut header, 8).map_err(fail)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| broken(error.to_string()))?;
        let start = 8 + header_length;
        let (found, expected) = (length - start, metadata.data_len() as u64);
        if found != expected {
            return Err(broken(format!("it holds {found} bytes of tensors, its header tells of {expected}")));
        }
        Ok(Self { path: path.to_owned(), file, metadata, start })
    }

    pub(in crate::torch) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::torch) fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.metadata.info(name)
    }

    pub(in crate::torch) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// Reads part `part` of `parts` equal ones along the first dimension, as `shape`, in the number format `kind`.
    ///
    /// Pieces of it are converted one after the other: a copy of whole tensors in another format, made and dropped
    /// between those that stay, would leave the heap in holes.
    pub(super) fn read(
        &self,
        name: &str,
        info: &TensorInfo,
        (part, parts): (u64, u64),
        shape: &[i64],
        kind: Kind,
    ) -> Result<Tensor, ComputeError> {
        let stored = match info.dtype {
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            other => {
                let (file, tensor) = (self.path.clone(), name.to_owned());
                return Err(WeightsError::Dtype { file, tensor, dtype: format!("{other:?}") }.into());
            }
        };
        let tensor = Tensor::f_zeros(shape, (kind, Device::Cpu)).map_err(TorchError::from)?;
        // The header's checks make the offsets lie in the file and span exactly the shape.
        let (begin, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
        let (length, size) = ((end - begin) / parts, stored.elt_size_in_bytes());
        if (tensor.numel() * size) as u64 != length {
            return Err(WeightsError::Broken {
                file: self.path.clone(),
                reason: format!("tensor {name:?} takes {length} bytes, its shape {}", tensor.numel() * size),
            }
            .into());
        }
        let flat = tensor.f_view([-1]).map_err(TorchError::from)?;
        let mut at = self.start + begin + part * length;
        let mut done = 0;
        let mut bytes = Vec::new();
        while done < tensor.numel() {
            let count = (tensor.numel() - done).min(PIECE_BYTES / size);
            bytes.resize(count * size, 0);
            self.file
                .read_exact_at(&mut bytes, at)
                .map_err(|source| WeightsError::Read { file: self.path.clone(), source })?;
            Tensor::f_from_data_size(&bytes, &[count as i64], stored)
                .and_then(|piece| flat.f_narrow(0, done as i64, count as i64)?.f_copy_(&piece))
                .map_err(TorchError::from)?;
            at += bytes.len() as u64;
            done += count;
        }
        Ok(tensor)
    }
}
