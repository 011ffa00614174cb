//! The canonical file of weights, opened to show parts of it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use dfsn_consensus::exact::{ProverError, WeightLayout};
use dfsn_types::Hash;

use super::{CanonicalError, WeightsOrigin};
use crate::exact::{ExactBackend, ExactError, WeightBytes};

/// A model's canonical file on disk, and where everything stands in it.
#[derive(Debug)]
pub struct WeightsFile {
    file: File,
    root: Hash,
    layout: WeightLayout,
}

impl WeightsFile {
    /// BLAKE3 of its bytes.
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// Its layout.
    pub const fn layout(&self) -> &WeightLayout {
        &self.layout
    }
}

impl WeightBytes for WeightsFile {
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ProverError> {
        let failed = |error: std::io::Error| ProverError::Bytes {
            what: "the weights".to_owned(),
            reason: error.to_string(),
        };
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        file.take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() == length {
            Ok(bytes)
        } else {
            let reason = format!("the file ends before byte {}", range.end);
            Err(ProverError::Bytes { what: "the weights".to_owned(), reason })
        }
    }
}

impl ExactBackend {
    /// The file that the weights were read from or written to, which disputes show parts of; none where none is kept.
    ///
    /// # Errors
    /// [`ExactError::Canonical`] when it cannot be opened any more.
    pub fn weights_file(&self) -> Result<Option<WeightsFile>, ExactError> {
        let (WeightsOrigin::Kept(path) | WeightsOrigin::Cached(path)) = self.origin() else {
            return Ok(None);
        };
        let Some(root) = self.weights_root() else { return Ok(None) };
        let file = File::open(path).map_err(|source| CanonicalError::Read { path: path.clone(), source })?;
        Ok(Some(WeightsFile { file, root: Hash::from_bytes(root), layout: self.model().layout()? }))
    }
}
