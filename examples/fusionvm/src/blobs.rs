//! Pictures by their hashes, as files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use dfsn_types::FileHash;

use crate::error::NodeError;

/// How often old files are looked for.
const COLLECT: Duration = Duration::from_secs(600);

/// Content-addressed files in a folder of bounded size. A file is there whole or not at all, whenever the power goes.
#[derive(Debug)]
pub struct BlobStore {
    folder: PathBuf,
    max_bytes: u64,
    used: Mutex<u64>,
}

impl BlobStore {
    /// Opens a folder, or makes it, for files of so many bytes together. What an interrupted write has left is deleted.
    ///
    /// # Errors
    /// [`NodeError::Io`].
    pub fn open(folder: &Path, max_bytes: u64) -> Result<Self, NodeError> {
        fs::create_dir_all(folder).map_err(NodeError::io(folder))?;
        let mut used = 0;
        for (path, metadata) in files(folder).map_err(NodeError::io(folder))? {
            if hash_of(&path).is_some() {
                used += metadata.len();
            } else {
                fs::remove_file(&path).map_err(NodeError::io(&path))?;
            }
        }
        Ok(Self { folder: folder.to_owned(), max_bytes, used: Mutex::new(used) })
    }

    /// Where a file of this hash lies, if it does.
    pub fn path(&self, hash: &FileHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }

    /// Whether a file is here.
    pub fn contains(&self, hash: &FileHash) -> bool {
        self.path(hash).is_file()
    }

    /// A file. One that is damaged counts as missing.
    pub fn get(&self, hash: &FileHash) -> Option<Vec<u8>> {
        fs::read(self.path(hash)).ok().filter(|file| FileHash::of(file) == *hash)
    }

    /// Keeps a file.
    pub(crate) fn put(&self, file: &[u8]) -> Result<FileHash, NodeError> {
        let hash = FileHash::of(file);
        let path = self.path(&hash);
        // One at a time, so that the bound holds.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if path.is_file() {
            return Ok(hash);
        }
        let bytes = u64::try_from(file.len()).unwrap_or(u64::MAX);
        if used.saturating_add(bytes) > self.max_bytes {
            let (path, used, max) = (self.folder.clone(), *used, self.max_bytes);
            return Err(NodeError::BlobsFull { path, used, max });
        }
        let unfinished = path.with_extension("new");
        write(&unfinished, file).map_err(NodeError::io(&unfinished))?;
        fs::rename(&unfinished, &path).map_err(NodeError::io(&path))?;
        *used += bytes;
        Ok(hash)
    }

    /// Deletes what is older than `keep`; says how many.
    ///
    /// # Errors
    /// [`NodeError::Io`].
    pub fn collect(&self, keep: Duration) -> Result<usize, NodeError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut deleted, mut left) = (0, 0);
        for (path, metadata) in files(&self.folder).map_err(NodeError::io(&self.folder))? {
            let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            // A clock that was set back makes nothing old.
            if SystemTime::now().duration_since(written).is_ok_and(|age| age > keep) {
                fs::remove_file(&path).map_err(NodeError::io(&path))?;
                deleted += 1;
            } else {
                left += metadata.len();
            }
        }
        *used = left;
        Ok(deleted)
    }

    /// Deletes what is older than `keep`, now and then, for ever.
    pub async fn collect_for_ever(self: Arc<Self>, keep: Duration) {
        let mut interval = tokio::time::interval(COLLECT);
        loop {
            interval.tick().await;
            let store = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || store.collect(keep)).await {
                Ok(Ok(0)) => {}
                Ok(Ok(pictures)) => tracing::info!(pictures, "deleted: their time is over"),
                Ok(Err(error)) => tracing::error!(%error, "old pictures cannot be deleted"),
                Err(error) => tracing::error!(%error, "old pictures were not looked through"),
            }
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn files(folder: &Path) -> io::Result<Vec<(PathBuf, fs::Metadata)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_file() {
            files.push((entry.path(), metadata));
        }
    }
    Ok(files)
}

fn hash_of(path: &Path) -> Option<FileHash> {
    path.file_name()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_up_to_the_bound_and_until_they_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::open(folder.path(), 10).unwrap();
        let first = store.put(b"12345678").unwrap();
        assert_eq!(store.put(b"12345678").unwrap(), first, "twice is once");
        let full = store.put(b"abc").unwrap_err();
        assert!(full.to_string().contains("8 bytes of 10"), "{full}");
        assert_eq!(store.get(&first).unwrap(), b"12345678");

        fs::write(folder.path().join("half.new"), "1").unwrap();
        let store = BlobStore::open(folder.path(), 10).unwrap();
        assert!(!folder.path().join("half.new").exists() && store.contains(&first));
        assert_eq!(store.collect(Duration::from_secs(3_600)).unwrap(), 0);
        assert_eq!(store.collect(Duration::ZERO).unwrap(), 1);
        store.put(b"abcdefghij").unwrap();
    }

    #[test]
    fn a_damaged_file_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::open(folder.path(), 100).unwrap();
        let hash = store.put(b"picture").unwrap();
        fs::write(store.path(&hash), b"pictur_").unwrap();
        assert_eq!(store.get(&hash), None);
    }
}
