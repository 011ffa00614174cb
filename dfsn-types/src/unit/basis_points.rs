//! Shares in ten-thousandths.

use borsh::BorshSerialize;
use serde::Serialize;
use thiserror::Error;

use super::Amount;
use crate::macros::checked_decode;

/// A share in ten-thousandths, at most the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct BasisPoints(u16);

/// A share above the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} basis points are more than the whole (10000)")]
pub struct BasisPointsError(pub u16);

impl BasisPoints {
    /// The whole.
    pub const WHOLE: Self = Self(10_000);

    /// Checks the range.
    ///
    /// # Errors
    /// [`BasisPointsError`] above 10,000.
    pub const fn new(value: u16) -> Result<Self, BasisPointsError> {
        if value > 10_000 { Err(BasisPointsError(value)) } else { Ok(Self(value)) }
    }

    /// The bare number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// This share of an amount, rounded down. Never overflows: the product is split at 10,000.
    pub const fn of(self, amount: Amount) -> Amount {
        let base = amount.base_units();
        let share = self.0 as u128;
        let whole = (base / 10_000).saturating_mul(share);
        let rest = (base % 10_000).saturating_mul(share) / 10_000;
        Amount::from_base_units(whole.saturating_add(rest))
    }
}

impl TryFrom<u16> for BasisPoints {
    type Error = BasisPointsError;

    fn try_from(value: u16) -> Result<Self, BasisPointsError> {
        Self::new(value)
    }
}

checked_decode!(BasisPoints, u16);
