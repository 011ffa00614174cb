//! The kernels of the profile `exact-v1`: products of integers with their epilogue, attention, and the elementwise
//! steps between them, on slices. They know no model.
//!
//! Every sum is one of integers and exact, and every floating-point operation is rounded once in the order of the
//! specification, so all instruction sets, tilings and thread counts give the same bytes. Nothing here fuses a
//! multiplication with an addition or approximates a reciprocal.
//!
//! - [`Kernels`] is an instruction set ([`Isa`]) that this machine has; [`Threads`] says who runs.
//! - [`PackedWeights`] times [`Operand`] is a linear layer or an implicit convolution: [`product()`].
//! - [`attention()`] is one head; [`quantise`], [`rows`], [`norm`] and [`activation`] are what lies between.

pub mod activation;
mod aligned;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
mod attention;
mod dispatch;
mod environment;
mod epilogue;
mod error;
mod isa;
pub mod norm;
mod operand;
pub(super) mod pages;
mod pairs;
mod product;
pub mod quantise;
mod room;
pub mod rows;
mod schedule;
mod shared;
mod sink;
mod threads;
mod tile;
mod weights;

pub use attention::{Attention, Head, attention};
pub(super) use attention::{HeadPlace, attend};
pub use environment::check_environment;
pub use epilogue::{ChannelBounds, Epilogue, Scale};
pub use error::SimdError;
pub use isa::{Isa, Kernels};
pub use operand::{ConvWindow, Operand};
pub use product::{product, scores, sums};
pub(super) use shared::Shared;
pub use threads::Threads;
pub use weights::{PackedWeights, WEIGHT_LIMIT};
