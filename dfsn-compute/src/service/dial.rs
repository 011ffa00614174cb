//! Outbound mode: the worker calls its node and stays connected, so that no port of a home needs to be open.

use std::time::Duration;

use axum::Router;
use dfsn_types::{FileHash, PublicKey, SecretKey};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::auth::{Call, CallHeader, now_ms};
use super::core::Service;
use super::server;
use super::tls::{UrlError, base_url, open_websocket};
use super::tunnel::responder;
use super::turned;

/// Path of a node where workers call.
pub const DIAL_PATH: &str = "/v1/worker";
/// Shortest and longest wait before the next call.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// A connection that lasted this long was a good one: the next wait is short again.
const GOOD: Duration = Duration::from_secs(60);

/// Where a worker calls.
#[derive(Debug)]
pub struct Dialler {
    url: String,
    service: Service,
}

impl Dialler {
    /// For a node at `url`, for example `wss://node.example.org`.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn new(url: &str, service: Service) -> Result<Self, UrlError> {
        Ok(Self { url: base_url(url, "ws")?, service })
    }

    /// Calls, answers the node's requests, and calls again when the connection ends, until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let router = server::router(self.service.clone());
        let (key, node) = (self.service.public_key(), self.service.node());
        let (mut wait, mut connections) = (BACKOFF.0, 0_u64);
        while !*stop.borrow() {
            let started = Instant::now();
            let before = connections;
            let reason = self.call(&router, stop.clone(), &mut connections).await;
            self.service.set_connected(false);
            if *stop.borrow() {
                break;
            }
            wait = if started.elapsed() > GOOD { BACKOFF.0 } else { (wait * 2).min(BACKOFF.1) };
            let pause = jittered(wait);
            let (url, retry_in_ms) = (&self.url, pause.as_millis() as u64);
            if connections > before {
                tracing::warn!(url, reason, retry_in_ms, "the connection to the node is lost");
            } else {
                tracing::warn!(url, %key, %node, reason, retry_in_ms, "not connected to the node");
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = turned(&mut stop) => break,
            }
        }
    }

    async fn call(&self, router: &Router, stop: watch::Receiver<bool>, connections: &mut u64) -> String {
        let header = match dial_header(self.service.key(), &self.service.node()) {
            Ok(header) => header,
            Err(error) => return error.to_string(),
        };
        match open_websocket(&format!("{}{DIAL_PATH}", self.url), &header).await {
            Ok(socket) => {
                let again = if *connections == 0 { "" } else { " again" };
                tracing::info!(url = self.url, "connected to the node{again}");
                *connections += 1;
                self.service.set_connected(true);
                responder::answer(socket, router.clone(), stop).await
            }
            Err(reason) => reason,
        }
    }
}

/// Shows the other end who opens a WebSocket.
fn dial_header(key: &SecretKey, audience: &PublicKey) -> Result<CallHeader, getrandom::Error> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let call = Call { method: "GET", path: DIAL_PATH, body: FileHash::of(&[]) };
    Ok(CallHeader::sign(key, audience, call, now_ms(), nonce))
}

/// Between half of it and all of it, so that workers do not call back in step after their node was away.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    wait / 2 + (wait / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}
