//! A worker behind a URL, over one WebSocket that stays open.

use std::sync::Arc;

use dfsn_types::{FileHash, PublicKey, SecretKey};
use tokio::sync::Mutex;

use super::link::{Exchange, Link, LinkError, LinkRequest};
use crate::service::auth::{Call, CallHeader, now_ms};
use crate::service::server::WEBSOCKET_PATH;
use crate::service::tls::{UrlError, base_url, open_websocket};
use crate::service::tunnel::requester::Tunnel;

/// Opens the WebSocket with the first request, and again when it has ended.
#[derive(Debug)]
pub struct WebSocketLink {
    url: String,
    key: Arc<SecretKey>,
    worker: PublicKey,
    tunnel: Mutex<Option<Tunnel>>,
}

impl WebSocketLink {
    /// A link to the worker's server at `url`, for example `wss://gpu.example.org`.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn new(url: &str, key: Arc<SecretKey>, worker: PublicKey) -> Result<Self, UrlError> {
        Ok(Self { url: base_url(url, "ws")?, key, worker, tunnel: Mutex::new(None) })
    }

    async fn tunnel(&self) -> Result<Tunnel, LinkError> {
        let mut tunnel = self.tunnel.lock().await;
        if let Some(open) = tunnel.as_ref().filter(|tunnel| !tunnel.is_closed()) {
            return Ok(open.clone());
        }
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| LinkError::Unreachable(error.to_string()))?;
        let call = Call { method: "GET", path: WEBSOCKET_PATH, body: FileHash::of(&[]) };
        let header = CallHeader::sign(&self.key, &self.worker, call, now_ms(), nonce);
        let socket = open_websocket(&format!("{}{WEBSOCKET_PATH}", self.url), &header).await;
        let opened = Tunnel::open(socket.map_err(LinkError::Unreachable)?);
        *tunnel = Some(opened.clone());
        Ok(opened)
    }
}

impl Link for WebSocketLink {
    fn exchange(&self, request: LinkRequest) -> Exchange<'_> {
        Box::pin(async move { self.tunnel().await?.exchange(request).await })
    }
}
