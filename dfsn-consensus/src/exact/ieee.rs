//! The floating-point operations that the exact profile is written in: IEEE-754, one rounding each.
//!
//! Everything above is generic over them, so that the same lines run on the machine's floats, where they are
//! fast, and on [`soft`](super::soft) ones, where no control register of the host can change a verdict.

use core::fmt::Debug;
use core::ops::{Add, Div, Mul, Neg, Sub};

/// What both widths have. Every operation rounds to nearest, ties to even, with gradual underflow.
pub trait Ieee:
    Copy
    + Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The square root, rounded once.
    #[must_use]
    fn sqrt(self) -> Self;

    /// IEEE's `<`: false if either is NaN.
    fn is_less_than(self, other: Self) -> bool;
}

/// binary32.
pub trait Single: Ieee {
    /// The format twice as wide.
    type Double: Double<Single = Self>;

    /// From a bit pattern.
    fn from_bits(bits: u32) -> Self;

    /// The bit pattern.
    fn to_bits(self) -> u32;

    /// The nearest to an integer.
    fn from_i32(value: i32) -> Self;

    /// The same number in binary64.
    fn widen(self) -> Self::Double;

    /// The nearest integer, halves to even; outside of i32 the nearest bound, for NaN 0.
    fn round_to_i32(self) -> i32;

    /// Without its fraction; outside of i32 the nearest bound, for NaN 0.
    fn trunc_to_i32(self) -> i32;
}

/// binary64.
pub trait Double: Ieee {
    /// The format half as wide.
    type Single: Single<Double = Self>;

    /// From a bit pattern.
    fn from_bits(bits: u64) -> Self;

    /// The bit pattern.
    fn to_bits(self) -> u64;

    /// The nearest to an integer.
    fn from_i64(value: i64) -> Self;

    /// The nearest number in binary32.
    fn narrow(self) -> Self::Single;

    /// The nearest integer, halves to even; outside of i64 the nearest bound, for NaN 0.
    fn round_to_i64(self) -> i64;
}

impl Ieee for f32 {
    fn sqrt(self) -> Self {
        Self::sqrt(self)
    }

    fn is_less_than(self, other: Self) -> bool {
        self < other
    }
}

impl Single for f32 {
    type Double = f64;

    fn from_bits(bits: u32) -> Self {
        Self::from_bits(bits)
    }

    fn to_bits(self) -> u32 {
        Self::to_bits(self)
    }

    fn from_i32(value: i32) -> Self {
        value as Self
    }

    fn widen(self) -> f64 {
        f64::from(self)
    }

    fn round_to_i32(self) -> i32 {
        self.round_ties_even() as i32
    }

    fn trunc_to_i32(self) -> i32 {
        self as i32
    }
}

impl Ieee for f64 {
    fn sqrt(self) -> Self {
        Self::sqrt(self)
    }

    fn is_less_than(self, other: Self) -> bool {
        self < other
    }
}

impl Double for f64 {
    type Single = f32;

    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }

    fn to_bits(self) -> u64 {
        Self::to_bits(self)
    }

    fn from_i64(value: i64) -> Self {
        value as Self
    }

    fn narrow(self) -> f32 {
        self as f32
    }

    fn round_to_i64(self) -> i64 {
        self.round_ties_even() as i64
    }
}
