//! The exact profile: its arithmetic on soft and hardware floats, and its programs.

mod arithmetic;
mod layout;
mod noise;
mod programs;
mod proofs;
mod random;
mod schedulers;
mod shapes;
