//! Money that can be moved but neither copied nor forgotten.

use borsh::{BorshDeserialize, BorshSerialize};
use dfsn_types::Amount;

/// Money at one place of the state. What leaves one place must arrive at another, so that supply is conserved
/// by construction (rule MON-01). It is cloned only with the whole state, for the next block to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[must_use = "money that is dropped is lost"]
pub struct Coins(Amount);

impl Coins {
    /// No money.
    pub const NONE: Self = Self(Amount::ZERO);

    /// New money; genesis is the only mint.
    pub(super) const fn mint(amount: Amount) -> Self {
        Self(amount)
    }

    /// How much.
    pub const fn amount(&self) -> Amount {
        self.0
    }

    /// Takes exactly `amount` out, or nothing when there is less.
    pub fn take(&mut self, amount: Amount) -> Option<Self> {
        self.0 = self.0.checked_sub(amount)?;
        Some(Self(amount))
    }

    /// Takes `amount` out, or all there is.
    pub fn take_up_to(&mut self, amount: Amount) -> Self {
        let taken = self.0.min(amount);
        self.0 = self.0.saturating_sub(taken);
        Self(taken)
    }

    /// Takes everything out.
    pub fn take_all(&mut self) -> Self {
        Self(core::mem::take(&mut self.0))
    }

    /// Adds other money. All money together is at most [`super::SUPPLY_MAX`], so the sum cannot overflow.
    pub fn put(&mut self, other: Self) {
        self.0 = self.0.checked_add(other.0).unwrap_or(Amount::from_base_units(u128::MAX));
    }
}
