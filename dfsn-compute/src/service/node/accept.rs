//! A worker that calls its node.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dfsn_types::PublicKey;
use tokio::sync::watch;

use super::link::{Exchange, Link, LinkError, LinkRequest};
use super::pass_on;
use crate::service::auth::{CALL_HEADER, CallHeader, now_ms};
use crate::service::dial::DIAL_PATH;
use crate::service::refusal::Refusal;
use crate::service::replay::ReplayGuard;
use crate::service::tunnel::requester::Tunnel;
use crate::service::tunnel::{MAX_FRAME_BYTES, Socket};

/// How long a request waits for its worker to call again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The node's end for one worker that calls: an axum router to serve, and a [`Link`] to ask through.
#[derive(Clone, Debug)]
pub struct DialledWorker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    node: PublicKey,
    worker: PublicKey,
    replay: Mutex<ReplayGuard>,
    tunnel: watch::Sender<Option<Tunnel>>,
}

impl DialledWorker {
    /// Waits for calls of `worker` to the node with key `node`.
    pub fn new(node: PublicKey, worker: PublicKey) -> Self {
        // A call that is repeated after a restart of the node gains a connection on which only the worker can answer.
        let replay = Mutex::new(ReplayGuard::in_memory(ReplayGuard::WINDOW_MS));
        Self(Arc::new(Inner { node, worker, replay, tunnel: watch::Sender::new(None) }))
    }

    /// The path that the worker calls, and those at which who has the node's key asks it what it is and for its signature
    /// under a registration, to merge into the node's server.
    pub fn router(&self) -> Router {
        Router::new().route(DIAL_PATH, get(accept)).merge(pass_on::routes()).with_state(self.clone())
    }

    /// Whether the worker is connected.
    pub fn is_connected(&self) -> bool {
        self.0.tunnel.borrow().as_ref().is_some_and(|tunnel| !tunnel.is_closed())
    }

    fn authenticate(&self, request: &Request) -> Result<(), Refusal> {
        let text = request.headers().get(CALL_HEADER).and_then(|value| value.to_str().ok());
        let header: CallHeader = text.ok_or(Refusal::Unauthorized)?.parse()?;
        header.check(&self.0.worker, &self.0.node, "GET", DIAL_PATH)?;
        let mut replay = self.0.replay.lock().unwrap_or_else(PoisonError::into_inner);
        replay.admit(header.timestamp_ms, header.nonce, now_ms())
    }

    /// That the node asks, with its own key.
    pub(super) fn check(&self, header: &CallHeader, method: &str, path: &str) -> Result<(), Refusal> {
        header.check(&self.0.node, &self.0.worker, method, path)
    }

    async fn connected(&self) -> Result<Tunnel, LinkError> {
        let mut tunnels = self.0.tunnel.subscribe();
        let is_open = |tunnel: &Option<Tunnel>| tunnel.as_ref().is_some_and(|tunnel| !tunnel.is_closed());
        let waiting = tokio::time::timeout(PATIENCE, tunnels.wait_for(is_open));
        let gone = || LinkError::Unreachable("it has not called".to_owned());
        let tunnel = waiting.await.map_err(|_| gone())?.map_err(|_| gone())?;
        tunnel.clone().ok_or_else(gone)
    }
}

async fn accept(
    State(worker): State<DialledWorker>,
    upgrade: WebSocketUpgrade,
    request: Request,
) -> Response {
    if let Err(refusal) = worker.authenticate(&request) {
        return refusal.into_response();
    }
    let upgrade = upgrade.max_message_size(MAX_FRAME_BYTES).max_frame_size(MAX_FRAME_BYTES);
    upgrade.on_upgrade(async move |socket| {
        let tunnel = Tunnel::open(Socket::accepted(socket));
        // A newer call replaces an older one, which ends when its last request has its reply.
        worker.0.tunnel.send_replace(Some(tunnel));
    })
}

impl Link for DialledWorker {
    fn exchange(&self, request: LinkRequest) -> Exchange<'_> {
        Box::pin(async move { self.connected().await?.exchange(request).await })
    }
}
