//! The way from a node to a worker.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use dfsn_types::Signature;
use thiserror::Error;

use crate::service::auth::CallHeader;

/// A signed request.
#[derive(Clone, Debug)]
pub struct LinkRequest {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Path and query, from `/v1/` on.
    pub path: String,
    /// Who signed it when.
    pub header: CallHeader,
    /// The body.
    pub body: Bytes,
}

/// What came back, unchecked.
#[derive(Clone, Debug)]
pub struct LinkReply {
    /// Status as in HTTP.
    pub status: u16,
    /// By whoever replied.
    pub signature: Option<Signature>,
    /// The body.
    pub body: Bytes,
}

/// Why there is no reply.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Nobody is there.
    #[error("the worker cannot be reached: {0}")]
    Unreachable(String),
    /// The connection ended before the reply was there.
    #[error("the connection to the worker broke: {0}")]
    Broken(String),
    /// No reply within the time allowed.
    #[error("the worker did not reply within {0} s")]
    Timeout(u64),
}

/// The future of an exchange.
pub type Exchange<'a> = Pin<Box<dyn Future<Output = Result<LinkReply, LinkError>> + Send + 'a>>;

/// Carries requests to one worker.
pub trait Link: Debug + Send + Sync {
    /// Sends a request and waits for its reply.
    fn exchange(&self, request: LinkRequest) -> Exchange<'_>;
}
