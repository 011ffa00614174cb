//! A picture that fails at a number: what stands in its trace from there on.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::codec;

/// What the bytes of a failed state begin with.
const NAME: &[u8] = b"dfsn failed state";

/// The first number of a boundary's computation that is none (rules EXA-03, EXA-31).
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
pub enum FailedAt {
    /// What the computation starts from besides a state: embeddings of the text, or the initial image's latents.
    Inputs,
    /// A number of one of its programs.
    Number {
        /// Which program.
        call: u8,
        /// Which of its operations.
        op: u32,
        /// The least element of the operation's first output that has no value.
        element: u64,
    },
}

impl FailedAt {
    /// The bytes that stand for the state at this boundary and at all later ones of the image (rule TRC-10). No list of f32
    /// has their length.
    pub fn to_state(self) -> Vec<u8> {
        [NAME, &codec::encode(&self)].concat()
    }

    /// What the bytes of a state say, if they are those of a failed one.
    pub fn from_state(state: &[u8]) -> Option<Self> {
        let place = state.strip_prefix(NAME)?;
        codec::decode(place, place.len()).ok()
    }
}
