//! Blind answers of auditors and jurors.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::Boundary;
use crate::address::Address;
use crate::domain::Domain;
use crate::hash::{AnswerDigest, GenesisHash, JobId, StateDigest};

/// Which try of a job, counted from 1.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Attempt(u8);

impl Attempt {
    /// The first try.
    pub const FIRST: Self = Self(1);

    /// Wraps a number.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The bare number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The try after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl core::fmt::Display for Attempt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

/// As what somebody answers.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Asks its own questions after a commitment.
    Auditor,
    /// Answers the contested question.
    Juror,
}

/// What a blind answer is bound to, so that it fits no other question, attempt, job or answerer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize)]
pub struct AnswerContext {
    /// The network.
    pub genesis: GenesisHash,
    /// The job.
    pub job: JobId,
    /// The attempt.
    pub attempt: Attempt,
    /// Image and boundary asked about.
    pub boundary: Boundary,
    /// Who answers.
    pub answerer: Address,
}

impl AnswerContext {
    /// The answer that says "the state there is `digest`" and shows it to nobody who does not know it (rule TRC-07).
    pub fn answer(&self, digest: &StateDigest) -> AnswerDigest {
        Domain::Answer.hash(&(self, digest)).into()
    }
}
