//! What is remembered of a result.

use std::fs;
use std::path::Path;

use dfsn_types::{FileHash, TraceShape};
use serde::{Deserialize, Serialize};

use super::{INIT, RECORD, STATES, StoreError, picture_name};
use crate::service::board::OpenJob;
use crate::service::wire::{JobOffer, JobResult, WireLeaf};
use crate::trace::TraceContext;

/// Version of the form on disk.
const VERSION: u16 = 1;

/// A result's record: the job, what its node commits to, and what opens the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredResult {
    /// Version of this form.
    pub(super) version: u16,
    /// The job.
    pub(crate) offer: JobOffer,
    /// The result.
    pub(crate) result: JobResult,
    /// Leaves of the trace, in the order of their indices.
    pub(crate) leaves: Vec<WireLeaf>,
    /// Bytes of each state, in the same order.
    pub(crate) lengths: Vec<u32>,
    /// Bytes of the picture that the job starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) init_bytes: Option<u32>,
    /// When it is kept no longer, in Unix milliseconds.
    pub(crate) keep_until_ms: u64,
}

impl StoredResult {
    /// A record of the newest form.
    pub(crate) fn new(
        job: &OpenJob,
        result: JobResult,
        leaves: Vec<WireLeaf>,
        lengths: Vec<u32>,
        keep_until_ms: u64,
    ) -> Self {
        // At most `MAX_BLOB_BYTES`.
        let init_bytes = job.init.as_ref().map(|file| u32::try_from(file.len()).unwrap_or(u32::MAX));
        let offer = job.offer.clone();
        Self { version: VERSION, offer, result, leaves, lengths, init_bytes, keep_until_ms }
    }

    /// What the trace is bound to.
    pub(crate) const fn context(&self) -> TraceContext {
        TraceContext {
            genesis: self.offer.genesis,
            job: self.offer.job,
            attempt: self.offer.attempt,
            worker: self.offer.worker,
        }
    }

    /// Bytes of all files but the record.
    pub(crate) fn bytes(&self) -> u64 {
        self.state_bytes() + self.blobs().map(|(_, _, bytes)| bytes).sum::<u64>()
    }

    fn state_bytes(&self) -> u64 {
        self.lengths.iter().copied().map(u64::from).sum()
    }

    /// Files that are served by their hash: hash, name, bytes.
    pub(super) fn blobs(&self) -> impl Iterator<Item = (FileHash, String, u64)> {
        let pictures = self.result.commitment.pictures();
        let pictures =
            pictures.map(|(number, image)| (image.file, picture_name(number), u64::from(image.file_bytes)));
        let init = self.offer.params.init_image().zip(self.init_bytes);
        pictures.chain(init.map(|(hash, bytes)| (hash, INIT.to_owned(), u64::from(bytes))))
    }

    /// Where a state lies among all: offset and length.
    pub(super) fn place_of(&self, index: usize) -> Option<(u64, usize)> {
        let length = usize::try_from(*self.lengths.get(index)?).ok()?;
        let offset = self.lengths.iter().take(index).map(|length| u64::from(*length)).sum();
        Some((offset, length))
    }

    /// One line of checksum, then JSON.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let corrupt =
            |error: serde_json::Error| StoreError::Corrupt { path: RECORD.into(), reason: error.to_string() };
        let json = serde_json::to_vec(self).map_err(corrupt)?;
        let mut bytes = format!("{}\n", FileHash::of(&json)).into_bytes();
        bytes.extend(json);
        Ok(bytes)
    }

    /// Reads the record of a folder and checks that the files it tells of are there in full.
    pub(super) fn read(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(RECORD);
        let bytes = fs::read(&path).map_err(StoreError::io(&path))?;
        let record = Self::parse(&bytes).map_err(|reason| StoreError::Corrupt { path, reason })?;
        let blobs = record.blobs().map(|(_, name, bytes)| (name, bytes));
        for (name, expected) in blobs.chain([(STATES.to_owned(), record.state_bytes())]) {
            let path = dir.join(name);
            let found = fs::metadata(&path).map_err(StoreError::io(&path))?.len();
            if found != expected {
                let reason = format!("{found} bytes, the record tells of {expected}");
                return Err(StoreError::Corrupt { path, reason });
            }
        }
        Ok(record)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("no checksum")?;
        let (checksum, json) = (&bytes[..end], &bytes[end + 1..]);
        if checksum != FileHash::of(json).to_string().as_bytes() {
            return Err("the checksum differs".to_owned());
        }
        let record: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let leaves = TraceShape::of(&record.offer.params).leaves();
        if record.version != VERSION {
            return Err(format!("version {}, this program reads {VERSION}", record.version));
        }
        if record.leaves.len() != leaves || record.lengths.len() != leaves {
            return Err(format!("not the {leaves} states of its request"));
        }
        if record.init_bytes.is_some() != record.offer.params.init_image().is_some() {
            return Err("the picture to start from and its length do not fit".to_owned());
        }
        Ok(record)
    }
}
