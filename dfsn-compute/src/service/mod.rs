//! A worker as a service, and a node's side of it: how a GPU box that holds no stake serves the node that does.
//!
//! [`Service`] draws jobs on one inference thread and keeps results and traces on disk until their audits are over;
//! [`server`] offers it over HTTP, [`dial`] calls the node instead. [`node`] is what a node embeds: it signs
//! requests, checks replies, and needs no libtorch; [`duties`] is its validator. Only one node is served: each request is signed by its key
//! (ADR 0045).
//!
//! A worker shows states and openings to its node whenever it is asked. Whether one may be shown to anybody else, and
//! when, is the node's to decide: an answer shown early costs it the lock of the job.

pub mod auth;
mod blobs;
mod board;
mod core;
pub mod dial;
pub mod duties;
mod engine;
pub mod listen;
mod metrics;
pub mod node;
mod refusal;
pub mod replay;
pub mod server;
mod speed;
mod store;
mod tls;
mod tunnel;
pub mod wire;

use tokio::sync::watch;

pub use self::core::{Service, ServiceError, ServiceOptions};
pub use engine::{BoxedPipeline, ModelSource};
pub use refusal::Refusal;
pub use store::StoreError;
pub use tls::UrlError;
pub use tunnel::{Frame, FrameError};

/// Ends when a switch is turned to true, or nobody can turn it any more.
async fn turned(switch: &mut watch::Receiver<bool>) {
    let _ = switch.wait_for(|is_on| *is_on).await;
}
