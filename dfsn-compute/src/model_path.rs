//! Where a model's files are: on disk, or in memory where there is no disk, as in a browser.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A folder's files in memory, by their paths in it: `unet/config.json`. Clones share the bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MemoryFiles(Arc<BTreeMap<String, Arc<Vec<u8>>>>);

impl<N: Into<String>> FromIterator<(N, Vec<u8>)> for MemoryFiles {
    fn from_iter<I: IntoIterator<Item = (N, Vec<u8>)>>(files: I) -> Self {
        Self(Arc::new(files.into_iter().map(|(name, bytes)| (name.into(), Arc::new(bytes))).collect()))
    }
}

impl std::fmt::Debug for MemoryFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, bytes)| (name, bytes.len()))).finish()
    }
}

/// A file or a folder of a model. Paths on disk and [`MemoryFiles`] become one by `into`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPath {
    path: PathBuf,
    memory: Option<MemoryFiles>,
}

impl<P: AsRef<Path> + ?Sized> From<&P> for ModelPath {
    fn from(path: &P) -> Self {
        path.as_ref().to_owned().into()
    }
}

impl From<PathBuf> for ModelPath {
    fn from(path: PathBuf) -> Self {
        Self { path, memory: None }
    }
}

impl From<String> for ModelPath {
    fn from(path: String) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<MemoryFiles> for ModelPath {
    fn from(files: MemoryFiles) -> Self {
        Self { path: PathBuf::new(), memory: Some(files) }
    }
}

impl From<&Self> for ModelPath {
    fn from(path: &Self) -> Self {
        path.clone()
    }
}

impl ModelPath {
    /// What to call it: its path on disk, or in the folder that the files in memory make.
    pub fn as_path(&self) -> &Path {
        &self.path
    }

    /// What lies below it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> Self {
        Self { path: self.path.join(name), memory: self.memory.clone() }
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        if self.memory.is_none() { self.path.exists() } else { self.bytes().is_some() || self.is_dir() }
    }

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        match &self.memory {
            None => self.path.is_dir(),
            Some(files) => files
                .0
                .keys()
                .any(|name| Path::new(name).strip_prefix(&self.path).is_ok_and(|rest| rest != Path::new(""))),
        }
    }

    fn bytes(&self) -> Option<&Arc<Vec<u8>>> {
        // Folders are joined with the system's separator, files in memory are named with slashes.
        let is_it = |(name, bytes)| (Path::new::<String>(name) == self.path).then_some(bytes);
        self.memory.as_ref()?.0.iter().find_map(is_it)
    }

    pub(crate) fn open(&self) -> Result<ModelFile> {
        match (&self.memory, self.bytes()) {
            (None, _) => Ok(ModelFile::Disk(Mutex::new(File::open(&self.path)?))),
            (Some(_), Some(bytes)) => Ok(ModelFile::Memory(Arc::clone(bytes))),
            (Some(_), None) => Err(Error::new(ErrorKind::NotFound, "it is not among the files in memory")),
        }
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) enum ModelFile {
    /// Locked from the search for a place to the end of reading there.
    Disk(Mutex<File>),
    Memory(Arc<Vec<u8>>),
}

impl ModelFile {
    pub(crate) fn len(&self) -> Result<u64> {
        match self {
            Self::Disk(file) => Ok(file.lock().unwrap_or_else(PoisonError::into_inner).metadata()?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Fills `buffer` from place `at` on.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> Result<()> {
        match self {
            Self::Disk(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(buffer)
            }
            Self::Memory(bytes) => {
                let start = usize::try_from(at).ok().and_then(|start| bytes.get(start..));
                let found =
                    start.and_then(|bytes| bytes.get(..buffer.len())).ok_or(ErrorKind::UnexpectedEof)?;
                buffer.copy_from_slice(found);
                Ok(())
            }
        }
    }

    /// Reads from the beginning, at most `max` bytes.
    pub(crate) fn read_up_to(&self, max: u64) -> Result<Vec<u8>> {
        match self {
            Self::Disk(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut bytes = Vec::new();
                file.by_ref().take(max).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            Self::Memory(bytes) => {
                let end = usize::try_from(max).map_or(bytes.len(), |max| max.min(bytes.len()));
                Ok(bytes[..end].to_vec())
            }
        }
    }
}
