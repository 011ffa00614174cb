//! Making slices.

use core::ops::Range;

use super::tree::{Shown, byte_range, chunks, halves, hash_subtree, merge, shown};
use super::{ChunkRun, SLICE_CHUNK_BYTES, Slice, SliceError};
use crate::bounded::{BoundedVec, TooLong};
use crate::hash::Hash;

/// What is hashed at once where nothing is shown.
const PIECE_BYTES: u64 = 1 << 20;

impl Slice {
    /// Shows the chunks that hold some ranges of a string of `len` bytes. `read` gives a range of the string, at most
    /// 1 MiB of it or one run at a time; the whole string is read once.
    ///
    /// # Errors
    /// [`SliceError::Run`] for a range outside the string or none at all, [`SliceError::TooLong`], and what `read` fails
    /// with.
    pub fn open<E: From<SliceError>>(
        len: u64,
        ranges: impl IntoIterator<Item = Range<u64>>,
        mut read: impl FnMut(Range<u64>) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let runs = runs_of(len, ranges)?;
        let mut opener =
            Opener { len, runs: &runs, bytes: Vec::new(), siblings: Vec::new(), read: &mut read };
        opener.node(0..chunks(len))?;
        let Opener { bytes, siblings, .. } = opener;
        let too_long = |error: TooLong| E::from(SliceError::TooLong(error));
        Ok(Self {
            bytes: BoundedVec::new(bytes).map_err(too_long)?,
            siblings: BoundedVec::new(siblings).map_err(too_long)?,
            runs: BoundedVec::new(runs).map_err(too_long)?,
        })
    }

    /// As [`Self::open`], of a string in memory.
    ///
    /// # Errors
    /// [`SliceError::Run`], [`SliceError::TooLong`].
    pub fn of(bytes: &[u8], ranges: impl IntoIterator<Item = Range<u64>>) -> Result<Self, SliceError> {
        let len = bytes.len() as u64;
        Self::open(len, ranges, |range| {
            let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            let part = bounds.and_then(|(start, end)| bytes.get(start..end));
            Ok(part.ok_or(SliceError::Run { index: 0, len })?.to_vec())
        })
    }

    /// A slice of fewer chunks of the same string of `len` bytes: `ranges` within what this one shows.
    ///
    /// # Errors
    /// [`SliceError::Run`] for a range that this one does not show or none at all.
    pub fn narrow(&self, len: u64, ranges: impl IntoIterator<Item = Range<u64>>) -> Result<Self, SliceError> {
        self.check_runs(len)?;
        let runs = runs_of(len, ranges)?;
        for (index, run) in runs.iter().enumerate() {
            let range = u64::from(run.first)..run.end();
            if !matches!(shown(&self.runs, &range), Shown::Everything) {
                return Err(SliceError::Run { index, len });
            }
        }
        let (bytes, siblings) = (&self.bytes, self.siblings.iter());
        let mut narrower = Narrower {
            len,
            from: &self.runs,
            to: &runs,
            rest: bytes,
            left: siblings,
            bytes: vec![],
            siblings: vec![],
        };
        narrower.node(0..chunks(len));
        let Narrower { bytes, siblings, .. } = narrower;
        Ok(Self {
            bytes: BoundedVec::new(bytes)?,
            siblings: BoundedVec::new(siblings)?,
            runs: BoundedVec::new(runs)?,
        })
    }
}

/// The chunks that hold the ranges, in runs.
fn runs_of(len: u64, ranges: impl IntoIterator<Item = Range<u64>>) -> Result<Vec<ChunkRun>, SliceError> {
    let mut wanted: Vec<Range<u64>> = Vec::new();
    for (index, range) in ranges.into_iter().enumerate() {
        if range.start >= range.end || range.end > len || len > u64::from(u32::MAX) * SLICE_CHUNK_BYTES {
            return Err(SliceError::Run { index, len });
        }
        wanted.push(range.start / SLICE_CHUNK_BYTES..range.end.div_ceil(SLICE_CHUNK_BYTES));
    }
    wanted.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in wanted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    if joined.is_empty() {
        return Err(SliceError::Run { index: 0, len });
    }
    // Below 2^32 by the bound on the length.
    let number = |chunk: u64| u32::try_from(chunk).unwrap_or(u32::MAX);
    let run = |range: Range<u64>| ChunkRun {
        first: number(range.start),
        count: number(range.end.saturating_sub(range.start)),
    };
    Ok(joined.into_iter().map(run).collect())
}

struct Opener<'a, R> {
    len: u64,
    runs: &'a [ChunkRun],
    bytes: Vec<u8>,
    siblings: Vec<Hash>,
    read: &'a mut R,
}

impl<E, R: FnMut(Range<u64>) -> Result<Vec<u8>, E>> Opener<'_, R> {
    fn node(&mut self, node: Range<u64>) -> Result<(), E> {
        match shown(self.runs, &node) {
            Shown::Nothing => {
                let sibling = self.hidden(node)?;
                self.siblings.push(Hash::from_bytes(sibling));
            }
            Shown::Everything => {
                let bytes = (self.read)(byte_range(node, self.len))?;
                self.bytes.extend(bytes);
            }
            Shown::Part => {
                let (left, right) = halves(&node);
                self.node(left)?;
                self.node(right)?;
            }
        }
        Ok(())
    }

    /// The chaining value of a subtree of which nothing is shown.
    fn hidden(&mut self, node: Range<u64>) -> Result<[u8; 32], E> {
        let range = byte_range(node.clone(), self.len);
        if range.end.saturating_sub(range.start) <= PIECE_BYTES {
            return Ok(hash_subtree(&node, false, &(self.read)(range)?));
        }
        let (left, right) = halves(&node);
        let (left, right) = (self.hidden(left)?, self.hidden(right)?);
        Ok(merge(&left, &right, false))
    }
}

/// Both slices' trees at once.
struct Narrower<'a> {
    len: u64,
    from: &'a [ChunkRun],
    to: &'a [ChunkRun],
    /// Bytes and hashes of the wider slice that are still to come.
    rest: &'a [u8],
    left: core::slice::Iter<'a, Hash>,
    bytes: Vec<u8>,
    siblings: Vec<Hash>,
}

impl<'a> Narrower<'a> {
    fn node(&mut self, node: Range<u64>) {
        match shown(self.to, &node) {
            Shown::Nothing => {
                let hidden = self.hidden(node);
                self.siblings.push(Hash::from_bytes(hidden));
            }
            Shown::Everything => {
                let bytes = self.take(node);
                self.bytes.extend_from_slice(bytes);
            }
            Shown::Part => {
                let (left, right) = halves(&node);
                self.node(left);
                self.node(right);
            }
        }
    }

    fn hidden(&mut self, node: Range<u64>) -> [u8; 32] {
        match shown(self.from, &node) {
            // A slice with too few is no slice; the new one is none either.
            Shown::Nothing => self.left.next().map_or([0; 32], |hash| *hash.as_bytes()),
            Shown::Everything => {
                let bytes = self.take(node.clone());
                if bytes.is_empty() { [0; 32] } else { hash_subtree(&node, false, bytes) }
            }
            Shown::Part => {
                let (left, right) = halves(&node);
                let (left, right) = (self.hidden(left), self.hidden(right));
                merge(&left, &right, false)
            }
        }
    }

    fn take(&mut self, node: Range<u64>) -> &'a [u8] {
        let range = byte_range(node, self.len);
        let count = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}
