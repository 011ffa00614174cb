//! A worker and its node over loopback, with the toy backend.

mod auth;
mod end_to_end;
mod harness;
mod wire;
