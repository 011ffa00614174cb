//! One level of a string's tree: short, and enough to find the first piece in which two strings differ.

use core::ops::Range;

use super::tree::{chunks, halves, hash_subtree, merge};
use super::{SLICE_BYTES_MAX, SLICE_CHUNK_BYTES};
use crate::hash::Hash;

/// The most hashes of one level.
pub const LEVEL_MAX: usize = 4_096;
/// Chunks that one slice shows.
const PIECE_CHUNKS: u64 = SLICE_BYTES_MAX as u64 / SLICE_CHUNK_BYTES;

/// Chunks under each hash of the level that is shown of a string of `len` bytes: the fewest, a power of two, with which
/// the level has at most [`LEVEL_MAX`] hashes. `None` for a string that one slice shows whole, and for one above 512 MiB,
/// of which a slice could not show what one hash covers.
pub fn node_chunks(len: u64) -> Option<u64> {
    let count = chunks(len);
    let mut size = 1_u64;
    while count.div_ceil(size) > LEVEL_MAX as u64 {
        size = size.saturating_mul(2);
    }
    (count > PIECE_CHUNKS && size <= PIECE_CHUNKS).then_some(size)
}

/// The BLAKE3 hash of a string of `len` bytes from the hashes of its level, from left to right; `None` for another number
/// of hashes or a string of which no level is shown (rule SLI-04).
pub fn level_root(len: u64, level: &[Hash]) -> Option<Hash> {
    let size = node_chunks(len)?;
    let expected = chunks(len).div_ceil(size);
    if level.len() as u64 != expected {
        return None;
    }
    let mut rest = level.iter();
    Some(Hash::from_bytes(node(0..chunks(len), size, true, &mut rest)))
}

/// The level of a string in memory.
pub fn hash_nodes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let size = node_chunks(bytes.len() as u64)?;
    let piece = usize::try_from(size.saturating_mul(SLICE_CHUNK_BYTES)).ok()?;
    let mut first = 0_u64;
    let hash = |bytes: &[u8]| {
        let node = first..first.saturating_add(size);
        first = node.end;
        Hash::from_bytes(hash_subtree(&node, false, bytes))
    };
    Some(bytes.chunks(piece).map(hash).collect())
}

fn node(chunks: Range<u64>, size: u64, is_root: bool, level: &mut core::slice::Iter<'_, Hash>) -> [u8; 32] {
    if chunks.end.saturating_sub(chunks.start) <= size {
        return level.next().map_or([0; 32], |hash| *hash.as_bytes());
    }
    let (left, right) = halves(&chunks);
    let (left, right) = (node(left, size, false, level), node(right, size, false, level));
    merge(&left, &right, is_root)
}
