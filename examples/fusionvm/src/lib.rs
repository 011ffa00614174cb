//! FusionVM: the node of a DFSN network. `main.rs` is its command line; here are the parts, to start one in a program or a test.

mod api;
mod blobs;
mod compute;
mod config;
mod dev;
mod error;
mod eth;
mod file;
mod genesis;
mod index;
pub mod keystore;
mod metrics;
mod neighbours;
mod node;
mod operated;
pub mod plugin;
mod registration;
mod standing;
mod upgrades;
mod validators;
mod web;

pub use api::Served;
pub use blobs::BlobStore;
pub use compute::{LocalCompute, Remotes};
pub use config::{Blobs, Compute, Config, Faucet, Limits};
pub use dev::DevNetwork;
pub use error::NodeError;
pub use genesis::{GenesisPlan, PublicKeys, model_record, read_genesis, write_genesis};
pub use node::{Node, NodeHandle, NodeParts, system_time};
pub use operated::Operated;
pub use registration::{MIN_PRICE, RegistrationError, Terms, shared_pairs};
pub use upgrades::Upgrades;
pub use validators::{Joining, Joins, Validators};
pub use web::{WebParts, Workers};
