//! A model's canonical file: all quantised weights in one order, whose BLAKE3 hash is the model's `weights_root`.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use dfsn_consensus::exact::{WEIGHTS_HEADER, WeightEntry, WeightForm, WeightLayout, WeightSpec};
use thiserror::Error;

use super::ExactWeight;
use super::source::{self, Quantising, WeightSource};
use crate::config::ModelConfig;
use crate::error::ComputeError;
use crate::exact::engine::thread_pool;
use crate::exact::simd::Threads;
use crate::exact::{ExactError, ExactModel, ExactOptions};
use crate::weights::Networks;

/// What is read, hashed and converted at once.
const PIECE_BYTES: usize = 256 << 10;

/// Why a canonical file cannot be written or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("the canonical weights cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The file has another length than the model's layout asks for.
    #[error("{}: it has {found} bytes, the model's weights take {expected}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes there are.
        found: u64,
        /// Bytes that the layout asks for.
        expected: u64,
    },
    /// The file begins otherwise: it is of another model or no such file.
    #[error("{}: its first {WEIGHTS_HEADER} bytes are not those of this model's weights", .0.display())]
    Header(PathBuf),
    /// The bytes are not those that the file was written with.
    #[error("{}: its bytes are damaged", .0.display())]
    Damaged(PathBuf),
}

impl From<CanonicalError> for ComputeError {
    fn from(error: CanonicalError) -> Self {
        ExactError::from(error).into()
    }
}

/// Quantises a model's weights and writes them as its canonical file; gives the file's BLAKE3 hash, the model's
/// `weights_root`. Of the options the threads count. [`std::io::sink`] gives the root alone.
///
/// # Errors
/// [`ComputeError::Weights`], naming the file and the tensor; [`ComputeError::Exact`] for what has no exact form or
/// cannot be written.
pub fn write_weights(
    config: &ModelConfig,
    options: ExactOptions,
    out: &mut impl Write,
) -> Result<[u8; 32], ComputeError> {
    let layout = ExactModel::of(config)?.layout()?;
    let networks = Networks::open(config)?;
    let pool = thread_pool(options)?;
    let mut source = Quantising::new(&networks);
    let root = write(&mut source, &layout, pool.as_ref().map_or(Threads::Caller, Threads::Pool), out)?;
    source.refuse_unread(config)?;
    Ok(root)
}

fn write(
    source: &mut impl WeightSource,
    layout: &WeightLayout,
    threads: Threads<'_>,
    out: &mut impl Write,
) -> Result<[u8; 32], ComputeError> {
    let mut output =
        Output { out: BufWriter::with_capacity(PIECE_BYTES, out), hasher: blake3::Hasher::new(), at: 0 };
    output.put(&layout.header())?;
    source::each(
        source,
        layout,
        threads,
        |_, weight| Ok(weight),
        |entry, weight| {
            output.pad_to(entry.values().start)?;
            match weight {
                ExactWeight::Quantised { values, scales } => {
                    output.numbers(&values, |value| value.to_le_bytes())?;
                    output.pad_to(entry.scales().start)?;
                    output.numbers(&scales, |scale| scale.to_le_bytes())?;
                }
                ExactWeight::Plain(values) => output.numbers(&values, |value| value.to_le_bytes())?,
            }
            Ok(())
        },
    )?;
    output.out.flush().map_err(CanonicalError::Write)?;
    Ok(*output.hasher.finalize().as_bytes())
}

/// Writes and hashes.
struct Output<W: Write> {
    out: BufWriter<W>,
    hasher: blake3::Hasher,
    at: u64,
}

impl<W: Write> Output<W> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), CanonicalError> {
        self.hasher.update(bytes);
        self.at += bytes.len() as u64;
        self.out.write_all(bytes).map_err(CanonicalError::Write)
    }

    fn pad_to(&mut self, start: u64) -> Result<(), CanonicalError> {
        // Less than an alignment.
        let missing = start.saturating_sub(self.at) as usize;
        self.put(&vec![0; missing])
    }

    fn numbers<T: Copy, const N: usize>(
        &mut self,
        numbers: &[T],
        bytes: impl Fn(T) -> [u8; N],
    ) -> Result<(), CanonicalError> {
        for piece in numbers.chunks(PIECE_BYTES / N) {
            let piece: Vec<u8> = piece.iter().flat_map(|number| bytes(*number)).collect();
            self.put(&piece)?;
        }
        Ok(())
    }
}

/// Reads a canonical file from its beginning to its end, hashing as it goes.
#[derive(Debug)]
pub(in crate::exact) struct CanonicalReader {
    path: PathBuf,
    file: File,
    hasher: blake3::Hasher,
    at: u64,
    length: u64,
}

impl CanonicalReader {
    pub(super) fn open(path: &Path, layout: &WeightLayout) -> Result<Self, CanonicalError> {
        let fail = |source| CanonicalError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(fail)?;
        let (found, expected) = (file.metadata().map_err(fail)?.len(), layout.length());
        if found != expected {
            return Err(CanonicalError::Length { path: path.to_owned(), found, expected });
        }
        let hasher = blake3::Hasher::new();
        let mut reader = Self { path: path.to_owned(), file, hasher, at: 0, length: expected };
        let mut header = Vec::new();
        reader.bytes(WEIGHTS_HEADER, |piece| header.extend_from_slice(piece))?;
        if header != layout.header() {
            return Err(CanonicalError::Header(path.to_owned()));
        }
        Ok(reader)
    }

    /// The hash of all bytes, once every parameter was read.
    pub(super) fn root(&self) -> Result<[u8; 32], CanonicalError> {
        if self.at != self.length {
            return Err(CanonicalError::Damaged(self.path.clone()));
        }
        Ok(*self.hasher.finalize().as_bytes())
    }

    fn bytes(&mut self, count: u64, mut take: impl FnMut(&[u8])) -> Result<(), CanonicalError> {
        // Pieces fit usize.
        let mut piece = vec![0; count.min(PIECE_BYTES as u64) as usize];
        let end = self.at + count;
        while self.at < end {
            let piece = &mut piece[..(end - self.at).min(PIECE_BYTES as u64) as usize];
            self.file
                .read_exact(piece)
                .map_err(|source| CanonicalError::Read { path: self.path.clone(), source })?;
            self.hasher.update(piece);
            self.at += piece.len() as u64;
            take(piece);
        }
        Ok(())
    }

    /// Bytes from `start`, after padding of zeros.
    fn numbers<T, const N: usize>(
        &mut self,
        start: u64,
        count: usize,
        number: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, CanonicalError> {
        let mut is_zero = true;
        self.bytes(start - self.at, |padding| is_zero &= padding.iter().all(|byte| *byte == 0))?;
        if !is_zero {
            return Err(CanonicalError::Damaged(self.path.clone()));
        }
        // The file is as long as the layout that tells the count.
        let mut numbers = Vec::with_capacity(count);
        self.bytes((count * N) as u64, |piece| {
            numbers.extend(piece.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)));
        })?;
        Ok(numbers)
    }
}

impl WeightSource for CanonicalReader {
    type Raw = ExactWeight;

    fn read(&mut self, entry: &WeightEntry) -> Result<ExactWeight, ComputeError> {
        let form = entry.spec().form;
        let (start, count) = (entry.values().start, form.rows() * form.width());
        Ok(match form {
            WeightForm::Quantised { rows, .. } => {
                let values = self.numbers(start, count, i16::from_le_bytes)?;
                let scales = self.numbers(entry.scales().start, rows, f32::from_le_bytes)?;
                ExactWeight::Quantised { values, scales }
            }
            WeightForm::Plain { .. } => ExactWeight::Plain(self.numbers(start, count, f32::from_le_bytes)?),
        })
    }

    fn finish(_: &WeightSpec, raw: ExactWeight) -> Result<ExactWeight, ExactError> {
        Ok(raw)
    }
}
