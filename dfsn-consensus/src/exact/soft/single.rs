//! binary32 in integers.

use core::ops::Neg;

use super::number::{Format, Number};
use super::{SoftDouble, operators};
use crate::exact::ieee::{Ieee, Single};

/// A binary32 number, by its bit pattern.
#[derive(Clone, Copy, Debug)]
pub struct SoftSingle(u32);

const SIGN: u32 = 1 << 31;
const INFINITY: u32 = 0x7f80_0000;

impl SoftSingle {
    pub(super) fn unpack(self) -> Number {
        Format::SINGLE.unpack(self.0.into())
    }

    pub(super) fn pack(number: Number) -> Self {
        Self(Format::SINGLE.pack(number) as u32)
    }

    const fn is_nan(self) -> bool {
        self.0 & !SIGN > INFINITY
    }

    /// Ordered as the numbers are, with one place for both zeros.
    const fn order(self) -> i32 {
        let magnitude = (self.0 & !SIGN) as i32;
        if self.0 & SIGN == 0 { magnitude } else { magnitude.wrapping_neg() }
    }
}

operators!(SoftSingle: Add add, Sub sub, Mul mul, Div div);

impl Neg for SoftSingle {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0 ^ SIGN)
    }
}

impl Ieee for SoftSingle {
    fn sqrt(self) -> Self {
        Self::pack(self.unpack().sqrt())
    }

    fn is_less_than(self, other: Self) -> bool {
        !self.is_nan() && !other.is_nan() && self.order() < other.order()
    }
}

impl Single for SoftSingle {
    type Double = SoftDouble;

    fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    fn to_bits(self) -> u32 {
        self.0
    }

    fn from_i32(value: i32) -> Self {
        Self::pack(Number::integer(value.into()))
    }

    fn widen(self) -> SoftDouble {
        SoftDouble::pack(self.unpack())
    }

    fn round_to_i32(self) -> i32 {
        saturated(self.unpack().round())
    }

    fn trunc_to_i32(self) -> i32 {
        saturated(self.unpack().truncate())
    }
}

fn saturated(value: i64) -> i32 {
    value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}
