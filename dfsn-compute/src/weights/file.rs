//! One safetensors file.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::WeightsError;
use crate::model_path::{ModelFile, ModelPath};

/// A header tells of at most some thousand tensors, about 100 bytes each.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// What is read and converted at once, or one row where that is longer.
const PIECE_BYTES: usize = 256 << 10;

/// An open file. Tensors are read one by one.
#[derive(Debug)]
pub(crate) struct TensorFile {
    path: PathBuf,
    file: ModelFile,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    start: u64,
}

impl TensorFile {
    pub(crate) fn open(path: &ModelPath) -> Result<Self, WeightsError> {
        let file = path.open();
        let path = path.as_path();
        let fail = |source| WeightsError::Read { file: path.to_owned(), source };
        let broken = |reason: String| WeightsError::Broken { file: path.to_owned(), reason };
        let file = file.map_err(fail)?;
        let length = file.len().map_err(fail)?;
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

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.metadata.info(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// Reads part `part` of `parts` equal ones along the first dimension, in pieces: a copy of whole tensors in another
    /// format, made and dropped between those that stay, would leave the heap in holes. A piece is one or several rows
    /// of `row` numbers. `take` is given each piece's place among the part's numbers and its bytes; it may break off with
    /// an error of its own.
    pub(crate) fn read_pieces<E: From<WeightsError>>(
        &self,
        name: &str,
        info: &TensorInfo,
        (part, parts): (u64, u64),
        row: usize,
        mut take: impl FnMut(usize, NumberFormat, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let format = NumberFormat::of(info.dtype).ok_or_else(|| WeightsError::Dtype {
            file: self.path.clone(),
            tensor: name.to_owned(),
            dtype: format!("{:?}", info.dtype),
        })?;
        // The header's checks make the offsets lie in the file and span exactly the shape.
        let (begin, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
        let length = (end - begin) / parts;
        let count = info.shape.iter().product::<usize>() / parts as usize;
        if (count * format.size()) as u64 != length {
            let reason = format!("tensor {name:?} takes {length} bytes, its shape {}", count * format.size());
            return Err(WeightsError::Broken { file: self.path.clone(), reason }.into());
        }
        let mut at = self.start + begin + part * length;
        let mut done = 0;
        let mut bytes = Vec::new();
        let row = row.max(1);
        let rows = (PIECE_BYTES / format.size() / row).max(1);
        while done < count {
            let piece = (count - done).min(rows * row);
            bytes.resize(piece * format.size(), 0);
            self.file
                .read_exact_at(&mut bytes, at)
                .map_err(|source| WeightsError::Read { file: self.path.clone(), source })?;
            take(done, format, &bytes)?;
            at += bytes.len() as u64;
            done += piece;
        }
        Ok(())
    }
}

/// How a file stores numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFormat {
    F16,
    Bf16,
    F32,
    F64,
}

impl NumberFormat {
    fn of(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F16 => Some(Self::F16),
            Dtype::BF16 => Some(Self::Bf16),
            Dtype::F32 => Some(Self::F32),
            Dtype::F64 => Some(Self::F64),
            _ => None,
        }
    }

    const fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The numbers in some bytes, each rounded to f32 if it has more digits.
    pub(crate) fn decode(self, bytes: &[u8], numbers: &mut [f32]) {
        let pairs = || bytes.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
        match self {
            Self::F16 => fill(numbers, pairs().map(|bits| f16::from_bits(bits).to_f32())),
            Self::Bf16 => fill(numbers, pairs().map(|bits| bf16::from_bits(bits).to_f32())),
            Self::F32 => fill(numbers, bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes))),
            Self::F64 => {
                fill(numbers, bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32));
            }
        }
    }
}

fn fill(numbers: &mut [f32], found: impl Iterator<Item = f32>) {
    for (number, found) in numbers.iter_mut().zip(found) {
        *number = found;
    }
}
