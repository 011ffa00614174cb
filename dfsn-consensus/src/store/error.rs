//! Stores that a chain cannot go on from.

use dfsn_types::{BlockHeight, GenesisHash, StateRoot};
use thiserror::Error;

use super::{EntryName, StoreError};

/// Why an entry of a chain cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry that this program cannot have written so.
    #[error("STO-04: the store is broken at {entry}: {reason}; restore it, or begin with an empty one")]
    Corrupt {
        /// Which.
        entry: EntryName,
        /// What is wrong with it.
        reason: String,
    },
}

impl ReadError {
    pub(super) fn corrupt(entry: EntryName, reason: impl ToString) -> Self {
        Self::Corrupt { entry, reason: reason.to_string() }
    }
}

/// Why a chain does not open. The store is left as it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An entry cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The genesis cannot be written.
    #[error(transparent)]
    Write(StoreError),
    /// The store holds something, and no chain.
    #[error("STO-02: the store is in use and not by this program: give a store of its own, which is empty")]
    Foreign,
    /// Written by an older release.
    #[error(
        "STO-02: the store has format {found}, this release writes {known} and has no migration from there: \
         open it with a release that knows format {found}, or begin with an empty store"
    )]
    OlderFormat {
        /// Of the store.
        found: u32,
        /// Of this code.
        known: u32,
    },
    /// Written by a newer release.
    #[error(
        "STO-02: the store has format {found}, this release knows {known}: install the release that wrote it"
    )]
    NewerFormat {
        /// Of the store.
        found: u32,
        /// Of this code.
        known: u32,
    },
    /// Another network's chain.
    #[error(
        "STO-03: the store belongs to the network with genesis {found}, this is {expected}: \
         give the genesis or the store of the same network"
    )]
    Genesis {
        /// Of the store.
        found: GenesisHash,
        /// Of the genesis.
        expected: GenesisHash,
    },
    /// All entries are well-formed, and make up another state than that of the last block.
    #[error(
        "STO-05: the stored state at height {height} has root {actual}, its block says {expected}: \
         restore the store, or begin with an empty one"
    )]
    Root {
        /// Of the last block.
        height: BlockHeight,
        /// Of the entries.
        actual: StateRoot,
        /// In the header.
        expected: StateRoot,
    },
}
