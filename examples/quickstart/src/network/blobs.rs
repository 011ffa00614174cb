//! Files by their hashes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use dfsn_types::FileHash;

/// The most bytes that the store holds.
const BYTES_MAX: usize = 256 << 20;

/// Content-addressed files in memory.
#[derive(Debug, Default)]
pub(crate) struct BlobStore(Mutex<Files>);

#[derive(Debug, Default)]
struct Files {
    files: BTreeMap<FileHash, Vec<u8>>,
    bytes: usize,
}

impl BlobStore {
    /// Stores a file, unless the store is full; says which name it has.
    pub(crate) fn put(&self, file: Vec<u8>) -> FileHash {
        let hash = FileHash::of(&file);
        let mut store = self.lock();
        let bytes = store.bytes + file.len();
        if bytes <= BYTES_MAX && store.files.insert(hash, file).is_none() {
            store.bytes = bytes;
        }
        hash
    }

    /// The file of a name.
    pub(crate) fn get(&self, hash: &FileHash) -> Option<Vec<u8>> {
        self.lock().files.get(hash).cloned()
    }

    /// The store's map stays whole whatever a panicking holder did: each change is one call.
    fn lock(&self) -> std::sync::MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
