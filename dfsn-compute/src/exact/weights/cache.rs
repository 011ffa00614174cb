//! Canonical files that are kept, so that a model is quantised once.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use dfsn_consensus::exact::WeightLayout;
use dfsn_types::ModelId;

use super::canonical::{CanonicalError, CanonicalReader};
use crate::error::ComputeError;
use crate::exact::ExactError;

/// Where one model's canonical file is kept: `exact-v1/MODEL/ROOT.weights` below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightsCache {
    folder: PathBuf,
}

/// Where the weights of an engine came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightsOrigin {
    /// The model's own files; nothing is kept.
    Quantised,
    /// The model's own files; the canonical file was written here.
    Kept(PathBuf),
    /// This canonical file.
    Cached(PathBuf),
    /// The model's own files; the canonical file could not be kept, and why.
    NotKept(String),
}

impl WeightsCache {
    /// For a model, named by its manifest, below a folder that is made when it is needed.
    pub fn new(dir: impl AsRef<Path>, model: ModelId) -> Self {
        Self { folder: dir.as_ref().join("exact-v1").join(model.to_string()) }
    }

    /// The usual folder: `DFSN_CACHE`, else `dfsn` in the user's cache folder. None without a home folder.
    pub fn default_dir() -> Option<PathBuf> {
        Self::dir_of(|name| std::env::var_os(name))
    }

    fn dir_of(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let absolute = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = |below: &str| absolute("HOME").map(|home| home.join(below));
        let of_system = || match cfg!(target_os = "macos") {
            true => home("Library/Caches"),
            false => absolute("XDG_CACHE_HOME").or_else(|| home(".cache")),
        };
        absolute("DFSN_CACHE").or_else(|| Some(of_system()?.join("dfsn")))
    }

    /// The file that is kept, and the root it was written with.
    pub fn find(&self) -> Option<(PathBuf, [u8; 32])> {
        let entries = fs::read_dir(&self.folder).ok()?;
        entries.flatten().find_map(|entry| {
            let path = entry.path();
            let root = root_of(&path)?;
            Some((path, root))
        })
    }

    /// Opens the file that is kept, to be checked by its root once it is read.
    pub(in crate::exact) fn open(
        &self,
        layout: &WeightLayout,
    ) -> Option<Result<(Checked, PathBuf), CanonicalError>> {
        let (path, root) = self.find()?;
        let open = CanonicalReader::open(&path, layout);
        Some(open.map(|reader| (Checked { reader, path: path.clone(), root }, path)))
    }

    /// Has the file written under the name of its root, and whole or not at all.
    ///
    /// Who holds the lock is the only one to write; another process finds the file when it gets the lock.
    pub(in crate::exact) fn keep(
        &self,
        write: impl FnOnce(&mut File) -> Result<[u8; 32], ComputeError>,
    ) -> Result<(), ComputeError> {
        fs::create_dir_all(&self.folder).map_err(CanonicalError::Write)?;
        let lock = File::create(self.folder.join("lock")).map_err(CanonicalError::Write)?;
        lock.lock().map_err(CanonicalError::Write)?;
        if self.find().is_some() {
            return Ok(());
        }
        // What a killed process left goes with the same name.
        let partial = self.folder.join("partial");
        let mut file = File::create(&partial).map_err(CanonicalError::Write)?;
        let written = write(&mut file).and_then(|root| {
            let finish = || -> io::Result<()> {
                file.sync_all()?;
                fs::rename(&partial, self.folder.join(format!("{}.weights", blake3::Hash::from(root))))
            };
            Ok(finish().map_err(CanonicalError::Write)?)
        });
        if written.is_err() {
            // A full disk is given back what was written; that this fails, too, changes nothing.
            let _ = fs::remove_file(&partial);
        }
        written
    }

    /// Deletes a file that is no use.
    pub(in crate::exact) fn discard(&self) {
        if let Some((path, _)) = self.find() {
            // If it stays, it is refused again the next time.
            let _ = fs::remove_file(path);
        }
    }
}

/// The root that a file is named by.
fn root_of(path: &Path) -> Option<[u8; 32]> {
    let name = path.file_name()?.to_str()?.strip_suffix(".weights")?;
    blake3::Hash::from_hex(name).ok().map(|hash| *hash.as_bytes())
}

/// A file that is believed when its bytes have the root that its name tells.
#[derive(Debug)]
pub(in crate::exact) struct Checked {
    pub(in crate::exact) reader: CanonicalReader,
    path: PathBuf,
    root: [u8; 32],
}

impl Checked {
    /// The root, once every parameter was read.
    pub(in crate::exact) fn root(&self) -> Result<[u8; 32], ExactError> {
        if self.reader.root()? != self.root {
            return Err(CanonicalError::Damaged(self.path.clone()).into());
        }
        Ok(self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(vars: &[(&str, &str)]) -> Option<PathBuf> {
        let var = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        WeightsCache::dir_of(var)
    }

    #[test]
    fn the_nearest_setting_wins_and_relative_ones_are_ignored() {
        assert_eq!(dir(&[]), None);
        assert_eq!(dir(&[("DFSN_CACHE", "here"), ("HOME", "")]), None);
        let own = [("DFSN_CACHE", "/big/disk"), ("HOME", "/home/a")];
        assert_eq!(dir(&own), Some(PathBuf::from("/big/disk")));
        assert!(dir(&own[1..]).is_some_and(|dir| dir.starts_with("/home/a") && dir.ends_with("dfsn")));
    }
}
