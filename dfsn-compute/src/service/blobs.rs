//! Blobs in memory, by hash: inputs that a node hands over, and previews.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use dfsn_types::FileHash;

/// Keeps the newest blobs up to a number of bytes.
#[derive(Debug)]
pub(super) struct Blobs {
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<FileHash, Bytes>,
    order: VecDeque<FileHash>,
    bytes: usize,
}

impl Blobs {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, state: Mutex::default() }
    }

    /// Takes a blob and forgets the oldest ones that no longer fit.
    pub(super) fn put(&self, bytes: Bytes) -> FileHash {
        let hash = FileHash::of(&bytes);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.blobs.contains_key(&hash) || bytes.len() > self.max_bytes {
            return hash;
        }
        while state.bytes + bytes.len() > self.max_bytes {
            let Some(oldest) = state.order.pop_front() else { break };
            let freed = state.blobs.remove(&oldest).map_or(0, |blob| blob.len());
            state.bytes -= freed;
        }
        state.bytes += bytes.len();
        state.order.push_back(hash);
        state.blobs.insert(hash, bytes);
        hash
    }

    pub(super) fn get(&self, hash: &FileHash) -> Option<Bytes> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.blobs.get(hash).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_the_limit_holds() {
        let blobs = Blobs::new(10);
        let first = blobs.put(Bytes::from_static(b"12345"));
        let second = blobs.put(Bytes::from_static(b"abcde"));
        assert!(blobs.get(&first).is_some());
        let third = blobs.put(Bytes::from_static(b"xyz"));
        assert!(blobs.get(&first).is_none());
        assert!(blobs.get(&second).is_some() && blobs.get(&third).is_some());
        assert!(blobs.get(&blobs.put(Bytes::from_static(b"too large for it"))).is_none());
        assert_eq!(blobs.state.lock().unwrap().bytes, 8);
    }
}
