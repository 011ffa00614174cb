//! Async client of a DFSN network: quote, submit, follow, fetch, check.
//!
//! Here belong the client of one account ([`Client`]), one that believes no node ([`LightClient`]), the views that a node gives of its state ([`view`]), and the
//! [`transport::Transport`] between them: in one process, or over HTTP and WebSocket (feature `http`; a node serves the same API with
//! feature `server`). What a picture is and how it is drawn does not: a client trusts hashes on chain, not workers.
//!
//! ```no_run
//! use dfsn_client::{Client, JobEvent, transport::Transport};
//! use dfsn_types::{DurationMs, Event, GenerationParams, GenerationRequest};
//!
//! # async fn example<T: Transport>(client: Client<T>, params: GenerationParams) -> Result<(), dfsn_client::ClientError> {
//! let quote = client.quote(&params).await?;
//! println!("{} for {} work units", quote.price, quote.work_units);
//! let request = GenerationRequest {
//!     params,
//!     price_per_unit: quote.price_per_unit,
//!     expires_ms: DurationMs::new(600_000),
//!     unaudited: false,
//! };
//! let mut job = client.generate(request).await?;
//! while let Some(event) = job.next_event().await? {
//!     let JobEvent::Chain(event) = event else { continue };
//!     println!("{event:?}");
//!     if let Event::JobCommitted { .. } = event {
//!         for picture in job.fetch().await? {
//!             println!("{} {}", picture.pixel_hash, picture.file.len());
//!         }
//!         // The worker is paid for what has arrived.
//!         job.acknowledge().await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "http")]
pub mod api;
mod client;
mod config;
mod error;
mod job;
mod key;
mod light;
mod outcome;
mod pace;
mod picture;
mod sending;
pub mod transport;
pub mod view;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use client::Client;
pub use config::ClientConfig;
pub use error::ClientError;
pub use job::{JobEvent, PendingJob};
pub use key::ClientKey;
pub use light::{LightClient, LightError, Proven};
pub use picture::{Download, Picture, PictureFault};
pub use sending::SendStage;
