//! The kernels of the exact profile against literal definitions: every instruction set of this machine, any shape and
//! thread count, the same bytes.

mod attention;
mod elementwise;
mod environment;
mod product;
mod reference;
