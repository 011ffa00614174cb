//! One record of the state, or its absence.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::{AccountRecord, JobRecord, ProofError, StateSection, ValidatorRecord};
use crate::address::Address;
use crate::bounded::BoundedVec;
use crate::codec;
use crate::domain::Domain;
use crate::hash::{Hash, JobId, ModelId, ProfileId, StateRoot};
use crate::merkle::{MerkleKey, MerkleProof};
use crate::model::{ModelRecord, ProfileRecord};

/// A record that the state root covers by its canonical bytes.
pub trait StateRecord: BorshSerialize {
    /// What it is found by.
    type Key: MerkleKey;

    /// Where.
    const SECTION: StateSection;
}

macro_rules! records {
    ($($record:ty, $key:ty, $section:ident;)*) => { $(
        impl StateRecord for $record {
            type Key = $key;
            const SECTION: StateSection = StateSection::$section;
        }
    )* };
}

records! {
    AccountRecord, Address, Accounts;
    ValidatorRecord, Address, Validators;
    JobRecord, JobId, Jobs;
    ModelRecord, ModelId, Models;
    ProfileRecord, ProfileId, Profiles;
}

/// What a state holds under one key, with what shows it (rule PRF-04).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateAnswer<R> {
    /// The record; nothing if there is none.
    pub record: Option<R>,
    /// Roots of all parts of the state, in the order of [`StateSection`].
    pub sections: BoundedVec<Hash, { StateSection::COUNT }>,
    /// The way of the key through its part.
    pub proof: MerkleProof,
}

impl<R: StateRecord> StateAnswer<R> {
    /// The record under `key`, or that there is none, in the state with this root.
    ///
    /// # Errors
    /// [`ProofError`] when this does not show it.
    pub fn verify(&self, root: &StateRoot, key: &R::Key) -> Result<Option<&R>, ProofError> {
        let (actual, expected) = (self.sections.len(), StateSection::COUNT);
        let Some(section) = self.sections.get(R::SECTION.index()).filter(|_| actual == expected) else {
            return Err(ProofError::Sections { actual, expected });
        };
        let actual = state_root(&self.sections);
        if actual != *root {
            return Err(ProofError::StateRoot { actual, expected: *root });
        }
        let value = self.record.as_ref().map(codec::encode);
        self.proof.verify(section, key, value.as_deref())?;
        Ok(self.record.as_ref())
    }
}

/// The root over the roots of all parts (rule HSH-03).
pub fn state_root(sections: &[Hash]) -> StateRoot {
    Domain::StateRoot.hash(sections).into()
}
