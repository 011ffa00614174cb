//! Results and traces on disk, from their commitment until their audits are over (ADR 0046).
//!
//! A job is drawn into a folder below `drafts`: its states as they come, its pictures and the one that it started from,
//! then its record with a checksum. When all of it is flushed the folder is renamed into `results`; that rename is the
//! commitment. What lies in `drafts` at start is what a crash cut off, and is deleted.

mod draft;
mod record;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dfsn_types::{Boundary, FileHash, TraceShape};
use thiserror::Error;

use super::wire::JobKey;
use crate::trace::TraceContext;

pub(crate) use draft::Draft;
pub(crate) use record::StoredResult;

const DRAFTS: &str = "drafts";
const RESULTS: &str = "results";
/// Records that cannot be read are moved here, for their owner to look at.
const BROKEN: &str = "broken";
const LOCK: &str = "lock";
const RECORD: &str = "record.json";
const STATES: &str = "states.bin";
/// The picture that the job starts from.
const INIT: &str = "init.png";

/// The folder of results.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    max_bytes: u64,
    index: Mutex<Index>,
    /// Held while this store is open: another worker would delete its drafts.
    _lock: File,
}

#[derive(Debug, Default)]
struct Index {
    results: BTreeMap<JobKey, Indexed>,
    /// Files that are served by their hash: in which results, and under which name there.
    blobs: BTreeMap<FileHash, BTreeMap<JobKey, String>>,
    /// Of results and of drafts as they were announced.
    used_bytes: u64,
}

/// What is known of a result without reading it.
#[derive(Debug)]
struct Indexed {
    bytes: u64,
    keep_until_ms: u64,
    blobs: Vec<FileHash>,
}

/// Why the store does not give or take something.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// All space is used by results that are still kept.
    #[error("{used_bytes} of {max_bytes} bytes are used, {needed_bytes} more are needed")]
    Full {
        /// Used.
        used_bytes: u64,
        /// Allowed.
        max_bytes: u64,
        /// Asked for.
        needed_bytes: u64,
    },
    /// Bytes on disk that are not what was written.
    #[error("{}: {reason}", path.display())]
    Corrupt {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another worker has the folder open.
    #[error("{} is used by another worker that runs", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// No such result, state or picture.
    #[error("there is no such result, state or picture")]
    Unknown,
}

impl StoreError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

impl Store {
    /// Opens the folder, deletes what a crash cut off and reads what was committed.
    ///
    /// # Errors
    /// [`StoreError::Io`]. A result that cannot be read is put aside and told in the log, not an error.
    pub(crate) fn open(dir: &Path, max_bytes: u64) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(StoreError::io(dir))?;
        let lock = File::create(dir.join(LOCK)).map_err(StoreError::io(dir))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path: dir.to_owned(), source }),
        }
        let drafts = dir.join(DRAFTS);
        if drafts.exists() {
            fs::remove_dir_all(&drafts).map_err(StoreError::io(&drafts))?;
        }
        for path in [&drafts, &dir.join(RESULTS)] {
            fs::create_dir_all(path).map_err(StoreError::io(path))?;
        }
        let store = Self { dir: dir.to_owned(), max_bytes, index: Mutex::default(), _lock: lock };
        store.recover()?;
        Ok(store)
    }

    fn recover(&self) -> Result<(), StoreError> {
        let results = self.dir.join(RESULTS);
        for entry in fs::read_dir(&results).map_err(StoreError::io(&results))? {
            let path = entry.map_err(StoreError::io(&results))?.path();
            match StoredResult::read(&path) {
                Ok(record) => self.insert(&record),
                Err(error) => {
                    tracing::error!(%error, "a result cannot be read and is put aside");
                    self.put_aside(&path)?;
                }
            }
        }
        Ok(())
    }

    fn put_aside(&self, path: &Path) -> Result<(), StoreError> {
        let broken = self.dir.join(BROKEN);
        fs::create_dir_all(&broken).map_err(StoreError::io(&broken))?;
        let target = broken.join(path.file_name().unwrap_or_default());
        if target.exists() {
            fs::remove_dir_all(&target).map_err(StoreError::io(&target))?;
        }
        fs::rename(path, &target).map_err(StoreError::io(path))
    }

    fn insert(&self, record: &StoredResult) {
        let mut index = self.index();
        let key = record.offer.key();
        let mut blobs = Vec::new();
        for (hash, name, _) in record.blobs() {
            index.blobs.entry(hash).or_default().insert(key, name);
            blobs.push(hash);
        }
        index.used_bytes = index.used_bytes.saturating_add(record.bytes());
        let indexed = Indexed { bytes: record.bytes(), keep_until_ms: record.keep_until_ms, blobs };
        index.results.insert(key, indexed);
    }

    /// Whether a result of this size would find space now.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub(crate) fn check_space(&self, needed_bytes: u64) -> Result<(), StoreError> {
        let used_bytes = self.index().used_bytes;
        if used_bytes.saturating_add(needed_bytes) > self.max_bytes {
            return Err(StoreError::Full { used_bytes, max_bytes: self.max_bytes, needed_bytes });
        }
        Ok(())
    }

    /// Makes a draft durable and known; from here on the result outlives a crash.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the draft is then deleted.
    pub(crate) fn commit(
        &self,
        draft: Draft,
        record: &StoredResult,
        pictures: &[(usize, Vec<u8>)],
        init: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let target = self.result_dir(record.offer.key());
        draft.finish(record, pictures, init, &target)?;
        self.insert(record);
        Ok(())
    }

    /// Starts the folder of a job that is being drawn.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(crate) fn draft(
        &self,
        key: JobKey,
        context: TraceContext,
        shape: TraceShape,
    ) -> Result<Draft, StoreError> {
        Draft::new(self.dir.join(DRAFTS).join(key.to_string()), context, shape)
    }

    /// Whether a result is here.
    pub(crate) fn contains(&self, key: JobKey) -> bool {
        self.index().results.contains_key(&key)
    }

    /// Results that are here.
    pub(crate) fn keys(&self) -> Vec<JobKey> {
        self.index().results.keys().copied().collect()
    }

    /// Bytes of all results.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.index().used_bytes
    }

    /// Reads a result's record.
    ///
    /// # Errors
    /// [`StoreError::Unknown`]; what the disk says.
    pub(crate) fn result(&self, key: JobKey) -> Result<StoredResult, StoreError> {
        if !self.contains(key) {
            return Err(StoreError::Unknown);
        }
        StoredResult::read(&self.result_dir(key))
    }

    /// Reads one state and checks it against its leaf.
    ///
    /// # Errors
    /// [`StoreError::Unknown`], [`StoreError::Corrupt`]; what the disk says.
    pub(crate) fn state(&self, key: JobKey, boundary: Boundary) -> Result<Vec<u8>, StoreError> {
        let record = self.result(key)?;
        let index = TraceShape::of(&record.offer.params).index(boundary).map_err(|_| StoreError::Unknown)?;
        let (offset, length) = record.place_of(index).ok_or(StoreError::Unknown)?;
        let path = self.result_dir(key).join(STATES);
        let mut file = File::open(&path).map_err(StoreError::io(&path))?;
        file.seek(SeekFrom::Start(offset)).map_err(StoreError::io(&path))?;
        let mut state = vec![0; length];
        file.read_exact(&mut state).map_err(StoreError::io(&path))?;
        let leaf = record.leaves.get(index).ok_or(StoreError::Unknown)?;
        if record.context().at(boundary).digest(&state) != leaf.digest {
            let reason = format!("state {} of image {} has changed on disk", boundary.t, boundary.image);
            return Err(StoreError::Corrupt { path, reason });
        }
        Ok(state)
    }

    /// Reads a picture of a result, or one that a result started from, by its hash.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub(crate) fn blob(&self, hash: &FileHash) -> Result<Vec<u8>, StoreError> {
        let path = {
            let index = self.index();
            let place = index.blobs.get(hash).and_then(BTreeMap::first_key_value);
            let (key, name) = place.ok_or(StoreError::Unknown)?;
            self.result_dir(*key).join(name)
        };
        let bytes = fs::read(&path).map_err(StoreError::io(&path))?;
        if FileHash::of(&bytes) != *hash {
            return Err(StoreError::Corrupt { path, reason: "the picture has changed on disk".to_owned() });
        }
        Ok(bytes)
    }

    /// Deletes a result whose audits are over. Whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(crate) fn release(&self, key: JobKey) -> Result<bool, StoreError> {
        let mut index = self.index();
        let Some(indexed) = index.results.remove(&key) else { return Ok(false) };
        index.used_bytes = index.used_bytes.saturating_sub(indexed.bytes);
        for hash in &indexed.blobs {
            if let Some(places) = index.blobs.get_mut(hash) {
                places.remove(&key);
                if places.is_empty() {
                    index.blobs.remove(hash);
                }
            }
        }
        drop(index);
        // Renamed first: a crash while deleting then leaves a draft, which the next start deletes.
        let (from, to) = (self.result_dir(key), self.dir.join(DRAFTS).join(format!("{key}.released")));
        fs::rename(&from, &to).map_err(StoreError::io(&from))?;
        fs::remove_dir_all(&to).map_err(StoreError::io(&to))?;
        Ok(true)
    }

    /// Deletes results that are kept no longer; gives how many.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(crate) fn sweep(&self, now_ms: u64) -> Result<usize, StoreError> {
        let index = self.index();
        let over = index.results.iter().filter(|(_, result)| result.keep_until_ms <= now_ms);
        let over: Vec<JobKey> = over.map(|(key, _)| *key).collect();
        drop(index);
        for key in &over {
            self.release(*key)?;
        }
        Ok(over.len())
    }

    fn result_dir(&self, key: JobKey) -> PathBuf {
        self.dir.join(RESULTS).join(key.to_string())
    }

    /// Each holder leaves a whole index behind, even when it panics.
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn picture_name(number: usize) -> String {
    format!("{number}.png")
}

/// Writes beside the file, flushes and renames, so that a crash leaves the old file or the new one.
///
/// # Errors
/// Those of the disk.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a folder durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })?.sync_all()
}
