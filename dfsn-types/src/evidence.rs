//! Evidence: what proves a fault from its own bytes and the state.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::domain::Domain;
use crate::hash::{EvidenceNote, GenesisHash, JobId};
use crate::job::{Attempt, LeafOpening};

/// A fault that anybody may show.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Evidence {
    /// The worker gave an answer away before it was due: the opening of a leaf that an open claim asks about.
    EarlyOpening {
        /// The job.
        job: JobId,
        /// The attempt.
        attempt: Attempt,
        /// What the worker gave away.
        opening: LeafOpening,
    },
}

impl Evidence {
    /// What a reporter puts on chain first, so that nobody who copies the evidence is paid for it (rule EVD-02).
    pub fn note(&self, genesis: GenesisHash, reporter: &Address) -> EvidenceNote {
        Domain::EvidenceNote.hash(&(genesis, reporter, self)).into()
    }
}
