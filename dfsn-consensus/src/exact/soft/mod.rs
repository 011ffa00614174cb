//! binary32 and binary64 in integers alone.
//!
//! A host may have set its float unit to flush denormals or to round otherwise; what is computed here depends on
//! nothing but its operands (spec chapter 14). Results have the bits that IEEE-754 gives with rounding to nearest,
//! ties to even. One thing it leaves open: every operation whose result is NaN gives the positive quiet NaN without a
//! payload (`7fc00000`, `7ff8000000000000`), and negation flips the sign bit of whatever it is given.

mod double;
#[allow(
    clippy::arithmetic_side_effects,
    reason = "exponents stay within 2^13, shifts below 64, and each sum of significands says why it fits"
)]
mod number;
mod single;

pub use double::SoftDouble;
pub use single::SoftSingle;

/// The operators of a soft type, by way of [`number::Number`]'s.
macro_rules! operators {
    ($type:ty: $($operator:ident $method:ident),+) => {$(
        impl core::ops::$operator for $type {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Self::pack(self.unpack().$method(other.unpack()))
            }
        }
    )+};
}
use operators;
