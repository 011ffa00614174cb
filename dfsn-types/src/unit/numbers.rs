//! Heights, nonces, times, gas, work and chain ids.

use borsh::BorshSerialize;
use serde::Serialize;
use thiserror::Error;

use crate::macros::{checked_decode, unit_u64};

unit_u64!(
    /// Position of a block; genesis is 0.
    BlockHeight
);
unit_u64!(
    /// Number of transactions an account has sent: the next one must carry it.
    Nonce
);
unit_u64!(
    /// Milliseconds since the Unix epoch, as a block's builder saw them.
    Timestamp
);
unit_u64!(
    /// Milliseconds of the chain clock, which stands still while the chain does (rule TIM-03).
    ChainClock
);
unit_u64!(
    /// A length of time in milliseconds.
    DurationMs
);
unit_u64!(
    /// Units of block space and execution.
    Gas
);
unit_u64!(
    /// Units of inference work that a request is priced by.
    WorkUnits
);

unit_u64!(
    /// A version of the rules; a network starts with the first (rule UPG-03).
    RuleVersion
);

impl RuleVersion {
    /// The rules that a network starts with.
    pub const FIRST: Self = Self::new(1);
}

impl BlockHeight {
    /// The height after this one; the last height is its own successor.
    pub const fn next(self) -> Self {
        Self::new(self.get().saturating_add(1))
    }
}

impl Nonce {
    /// The nonce after this one; the last nonce is its own successor.
    pub const fn next(self) -> Self {
        Self::new(self.get().saturating_add(1))
    }
}

impl Timestamp {
    /// The time `duration` later, at most the largest one.
    pub const fn after(self, duration: DurationMs) -> Self {
        Self::new(self.get().saturating_add(duration.get()))
    }

    /// Time since `earlier`, zero if that is later.
    pub const fn since(self, earlier: Self) -> DurationMs {
        DurationMs::new(self.get().saturating_sub(earlier.get()))
    }
}

impl ChainClock {
    /// The clock `duration` later, at most the largest value.
    pub const fn after(self, duration: DurationMs) -> Self {
        Self::new(self.get().saturating_add(duration.get()))
    }
}

/// Names a network inside every signed payload; below 2^52 so that every wallet can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct ChainId(u64);

/// A chain id outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("chain id {0} is not between 1 and 2^52 - 1")]
pub struct ChainIdError(pub u64);

impl ChainId {
    /// The largest id.
    pub const MAX: u64 = (1 << 52) - 1;

    /// Checks the range.
    ///
    /// # Errors
    /// [`ChainIdError`] for 0 and for 2^52 and above.
    pub const fn new(id: u64) -> Result<Self, ChainIdError> {
        if id == 0 || id > Self::MAX { Err(ChainIdError(id)) } else { Ok(Self(id)) }
    }

    /// The bare number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for ChainId {
    type Error = ChainIdError;

    fn try_from(id: u64) -> Result<Self, ChainIdError> {
        Self::new(id)
    }
}

checked_decode!(ChainId, u64);

impl core::fmt::Display for ChainId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}
