//! The arithmetic of the profile `exact-v1`: the same bits on every machine.
//!
//! Every long sum is a sum of integers, so that its order does not matter; everything else is IEEE-754 arithmetic,
//! element by element, in a written order (docs/spec, chapter 14). This is the one
//! place in the crate that knows floats, and only through [`ieee`].

pub mod activation;
pub mod ieee;
pub mod math;
pub mod norm;
pub mod quantise;
pub mod soft;
