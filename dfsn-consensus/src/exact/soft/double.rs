//! binary64 in integers.

use core::ops::Neg;

use super::number::{Format, Number};
use super::{SoftSingle, operators};
use crate::exact::ieee::{Double, Ieee};

/// A binary64 number, by its bit pattern.
#[derive(Clone, Copy, Debug)]
pub struct SoftDouble(u64);

const SIGN: u64 = 1 << 63;
const INFINITY: u64 = 0x7ff0_0000_0000_0000;

impl SoftDouble {
    pub(super) fn unpack(self) -> Number {
        Format::DOUBLE.unpack(self.0)
    }

    pub(super) fn pack(number: Number) -> Self {
        Self(Format::DOUBLE.pack(number))
    }

    const fn is_nan(self) -> bool {
        self.0 & !SIGN > INFINITY
    }

    /// Ordered as the numbers are, with one place for both zeros.
    const fn order(self) -> i64 {
        let magnitude = (self.0 & !SIGN) as i64;
        if self.0 & SIGN == 0 { magnitude } else { magnitude.wrapping_neg() }
    }
}

operators!(SoftDouble: Add add, Sub sub, Mul mul, Div div);

impl Neg for SoftDouble {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0 ^ SIGN)
    }
}

impl Ieee for SoftDouble {
    fn sqrt(self) -> Self {
        Self::pack(self.unpack().sqrt())
    }

    fn is_less_than(self, other: Self) -> bool {
        !self.is_nan() && !other.is_nan() && self.order() < other.order()
    }
}

impl Double for SoftDouble {
    type Single = SoftSingle;

    fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    fn to_bits(self) -> u64 {
        self.0
    }

    fn from_i64(value: i64) -> Self {
        Self::pack(Number::integer(value))
    }

    fn narrow(self) -> SoftSingle {
        SoftSingle::pack(self.unpack())
    }

    fn round_to_i64(self) -> i64 {
        self.unpack().round()
    }
}
