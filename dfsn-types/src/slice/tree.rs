//! The tree of BLAKE3 over a string's chunks, and how a slice's runs lie in it.

use core::ops::Range;

use blake3::hazmat::{HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

use super::{ChunkRun, SLICE_CHUNK_BYTES};

impl ChunkRun {
    pub(super) fn end(self) -> u64 {
        u64::from(self.first).saturating_add(u64::from(self.count))
    }

    pub(super) fn bytes(self, len: u64) -> Range<u64> {
        byte_range(u64::from(self.first)..self.end(), len)
    }
}

pub(super) fn chunks(len: u64) -> u64 {
    len.div_ceil(SLICE_CHUNK_BYTES).max(1)
}

pub(super) fn byte_range(chunks: Range<u64>, len: u64) -> Range<u64> {
    let place = |chunk: u64| chunk.saturating_mul(SLICE_CHUNK_BYTES).min(len);
    place(chunks.start)..place(chunks.end)
}

/// How a subtree and the runs lie to each other.
pub(super) enum Shown {
    Nothing,
    Everything,
    Part,
}

pub(super) fn shown(runs: &[ChunkRun], node: &Range<u64>) -> Shown {
    let after = runs.partition_point(|run| run.end() <= node.start);
    match runs.get(after) {
        Some(run) if u64::from(run.first) < node.end => {
            if u64::from(run.first) <= node.start && run.end() >= node.end {
                Shown::Everything
            } else {
                Shown::Part
            }
        }
        _ => Shown::Nothing,
    }
}

/// The left and the right half of a subtree of several chunks.
pub(super) fn halves(node: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let count = node.end.saturating_sub(node.start).max(2);
    let left = left_subtree_len(count.saturating_mul(SLICE_CHUNK_BYTES)) / SLICE_CHUNK_BYTES;
    let middle = node.start.saturating_add(left);
    (node.start..middle, middle..node.end)
}

/// The chaining value of a subtree from its bytes, or the root's hash.
pub(super) fn hash_subtree(node: &Range<u64>, is_root: bool, bytes: &[u8]) -> [u8; 32] {
    if is_root {
        return *blake3::hash(bytes).as_bytes();
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(node.start.saturating_mul(SLICE_CHUNK_BYTES));
    hasher.update(bytes);
    hasher.finalize_non_root()
}

pub(super) fn merge(left: &[u8; 32], right: &[u8; 32], is_root: bool) -> [u8; 32] {
    if is_root {
        *merge_subtrees_root(left, right, Mode::Hash).as_bytes()
    } else {
        merge_subtrees_non_root(left, right, Mode::Hash)
    }
}
