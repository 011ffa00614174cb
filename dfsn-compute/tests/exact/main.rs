//! The exact profile against its definition: kernels, networks and pictures, on every instruction set of this machine,
//! any shape and thread count, the same bytes.

mod attention;
mod elementwise;
mod environment;
mod networks;
mod pictures;
mod product;
mod reference;
