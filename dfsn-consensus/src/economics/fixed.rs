//! Decimal numbers without floats: what chances and sums of money are computed with here.

use core::fmt;

use dfsn_types::BasisPoints;

/// A signed number in parts of 10^-12. Operations saturate and round to the nearest part, so that each is off by at
/// most half of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed(i128);

impl Fixed {
    /// Nothing, or never.
    pub const ZERO: Self = Self(0);
    /// One price, or for certain.
    pub const ONE: Self = Self(Self::SCALE);

    const SCALE: i128 = 1_000_000_000_000;

    /// A whole number.
    pub const fn whole(number: u64) -> Self {
        Self((number as i128).saturating_mul(Self::SCALE))
    }

    /// `numerator / denominator`; zero for a denominator of zero.
    pub fn ratio(numerator: u128, denominator: u128) -> Self {
        // Numbers over 2^86 would overflow below. Both lose the same last bits, which changes the quotient by less than a part.
        let bits = |number: u128| 128u32.saturating_sub(number.leading_zeros());
        let shift = bits(numerator).saturating_sub(86).min(bits(denominator).saturating_sub(42));
        let whole = |number: u128| i128::try_from(number >> shift).unwrap_or(i128::MAX);
        Self(nearest(whole(numerator).saturating_mul(Self::SCALE), whole(denominator)).unwrap_or(0))
    }

    /// The number of parts of 10^-12.
    pub const fn parts(self) -> i128 {
        self.0
    }

    /// The whole part; 0 below zero.
    pub fn floor(self) -> u64 {
        u64::try_from(self.0 / Self::SCALE).unwrap_or(0)
    }

    /// `self + rhs`.
    pub const fn plus(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }

    /// `self - rhs`.
    pub const fn minus(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }

    /// `self * rhs`.
    pub const fn times(self, rhs: Self) -> Self {
        Self(match nearest(self.0.saturating_mul(rhs.0), Self::SCALE) {
            Some(parts) => parts,
            None => 0,
        })
    }

    /// `self / rhs`; `None` for a divisor of zero.
    pub fn over(self, rhs: Self) -> Option<Self> {
        nearest(self.0.saturating_mul(Self::SCALE), rhs.0).map(Self)
    }

    /// `self / rhs` for a whole divisor; zero for a divisor of zero.
    pub fn split(self, parts: u64) -> Self {
        Self(nearest(self.0, i128::from(parts)).unwrap_or(0))
    }

    /// `1 - self`.
    pub const fn complement(self) -> Self {
        Self::ONE.minus(self)
    }

    /// Whether this is above zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The sum of numbers.
    pub fn sum(numbers: impl IntoIterator<Item = Self>) -> Self {
        numbers.into_iter().fold(Self::ZERO, Self::plus)
    }
}

/// `a / b`, rounded to the nearest, half away from zero; `None` for a divisor of zero.
const fn nearest(a: i128, b: i128) -> Option<i128> {
    let Some(cut) = a.checked_div(b) else { return None };
    let Some(rest) = a.checked_rem(b) else { return None };
    if rest.unsigned_abs() < b.unsigned_abs().div_ceil(2) {
        return Some(cut);
    }
    Some(if (a < 0) == (b < 0) { cut.saturating_add(1) } else { cut.saturating_sub(1) })
}

impl From<BasisPoints> for Fixed {
    fn from(share: BasisPoints) -> Self {
        Self::ratio(u128::from(share.get()), 10_000)
    }
}

impl fmt::Display for Fixed {
    /// Decimal with the formatter's precision, at most 12 and 12 without one; rounded half away from zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(12).min(12);
        let cut = 10u128.saturating_pow(u32::try_from(12usize.saturating_sub(digits)).unwrap_or(0));
        let rounded = self.0.unsigned_abs().saturating_add(cut / 2).checked_div(cut).unwrap_or(0);
        let unit = 10u128.saturating_pow(u32::try_from(digits).unwrap_or(0));
        let whole = rounded.checked_div(unit).unwrap_or(0);
        let rest = rounded.checked_rem(unit).unwrap_or(0);
        let text = if digits == 0 { whole.to_string() } else { format!("{whole}.{rest:0digits$}") };
        f.pad_integral(self.0 >= 0 || rounded == 0, "", &text)
    }
}

#[cfg(test)]
mod tests {
    use super::Fixed;

    #[test]
    fn numbers_are_shown_rounded() {
        let third = Fixed::ratio(1, 3);
        assert_eq!(
            format!("{third:.2} {:.0} {:>6.1}", Fixed::ratio(5, 2), Fixed::ZERO.minus(third)),
            "0.33 3   -0.3"
        );
        assert_eq!(third.to_string(), "0.333333333333");
        assert_eq!(format!("{:.1}", Fixed::ZERO.minus(Fixed::ratio(1, 100))), "0.0");
    }

    #[test]
    fn operations_are_exact_to_the_last_part() {
        let (a, b) = (Fixed::ratio(7, 4), Fixed::ratio(2, 5));
        assert_eq!(a.times(b), Fixed::ratio(7, 10));
        assert_eq!(a.over(b), Some(Fixed::ratio(35, 8)));
        assert_eq!(a.minus(b).plus(b), a);
        assert_eq!(a.over(Fixed::ZERO), None);
        assert_eq!(Fixed::ratio(1, 0), Fixed::ZERO);
        assert_eq!(Fixed::ratio(u128::MAX, u128::MAX), Fixed::ONE);
        assert_eq!(Fixed::ratio(u128::MAX / 2, u128::MAX), Fixed::ratio(1, 2));
    }
}
