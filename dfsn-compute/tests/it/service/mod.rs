//! A worker and its node over loopback, with the toy backend.

mod auth;
mod crash;
mod end_to_end;
mod harness;
mod limits;
mod links;
mod soak;
mod wire;
