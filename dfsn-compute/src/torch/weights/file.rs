//! One safetensors file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use tch::{Kind, Tensor};

use super::WeightsError;
use crate::error::ComputeError;
use crate::torch::TorchError;

/// A header tells of at most some thousand tensors, about 100 bytes each.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// An open file. Tensors are read one by one, each straight into its memory.
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

    /// Reads part `part` of `parts` equal ones along the first dimension, as `shape`.
    pub(super) fn read(
        &self,
        name: &str,
        info: &TensorInfo,
        (part, parts): (u64, u64),
        shape: &[i64],
    ) -> Result<Tensor, ComputeError> {
        let kind = match info.dtype {
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            other => {
                let (file, tensor) = (self.path.clone(), name.to_owned());
                return Err(WeightsError::Dtype { file, tensor, dtype: format!("{other:?}") }.into());
            }
        };
        let tensor = Tensor::f_zeros(shape, (kind, tch::Device::Cpu)).map_err(TorchError::from)?;
        // The header's checks make the offsets lie in the file and span exactly the shape.
        let (begin, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
        let length = (end - begin) / parts;
        let bytes = tensor.numel() * kind.elt_size_in_bytes();
        if bytes as u64 != length {
            return Err(WeightsError::Broken {
                file: self.path.clone(),
                reason: format!("tensor {name:?} takes {length} bytes, its shape {bytes}"),
            }
            .into());
        }
        if bytes > 0 {
            // SAFETY: a fresh contiguous tensor on the CPU owns exactly `bytes` zeroed bytes here, nobody
            // else has seen it, and every bit pattern is a number of its kind.
            #[allow(unsafe_code)]
            let memory = unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<u8>(), bytes) };
            self.file
                .read_exact_at(memory, self.start + begin + part * length)
                .map_err(|source| WeightsError::Read { file: self.path.clone(), source })?;
        }
        Ok(tensor)
    }
}
