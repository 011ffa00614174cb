//! The exact profile against its definition: kernels, networks and pictures, on every instruction set of this machine,
//! any shape and thread count, the same bytes.

mod attention;
mod canonical;
mod cheats;
mod disputes;
mod elementwise;
mod environment;
mod extras;
mod failures;
#[cfg(target_os = "linux")]
mod figures;
mod memory;
mod networks;
mod pictures;
#[path = "../common/poison.rs"]
mod poison;
mod product;
mod reference;
mod steps;
#[cfg(feature = "torch")]
mod torch;
mod trace;
