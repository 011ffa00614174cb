//! Rates in millionths.

use crate::macros::unit_u64;

unit_u64!(
    /// A rate in millionths; above 1,000,000 it is an expected number of more than one.
    Ppm
);
