//! Quantities, each with its own type.

mod amount;
mod basis_points;
mod numbers;
mod ppm;

pub use amount::{Amount, ParseAmountError};
pub use basis_points::{BasisPoints, BasisPointsError};
pub use numbers::{
    BlockHeight, ChainClock, ChainId, ChainIdError, DurationMs, Gas, Nonce, RuleVersion, Timestamp, WorkUnits,
};
pub use ppm::Ppm;
