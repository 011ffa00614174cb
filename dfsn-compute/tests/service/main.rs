//! A worker and its node over loopback, with the toy backend and with the embedded model in the exact profile.

#![allow(clippy::unwrap_in_result)] // Helpers unwrap what the tests set up and return what they test.

mod auth;
#[path = "../common/mod.rs"]
mod common;
mod crash;
mod disputes;
mod emoji;
mod end_to_end;
mod harness;
mod init_images;
mod limits;
mod links;
#[path = "../common/poison.rs"]
mod poison;
mod soak;
mod tls;
mod wire;
