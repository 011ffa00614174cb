//! FusionVM as a plugin of AvalancheGo: its own process, driven by the node over gRPC on this machine.
//!
//! [`run`] shakes hands and serves `vm.VM` (`service`) on the listener that it announces. The chain lives in a thread of its
//! own (`chain`), in the node's database (`store`). Nothing that a peer sends is answered with an error: the node takes one for
//! the end of the chain.

mod blocks;
mod chain;
mod config;
mod gossip;
mod handshake;
mod http;
mod peers;
pub mod proto;
mod service;
mod start;
mod store;

pub use config::PluginConfig;
pub use handshake::{ENGINE_VARIABLE, PROTOCOL, is_plugin, run};
pub use store::RpcStore;
