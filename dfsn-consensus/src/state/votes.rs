//! What a validator votes for.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::{DurationMs, Fault, Timestamp};

/// One current vote a kind; a later one takes its place (rule GOV-03).
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Votes {
    /// Until when jobs should be paused; [`Timestamp::ZERO`] to let them go on.
    pub pause: Option<Vote<Timestamp>>,
    /// Which held penalties should go back.
    pub release: Option<Vote<HoldClass>>,
}

impl Votes {
    /// None.
    pub const NONE: Self = Self { pause: None, release: None };

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.pause.is_none() && self.release.is_none()
    }
}

/// Held penalties for one fault, imposed within a time (rule GOV-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HoldClass {
    /// What they are for.
    pub fault: Fault,
    /// From when on they were imposed.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote<P> {
    /// For what.
    pub proposal: P,
    /// When it was given.
    pub at: Timestamp,
}

impl<P: PartialEq> Vote<P> {
    /// Whether it is for this proposal and counts at `now`.
    pub fn supports(&self, proposal: &P, now: Timestamp, vote_ms: DurationMs) -> bool {
        self.proposal == *proposal && now < self.at.after(vote_ms)
    }
}
