//! The types from the outside: frozen bytes, properties, JSON, refusals, traces, keys and units.
//!
//! `registry.rs` lists every exported type; `samples` and `strategies` give values of the encoded ones.
//! A new type has to stand in all three before the tests compile and pass.

mod allocation;
mod ed25519;
mod ethereum;
mod json;
mod keys;
mod light;
mod merkle;
mod properties;
mod registry;
mod reject;
mod samples;
mod slices;
mod strategies;
mod text;
mod trace;
mod units;
mod vectors;
mod wide;
