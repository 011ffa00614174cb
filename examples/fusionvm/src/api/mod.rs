//! The node's port: JSON-RPC, pictures, health, figures, faucet.

mod faucet;
mod limits;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{Path, Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any_service, get, post};
use dfsn_client::api;
use dfsn_compute::service::listen::Listener;
use dfsn_types::FileHash;
use jsonrpsee::RpcModule;
use jsonrpsee::server::{
    BatchRequestConfig, PingConfig, Server, ServerConfig, ServerHandle, StopHandle, stop_channel,
};
use jsonrpsee::types::ErrorObjectOwned;
use tokio::sync::watch;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::services::ServeFile;
use tower_http::timeout::TimeoutLayer;

use crate::config::{Config, Limits};
use crate::error::NodeError;
use crate::eth;
use crate::keystore::NodeSecret;
use crate::node::NodeHandle;
use crate::web::{Web, WebParts, is_visit};
use faucet::Dispenser;
use limits::RateLimit;

/// The most bytes of an answer in JSON.
const MAX_ANSWER_BYTES: u32 = 32 << 20;
/// What the methods are, for people and for generators of clients.
const DOCUMENT: &str = include_str!("../../openrpc.json");

/// An API that is served, until it is told to stop.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    rpc: ServerHandle,
}

impl Served {
    /// Opens the port of a node. The faucet pays from `account`. `more` are further paths, outside the limits of requests.
    ///
    /// # Errors
    /// [`NodeError::Listen`], [`NodeError::Config`].
    pub async fn start(
        node: NodeHandle,
        config: &Config,
        account: &NodeSecret,
        more: Router,
    ) -> Result<Self, NodeError> {
        Self::start_with(node, config, account, more, None).await
    }

    /// As [`Self::start`], with a web page.
    ///
    /// # Errors
    /// [`NodeError::Listen`], [`NodeError::Config`], [`NodeError::Page`].
    pub async fn start_with(
        node: NodeHandle,
        config: &Config,
        account: &NodeSecret,
        more: Router,
        web: Option<WebParts<'_>>,
    ) -> Result<Self, NodeError> {
        let (rpc_stop, rpc) = stop_channel();
        let web = web.map(|parts| Web::open(&node, config, parts)).transpose()?;
        let router = router(node, config, account, rpc_stop, web)?.merge(more);
        let listener = Listener::bind(config.listen).await?.with_connections(config.limits.connections);
        let address = listener.local_addr().unwrap_or(config.listen);
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(listener.serve(router, stopping));
        Ok(Self { address, stop, task, rpc })
    }

    /// Where it listens, with the port that the system chose.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends open requests in good order, and subscriptions at once.
    pub async fn stop(self) {
        let _ = self.rpc.stop();
        self.stop.send_replace(true);
        // A panic of the task was printed by its thread.
        let _ = self.task.await;
    }
}

/// Answers for a node on somebody else's port, as long as the handle is there.
pub(crate) fn answering(
    node: NodeHandle,
    config: &Config,
    account: &NodeSecret,
) -> Result<(Router, ServerHandle), NodeError> {
    let (rpc_stop, rpc) = stop_channel();
    Ok((router(node, config, account, rpc_stop, None)?, rpc))
}

fn router(
    node: NodeHandle,
    config: &Config,
    account: &NodeSecret,
    rpc_stop: StopHandle,
    web: Option<Web>,
) -> Result<Router, NodeError> {
    let limits = &config.limits;
    let native = json_rpc(methods(node.clone())?, limits, rpc_stop.clone());
    let wallets = json_rpc(eth::methods(node.clone()), limits, rpc_stop);
    let timeout = Duration::from_secs(limits.timeout_seconds.clamp(1, 3_600));
    let mut short = Router::new()
        .route("/blobs/{hash}", get(blob))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(node.clone());
    if let Some(faucet) = config.faucet {
        let dispenser = Arc::new(Dispenser::new(node, account, faucet));
        short = short.merge(Router::new().route("/faucet", post(faucet::faucet)).with_state(dispenser));
    }
    // WebSockets live longer than any request: jsonrpsee keeps their time.
    let short = short.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, timeout));
    let rate = Arc::new(RateLimit::new(limits));
    let calls = Router::new().route("/", native).route("/eth", wallets).merge(short);
    let router = match web {
        Some(web) => {
            let (routes, page) = web.into_routers();
            let page_at_root = from_fn_with_state(page.clone(), visit);
            calls.merge(routes).fallback_service(page).layer(page_at_root)
        }
        None => calls
            .fallback(async || (StatusCode::NOT_FOUND, "no such path: JSON-RPC is at / and /eth\n"))
            .layer(from_fn(plain_get)),
    };
    Ok(router.layer(from_fn_with_state(rate, limits::limit)).layer(cors(config)?))
}

/// Serves methods over HTTP and WebSocket.
fn json_rpc(methods: RpcModule<()>, limits: &Limits, stop: StopHandle) -> MethodRouter {
    let rpc = Server::builder()
        .set_config(rpc_config(limits))
        .to_service_builder()
        .max_connections(limits.calls)
        .build(methods, stop);
    let rpc = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |error: tower::BoxError| {
            tracing::warn!(error, "a call was not answered");
            StatusCode::INTERNAL_SERVER_ERROR
        }))
        .service(rpc);
    any_service(rpc)
}

/// The methods, and the document about them.
fn methods(node: NodeHandle) -> Result<RpcModule<()>, NodeError> {
    let wrong = |reason: String| NodeError::Config { path: "openrpc.json".into(), reason };
    let document: serde_json::Value =
        serde_json::from_str(DOCUMENT).map_err(|error| wrong(error.to_string()))?;
    let mut methods = api::methods(node);
    methods
        .register_method("rpc.discover", move |_, _, _| Ok::<_, ErrorObjectOwned>(document.clone()))
        .map_err(|error| wrong(error.to_string()))?;
    Ok(methods)
}

fn rpc_config(limits: &Limits) -> ServerConfig {
    ServerConfig::builder()
        .max_request_body_size(limits.body_bytes)
        .max_response_body_size(MAX_ANSWER_BYTES)
        .max_connections(limits.calls)
        .max_subscriptions_per_connection(limits.subscriptions)
        .set_batch_request_config(BatchRequestConfig::Limit(limits.batch))
        .enable_ws_ping(PingConfig::new())
        .set_id_provider(eth::Quantities)
        .build()
}

fn cors(config: &Config) -> Result<CorsLayer, NodeError> {
    let origins = if config.origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let origins = config.origins.iter().map(|origin| {
            origin.parse::<HeaderValue>().map_err(|_| NodeError::Config {
                path: "origins".into(),
                reason: format!("{origin:?} is no origin"),
            })
        });
        AllowOrigin::list(origins.collect::<Result<Vec<_>, _>>()?)
    };
    Ok(CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([CONTENT_TYPE, HeaderName::from_static("range")])
        .max_age(Duration::from_secs(3_600)))
}

/// Shows the page to people with a browser; calls go on.
async fn visit(State(page): State<Router>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/" && is_visit(request.method(), request.headers()) {
        let Ok(response) = page.oneshot(request).await;
        return response;
    }
    next.run(request).await
}

/// Says to people with a browser where they are.
async fn plain_get(request: Request, next: Next) -> Response {
    let is_here = matches!(request.uri().path(), "/" | "/eth");
    if is_here && is_visit(request.method(), request.headers()) {
        let text = "DFSN node. POST JSON-RPC 2.0 here, or open a WebSocket; / for DFSN's clients, /eth for Ethereum's wallets; \
                    /health, /metrics, /blobs/{hash}\n";
        return ([(ALLOW, "POST")], text).into_response();
    }
    next.run(request).await
}

/// Whether the chain's thread answers, and how far it is.
async fn health(State(node): State<NodeHandle>) -> Response {
    let state = node.state();
    let is_alive = node.states().has_changed().is_ok();
    let status = if is_alive { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({
        "healthy": is_alive,
        "genesis": state.chain.genesis,
        "height": state.tip.height,
        "open_jobs": state.windows.len(),
    });
    (status, axum::Json(body)).into_response()
}

async fn metrics(State(node): State<NodeHandle>) -> Response {
    match node.metrics().text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A picture, or a part of it. Its name is its hash, so it never changes.
async fn blob(State(node): State<NodeHandle>, Path(hash): Path<String>, request: Request) -> Response {
    let Ok(hash) = hash.parse::<FileHash>() else {
        return (StatusCode::BAD_REQUEST, "a picture is named by 64 hexadecimal digits\n").into_response();
    };
    if !node.bring(hash).await {
        return (StatusCode::NOT_FOUND, "this node has no such picture\n").into_response();
    }
    let Ok(mut response) = ServeFile::new(node.blobs().path(&hash)).oneshot(request).await;
    let headers = response.headers_mut();
    if response_is_file(headers) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    }
    response.into_response()
}

fn response_is_file(headers: &axum::http::HeaderMap) -> bool {
    headers.contains_key(CONTENT_TYPE)
}
