//! Parts of a byte string, shown under the string's BLAKE3 hash.
//!
//! BLAKE3 is a tree over chunks of 1,024 bytes. Whoever knows its root and the string's length can check some of the
//! chunks with the hashes that stand beside the way up (rules SLI-01 to SLI-03).

mod level;
mod open;
mod tree;

use core::ops::Range;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use level::{LEVEL_MAX, hash_nodes, level_root, node_chunks};
use tree::{Shown, byte_range, chunks, halves, hash_subtree, merge, shown};

use crate::bounded::{BoundedVec, TooLong};
use crate::hash::Hash;

/// Bytes of a chunk; only a string's last one may be shorter.
pub const SLICE_CHUNK_BYTES: u64 = 1_024;
/// The most bytes that one slice shows.
pub const SLICE_BYTES_MAX: usize = 131_072;
/// Runs of chunks in one slice.
const RUNS_MAX: usize = 32;
/// Hashes beside the ways up: two at each of at most 32 levels for every run, of which neighbours share most.
const SIBLINGS_MAX: usize = 1_024;

/// A string's name: the BLAKE3 hash of its bytes (rule SLI-01).
pub fn slice_root(bytes: &[u8]) -> Hash {
    Hash::from_bytes(*blake3::hash(bytes).as_bytes())
}

/// Some chunks of a byte string and what leads from them to its BLAKE3 hash.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Which chunks, ascending, with at least one chunk between two runs.
    pub runs: BoundedVec<ChunkRun, RUNS_MAX>,
    /// The chunks' bytes, one after the other.
    pub bytes: BoundedVec<u8, SLICE_BYTES_MAX>,
    /// Chaining values of the subtrees that show nothing, from left to right.
    pub siblings: BoundedVec<Hash, SIBLINGS_MAX>,
}

/// Neighbouring chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkRun {
    /// The first chunk.
    pub first: u32,
    /// How many, at least 1.
    pub count: u32,
}

/// Why a slice shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SliceError {
    /// Runs out of order, touching each other, empty, none at all, or beyond the string.
    #[error("run {index} of chunks does not fit a string of {len} bytes")]
    Run {
        /// Which.
        index: usize,
        /// Bytes of the string.
        len: u64,
    },
    /// Another number of bytes than the runs have.
    #[error("{actual} bytes where the chunks have {expected}")]
    Bytes {
        /// Bytes given.
        actual: usize,
        /// Bytes of the chunks.
        expected: u64,
    },
    /// Another number of hashes than the tree needs.
    #[error("{actual} hashes beside the ways up where the tree has {expected}")]
    Siblings {
        /// Hashes given.
        actual: usize,
        /// Hashes needed.
        expected: usize,
    },
    /// The chunks belong to another string.
    #[error("the slice leads to {actual}, not to {expected}")]
    Root {
        /// What it leads to.
        actual: Hash,
        /// What it should lead to.
        expected: Hash,
    },
    /// More than one slice may show.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Bytes of a string that were shown to belong to it.
#[derive(Clone, Debug)]
pub struct ShownBytes<'a> {
    runs: Vec<(u64, &'a [u8])>,
}

impl<'a> ShownBytes<'a> {
    /// Some bytes of the string, if they were shown.
    pub fn get(&self, range: Range<u64>) -> Option<&'a [u8]> {
        let after = self.runs.partition_point(|(start, _)| *start <= range.start);
        let (start, bytes) = self.runs.get(after.checked_sub(1)?)?;
        let from = usize::try_from(range.start.checked_sub(*start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(*start)?).ok()?;
        bytes.get(from..to)
    }
}

impl Slice {
    /// Checks that the bytes stand where the runs say in the string of `len` bytes with this BLAKE3 hash (rule SLI-03).
    ///
    /// # Errors
    /// [`SliceError`] when they do not.
    pub fn verify(&self, root: &Hash, len: u64) -> Result<ShownBytes<'_>, SliceError> {
        let expected = self.check_runs(len)?;
        if self.bytes.len() as u64 != expected {
            return Err(SliceError::Bytes { actual: self.bytes.len(), expected });
        }
        let mut checker = Checker { len, slice: self, at: 0, siblings: 0 };
        let actual = Hash::from_bytes(checker.node(0..chunks(len)));
        let used = checker.siblings;
        if used != self.siblings.len() {
            return Err(SliceError::Siblings { actual: self.siblings.len(), expected: used });
        }
        if actual != *root {
            return Err(SliceError::Root { actual, expected: *root });
        }
        let mut rest: &[u8] = &self.bytes;
        let runs = self.runs.iter().map(|run| {
            let range = run.bytes(len);
            let count = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            let (shown, after) = rest.split_at(count.min(rest.len()));
            rest = after;
            (range.start, shown)
        });
        Ok(ShownBytes { runs: runs.collect() })
    }

    /// Checks order and bounds; the bytes that the runs have.
    fn check_runs(&self, len: u64) -> Result<u64, SliceError> {
        let mut free = 0;
        let mut total = 0_u64;
        for (index, run) in self.runs.iter().enumerate() {
            if run.count == 0 || u64::from(run.first) < free || run.end() > chunks(len) || len == 0 {
                return Err(SliceError::Run { index, len });
            }
            // One chunk lies between two runs.
            free = run.end().saturating_add(1);
            let range = run.bytes(len);
            total = total.saturating_add(range.end.saturating_sub(range.start));
        }
        if self.runs.is_empty() { Err(SliceError::Run { index: 0, len }) } else { Ok(total) }
    }
}

struct Checker<'a> {
    len: u64,
    slice: &'a Slice,
    /// Bytes and hashes used.
    at: usize,
    siblings: usize,
}

impl Checker<'_> {
    /// The depth is that of the tree, at most 32.
    fn node(&mut self, node: Range<u64>) -> [u8; 32] {
        let is_root = node == (0..chunks(self.len));
        match shown(&self.slice.runs, &node) {
            Shown::Nothing => {
                let sibling = self.slice.siblings.get(self.siblings).copied();
                self.siblings = self.siblings.saturating_add(1);
                // One too few is told by the count.
                sibling.map_or([0; 32], |hash| *hash.as_bytes())
            }
            Shown::Everything => {
                let range = byte_range(node.clone(), self.len);
                let count = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
                let end = self.at.saturating_add(count);
                let bytes = self.slice.bytes.get(self.at..end).unwrap_or_default();
                self.at = end;
                hash_subtree(&node, is_root, bytes)
            }
            Shown::Part => {
                let (left, right) = halves(&node);
                let (left, right) = (self.node(left), self.node(right));
                merge(&left, &right, is_root)
            }
        }
    }
}
