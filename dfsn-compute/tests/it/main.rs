//! Tests of dfsn-compute against golden files of diffusers, and of what it refuses.
//!
//! The scripts in `tests/golden` made the files; no test needs Python. Modules that need libtorch are compiled
//! with the feature `torch`.

#![allow(clippy::unwrap_in_result)] // Helpers unwrap what the tests set up and return what they test.

#[cfg(feature = "torch")]
mod adapters;
#[cfg(feature = "torch")]
mod checkpoint;
#[path = "../common/mod.rs"]
mod common;
mod config;
#[cfg(feature = "torch")]
mod families;
#[cfg(feature = "torch")]
mod full_size;
mod golden;
mod images;
mod manifest;
#[cfg(all(feature = "torch", target_os = "linux"))]
mod memory;
mod noise;
#[cfg(feature = "torch")]
mod parity;
mod pipeline;
#[cfg(feature = "torch")]
mod prompt_parity;
mod prompts;
mod scheduler_oracles;
mod schedulers;
mod tokenizer;
#[cfg(feature = "torch")]
mod torch_thread;
mod toy;
#[cfg(feature = "torch")]
mod weights;
mod worker;
