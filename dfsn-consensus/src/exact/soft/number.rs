//! A float taken apart, and the arithmetic of both formats on its parts.

use core::cmp::Ordering;
use core::ops::{Add, Div, Mul, Neg, Sub};

/// What tells one binary format from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    /// The place of the sign bit.
    sign: u32,
    /// How many bits the fraction has.
    fraction: u32,
    /// The largest exponent, and the field that stands for exponent 0.
    bias: i32,
}

/// A float, or the result of an operation that is yet to be rounded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Nan,
    Infinite { negative: bool },
    Zero { negative: bool },
    Finite(Finite),
}

/// `significand * 2^(exponent - 63)`, with the significand's top bit set.
///
/// An operand has at most 53 bits, so its low 11 are 0. A result has true bits far below those that a format keeps, and
/// under them one that is set if anything lower is not 0: enough to round it from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finite {
    negative: bool,
    exponent: i32,
    significand: u64,
}

impl Format {
    pub(super) const SINGLE: Self = Self { sign: 31, fraction: 23, bias: 127 };
    pub(super) const DOUBLE: Self = Self { sign: 63, fraction: 52, bias: 1023 };

    /// The pattern of infinity: the largest exponent field and no fraction.
    const fn infinity(self) -> u64 {
        (1 << self.sign) - (1 << self.fraction)
    }

    /// The number that a bit pattern stands for.
    #[inline]
    pub(super) fn unpack(self, bits: u64) -> Number {
        let negative = bits >> self.sign == 1;
        let magnitude = bits & ((1 << self.sign) - 1);
        match magnitude.cmp(&self.infinity()) {
            Ordering::Greater => Number::Nan,
            Ordering::Equal => Number::Infinite { negative },
            Ordering::Less => {
                let field = magnitude >> self.fraction;
                let leading = u64::from(field != 0) << self.fraction;
                let fraction = magnitude & ((1 << self.fraction) - 1);
                let exponent = field.max(1) as i32 - self.bias;
                Number::normalised(negative, exponent, (leading | fraction) << (63 - self.fraction))
            }
        }
    }

    /// The pattern of the nearest number that the format has, of two equally near ones the even one.
    #[inline]
    pub(super) fn pack(self, number: Number) -> u64 {
        let (negative, magnitude) = match number {
            Number::Nan => (false, self.infinity() | 1 << (self.fraction - 1)),
            Number::Infinite { negative } => (negative, self.infinity()),
            Number::Zero { negative } => (negative, 0),
            Number::Finite(finite) => (finite.negative, self.round(finite)),
        };
        u64::from(negative) << self.sign | magnitude
    }

    #[inline]
    fn round(self, finite: Finite) -> u64 {
        if finite.exponent > self.bias {
            return self.infinity();
        }
        let least = 1 - self.bias;
        let above = (finite.exponent - least).max(0) as u64;
        // Below the least exponent a number keeps fewer bits, and has no leading one.
        let significand = shift_right(finite.significand, (least - finite.exponent).max(0) as u32);
        let dropped = 63 - self.fraction;
        let kept = half_even(significand >> dropped, significand << (64 - dropped));
        // A leading one, or a carry out of the fraction, counts the exponent up: at the top, to infinity.
        (above << self.fraction) + kept
    }
}

impl Number {
    /// `significand * 2^(exponent - 63)`.
    #[inline]
    pub(super) const fn normalised(negative: bool, exponent: i32, significand: u64) -> Self {
        if significand == 0 {
            return Self::Zero { negative };
        }
        let zeros = significand.leading_zeros();
        let exponent = exponent - zeros as i32;
        Self::Finite(Finite { negative, exponent, significand: significand << zeros })
    }

    /// An integer.
    pub(super) const fn integer(value: i64) -> Self {
        Self::normalised(value < 0, 63, value.unsigned_abs())
    }

    /// The nearest integer, halves to even; outside of i64 the nearest bound, for NaN 0.
    pub(super) fn round(self) -> i64 {
        self.to_integer(half_even)
    }

    /// Without its fraction; outside of i64 the nearest bound, for NaN 0.
    pub(super) fn truncate(self) -> i64 {
        self.to_integer(|whole, _| whole)
    }

    fn to_integer(self, rounded: impl Fn(u64, u64) -> u64) -> i64 {
        let (negative, magnitude) = match self {
            Self::Nan | Self::Zero { .. } => return 0,
            Self::Infinite { negative } => (negative, u64::MAX),
            Self::Finite(Finite { negative, exponent: 63.., .. }) => (negative, u64::MAX),
            Self::Finite(Finite { negative, exponent: ..-1, .. }) => (negative, 0),
            Self::Finite(Finite { negative, exponent, significand }) => {
                // 1 to 64 bits of fraction.
                let fraction = (63 - exponent) as u32;
                (negative, rounded(significand.unbounded_shr(fraction), significand << (64 - fraction)))
            }
        };
        if negative {
            0i64.saturating_sub_unsigned(magnitude)
        } else {
            0i64.saturating_add_unsigned(magnitude)
        }
    }

    /// The square root.
    #[inline]
    pub(super) fn sqrt(self) -> Self {
        match self {
            Self::Finite(Finite { negative: true, .. }) | Self::Infinite { negative: true } => Self::Nan,
            Self::Finite(Finite { exponent, significand, .. }) => {
                // An even exponent, and 127 or 128 bits to take the root of: it has 64.
                let square = u128::from(significand) << (63 + (exponent & 1));
                let root = square.isqrt();
                let inexact = u64::from(root * root != square);
                Self::normalised(false, exponent >> 1, root as u64 | inexact)
            }
            zero_or_infinite_or_nan => zero_or_infinite_or_nan,
        }
    }
}

impl Neg for Number {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        match self {
            Self::Nan => Self::Nan,
            Self::Infinite { negative } => Self::Infinite { negative: !negative },
            Self::Zero { negative } => Self::Zero { negative: !negative },
            Self::Finite(finite) => Self::Finite(Finite { negative: !finite.negative, ..finite }),
        }
    }
}

impl Add for Number {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => a.add(b),
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Infinite { negative: a }, Self::Infinite { negative: b }) if a != b => Self::Nan,
            (Self::Zero { negative: a }, Self::Zero { negative: b }) => Self::Zero { negative: a && b },
            (Self::Infinite { .. }, _) | (_, Self::Zero { .. }) => self,
            (_, Self::Infinite { .. }) | (Self::Zero { .. }, _) => other,
        }
    }
}

impl Sub for Number {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Number {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        let negative = self.is_negative() != other.is_negative();
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => {
                let product = u128::from(a.significand) * u128::from(b.significand);
                let significand = (product >> 64) as u64 | u64::from(product as u64 != 0);
                Self::normalised(negative, a.exponent + b.exponent + 1, significand)
            }
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Infinite { .. }, Self::Zero { .. }) | (Self::Zero { .. }, Self::Infinite { .. }) => {
                Self::Nan
            }
            (Self::Infinite { .. }, _) | (_, Self::Infinite { .. }) => Self::Infinite { negative },
            (Self::Zero { .. }, _) | (_, Self::Zero { .. }) => Self::Zero { negative },
        }
    }
}

impl Div for Number {
    type Output = Self;

    #[inline]
    fn div(self, other: Self) -> Self {
        let negative = self.is_negative() != other.is_negative();
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => {
                // Top bits are set, so the quotient is below 2 and has at least 63 bits. No divisor is 0.
                let dividend = u128::from(a.significand) << 63;
                let divisor = u128::from(b.significand);
                let (quotient, rest) = (dividend / divisor, dividend % divisor);
                Self::normalised(negative, a.exponent - b.exponent, quotient as u64 | u64::from(rest != 0))
            }
            (Self::Nan, _) | (_, Self::Nan) => Self::Nan,
            (Self::Infinite { .. }, Self::Infinite { .. }) | (Self::Zero { .. }, Self::Zero { .. }) => {
                Self::Nan
            }
            (Self::Infinite { .. }, _) | (_, Self::Zero { .. }) => Self::Infinite { negative },
            (Self::Zero { .. }, _) | (_, Self::Infinite { .. }) => Self::Zero { negative },
        }
    }
}

impl Number {
    #[inline]
    const fn is_negative(self) -> bool {
        match self {
            Self::Nan => false,
            Self::Infinite { negative } | Self::Zero { negative } | Self::Finite(Finite { negative, .. }) => {
                negative
            }
        }
    }
}

impl Finite {
    #[inline]
    fn add(self, other: Self) -> Number {
        let is_larger = (self.exponent, self.significand) >= (other.exponent, other.significand);
        let (large, small) = if is_larger { (self, other) } else { (other, self) };
        // One bit of room for the carry; operands have 11.
        let large_part = large.significand >> 1;
        let small_part = shift_right(small.significand >> 1, (large.exponent - small.exponent) as u32);
        if large.negative == small.negative {
            return Number::normalised(large.negative, large.exponent + 1, large_part + small_part);
        }
        let difference = large_part - small_part;
        Number::normalised(large.negative && difference != 0, large.exponent + 1, difference)
    }
}

/// `value` shifted right, with the lowest bit set if a bit that is not 0 was lost.
#[inline]
const fn shift_right(value: u64, by: u32) -> u64 {
    let lost = if by < 64 { value.unbounded_shl(64 - by) } else { value };
    value.unbounded_shr(by) | (lost != 0) as u64
}

/// `kept` rounded by the 64 bits that follow it.
#[inline]
const fn half_even(kept: u64, rest: u64) -> u64 {
    const HALF: u64 = 1 << 63;
    kept + (rest > HALF || (rest == HALF && kept & 1 == 1)) as u64
}
