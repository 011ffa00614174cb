//! Elementary functions of binary64: IEEE operations one by one in a written order, so that every machine gives the
//! same bits (spec chapter 14, scalars and noise). The platform's own functions differ from each other and from year to
//! year.
//!
//! The coefficients of the polynomials are those that Sun Microsystems published with fdlibm. Errors were measured
//! against 60 digits, on hundreds of thousands of arguments.
#![allow(clippy::arithmetic_side_effects, reason = "operators act on floats; integers use named operations")]

mod exponential;
mod logarithm;
mod trigonometric;

pub use exponential::{exp, exp2};
pub use logarithm::ln;
pub use trigonometric::{cos, sin};

use super::ieee::{Double, Ieee};

/// `x` moved to the nearer end of `[least, most]`; NaN stays.
pub(super) fn select<F: Ieee>(x: F, least: F, most: F) -> F {
    if x.is_less_than(least) {
        least
    } else if most.is_less_than(x) {
        most
    } else {
        x
    }
}

/// `(..(first*x + rest[0])*x + ..)*x + rest[last]`: Horner's scheme, each operation rounded.
pub(super) fn horner<F: Ieee, const N: usize>(x: F, first: F, rest: [F; N]) -> F {
    rest.into_iter().fold(first, |sum, coefficient| sum * x + coefficient)
}

/// The nearest integer to a float that is far inside of i64, as both.
fn nearest<D: Double>(x: D) -> (i64, D) {
    let integer = x.round_to_i64();
    (integer, D::from_i64(integer))
}
