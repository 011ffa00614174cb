//! Claims of auditors.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{AnswerDigest, Boundary};

use super::Coins;
use super::bounded::{self, QUESTIONS_MAX};

/// What one auditor asks: some boundaries of one image.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Questions {
    /// The image.
    pub image: u8,
    /// The boundaries, ascending.
    #[borsh(deserialize_with = "bounded::vec::<_, _, QUESTIONS_MAX>")]
    pub boundaries: Vec<u16>,
}

impl Questions {
    /// The boundary of question `index`.
    pub fn get(&self, index: u8) -> Option<Boundary> {
        self.boundaries.get(usize::from(index)).map(|t| Boundary { image: self.image, t: *t })
    }

    /// All boundaries, in order.
    pub fn iter(&self) -> impl Iterator<Item = Boundary> + '_ {
        self.boundaries.iter().map(|t| Boundary { image: self.image, t: *t })
    }

    /// The boundaries that the questions start from.
    pub fn inputs(&self) -> impl Iterator<Item = Boundary> + '_ {
        self.iter().filter_map(input)
    }
}

/// The boundary that the computation of another one starts from; the initial state starts from the request alone.
pub fn input(of: Boundary) -> Option<Boundary> {
    Some(Boundary { t: of.t.checked_sub(1)?, ..of })
}

/// One auditor's part in an audit.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// The round of the audit that it was made in.
    pub round: u8,
    /// What it asks.
    pub questions: Questions,
    /// Held until the answer is judged.
    pub lock: Coins,
    /// One answer a question, once given.
    #[borsh(deserialize_with = "bounded::optional_vec::<_, _, QUESTIONS_MAX>")]
    pub answers: Option<Vec<AnswerDigest>>,
}
