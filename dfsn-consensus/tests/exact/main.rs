//! The exact profile: its arithmetic on soft and hardware floats, and its programs.

mod arithmetic;
mod programs;
mod random;
mod shapes;
