//! Money.

use core::fmt;
use core::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::excerpt::excerpt;

/// An amount of DFSN in base units; one DFSN is 10^18 of them.
///
/// Text and JSON hold the base units as a decimal string, since JSON numbers lose digits (rule ENC-06);
/// [`fmt::Display`] writes coins.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Amount(u128);

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseAmountError {
    /// Not digits with at most one dot.
    #[error("{text:?} is not a decimal amount")]
    NotDecimal {
        /// The text as given, cut at 64 characters.
        text: String,
    },
    /// More than 18 digits behind the dot.
    #[error("{text:?} has more than 18 decimals")]
    TooFine {
        /// The text as given, cut at 64 characters.
        text: String,
    },
    /// More than 2^128 - 1 base units.
    #[error("{text:?} is too large")]
    TooLarge {
        /// The text as given, cut at 64 characters.
        text: String,
    },
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Decimals of a coin.
    pub const DECIMALS: u32 = 18;
    /// One coin.
    pub const DFSN: Self = Self(1_000_000_000_000_000_000);

    /// Wraps a number of base units.
    pub const fn from_base_units(units: u128) -> Self {
        Self(units)
    }

    /// Whole coins, at most the largest amount.
    pub const fn from_dfsn(coins: u64) -> Self {
        Self(Self::DFSN.0.saturating_mul(coins as u128))
    }

    /// The number of base units.
    pub const fn base_units(self) -> u128 {
        self.0
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `self + rhs`, or `None` on overflow.
    pub const fn checked_add(self, rhs: Self) -> Option<Self> {
        match self.0.checked_add(rhs.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// `self - rhs`, or `None` if `rhs` is more.
    pub const fn checked_sub(self, rhs: Self) -> Option<Self> {
        match self.0.checked_sub(rhs.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// `self - rhs`, at least nothing.
    pub const fn saturating_sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }

    /// `self * factor`, or `None` on overflow.
    pub const fn checked_mul(self, factor: u64) -> Option<Self> {
        match self.0.checked_mul(factor as u128) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// An equal share among `parts`, rounded down; the whole amount for zero parts.
    pub const fn split(self, parts: u64) -> Self {
        match self.0.checked_div(parts as u128) {
            Some(units) => Self(units),
            None => self,
        }
    }

    /// Parses coins with at most 18 decimals, for example `1.5`.
    ///
    /// # Errors
    /// [`ParseAmountError`] for anything else.
    pub fn parse_dfsn(text: &str) -> Result<Self, ParseAmountError> {
        let not_decimal = || ParseAmountError::NotDecimal { text: excerpt(text) };
        let (coins, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if coins.is_empty() || !digits(coins) || !digits(fraction) || text.ends_with('.') {
            return Err(not_decimal());
        }
        if fraction.len() > 18 {
            return Err(ParseAmountError::TooFine { text: excerpt(text) });
        }
        let too_large = || ParseAmountError::TooLarge { text: excerpt(text) };
        let whole: u128 = coins.parse().map_err(|_| too_large())?;
        let part: u128 = format!("{fraction:0<18}").parse().map_err(|_| not_decimal())?;
        let units = whole.checked_mul(Self::DFSN.0).and_then(|units| units.checked_add(part));
        units.map(Self).ok_or_else(too_large)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (coins, fraction) = (self.0 / Self::DFSN.0, self.0 % Self::DFSN.0);
        if fraction == 0 {
            return write!(f, "{coins} DFSN");
        }
        let digits = format!("{fraction:018}");
        write!(f, "{coins}.{} DFSN", digits.trim_end_matches('0'))
    }
}

impl FromStr for Amount {
    type Err = ParseAmountError;

    /// Parses base units.
    fn from_str(text: &str) -> Result<Self, ParseAmountError> {
        if text.is_empty()
            || !text.bytes().all(|byte| byte.is_ascii_digit())
            || (text.len() > 1 && text.starts_with('0'))
        {
            return Err(ParseAmountError::NotDecimal { text: excerpt(text) });
        }
        text.parse().map(Self).map_err(|_| ParseAmountError::TooLarge { text: excerpt(text) })
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
