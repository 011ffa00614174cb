//! What a model consists of, and hence its name.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::bounded::{BoundedString, BoundedVec};
use crate::domain::Domain;
use crate::hash::{FileHash, ModelId};

/// Every file that decides what a model computes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    /// The files, in ascending order of their paths.
    pub files: BoundedVec<ManifestFile, 1024>,
}

/// One file of a model.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Path below the model's folder, with `/` between its parts.
    pub path: BoundedString<256>,
    /// Length in bytes.
    pub bytes: u64,
    /// Hash of its bytes.
    pub hash: FileHash,
}

impl ModelManifest {
    /// The model's name: hash of the canonical manifest.
    pub fn id(&self) -> ModelId {
        Domain::Manifest.hash(self).into()
    }
}
