//! A contested answer before its jury.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{Address, AnswerDigest, AnswerRef, Boundary, StateDigest};

use super::bounded::{self, PARTIES_MAX};
use super::{Coins, DemandTime};

/// Where a judgement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JuryStage {
    /// Jurors show themselves.
    Claiming,
    /// Jurors answer, blindly.
    Answering(DemandTime),
    /// Worker, contested auditor and jurors show their digests.
    Revealing,
}

/// One contested answer.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Judgement {
    /// The answer that the worker denies.
    pub answer: AnswerRef,
    /// The boundary in question.
    pub boundary: Boundary,
    /// Where it stands.
    pub stage: JuryStage,
    /// Jurors and what they answered.
    #[borsh(deserialize_with = "bounded::map::<_, _, _, PARTIES_MAX>")]
    pub jurors: BTreeMap<Address, Juror>,
    /// What the worker showed.
    pub worker_digest: Option<StateDigest>,
    /// What answerers showed.
    #[borsh(deserialize_with = "bounded::map::<_, _, _, PARTIES_MAX>")]
    pub revealed: BTreeMap<Address, StateDigest>,
}

impl Judgement {
    /// A judgement at its begin.
    pub(crate) const fn new(answer: AnswerRef, boundary: Boundary) -> Self {
        Self {
            answer,
            boundary,
            stage: JuryStage::Claiming,
            jurors: BTreeMap::new(),
            worker_digest: None,
            revealed: BTreeMap::new(),
        }
    }
}

/// One juror's part.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Juror {
    /// Held until the verdict.
    pub lock: Coins,
    /// The blind answer, once given.
    pub answer: Option<AnswerDigest>,
}
