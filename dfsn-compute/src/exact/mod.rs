//! The profile `exact-v1` on processors: kernels that give the same bits on every machine.

pub mod simd;
