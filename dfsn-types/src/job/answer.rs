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

/// One answer of an audit: what a worker contests and a jury judges.
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
#[serde(deny_unknown_fields)]
pub struct AnswerRef {
    /// Which audit of the attempt, from 1; the second is the one that a requester asks for.
    pub round: u8,
    /// Whose answer.
    pub auditor: Address,
    /// Which of its questions, from 0.
    pub question: u8,
}

/// A place in an audit or a jury. A duty names it, so that what was said in one place means nothing in another.
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
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Seat {
    /// Auditor of a round.
    Auditor {
        /// Which audit of the attempt, from 1.
        round: u8,
    },
    /// Juror over a contested answer.
    Juror(AnswerRef),
}

impl Seat {
    /// As what its holder answers.
    pub const fn role(&self) -> Role {
        match self {
            Self::Auditor { .. } => Role::Auditor,
            Self::Juror(_) => Role::Juror,
        }
    }
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
