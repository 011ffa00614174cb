//! A worker over HTTP: signed requests below `/v1/`, health for whoever asks.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, Request, State, WebSocketUpgrade};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use dfsn_types::{Attempt, Boundary, FileHash, JobId, Signature};
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::{Deserialize, Serialize};

use super::auth::{CALL_HEADER, CallHeader, REPLY_HEADER, now_ms, reply_digest};
use super::core::Service;
use super::refusal::Refusal;
use super::tunnel::{MAX_FRAME_BYTES, Socket, responder};
use super::wire::{
    AuditCall, AuditReply, DisputeCall, DisputeReply, JobKey, JobOffer, JobStatus, MAX_BLOB_BYTES,
    MAX_JSON_BYTES, MAX_REPLY_BYTES, MAX_WAIT_MS, PossessionCall, RefusalBody, message, read_json,
};

/// Where a node opens a WebSocket instead of asking over HTTP.
pub const WEBSOCKET_PATH: &str = "/v1/ws";

/// Longest that a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The worker's paths.
pub fn router(service: Service) -> Router {
    let signed = Router::new()
        .route("/v1/info", get(info))
        .route("/v1/jobs", post(submit).get(jobs))
        .route("/v1/jobs/{job}/{attempt}", get(job).delete(release))
        .route("/v1/jobs/{job}/{attempt}/cancel", post(cancel))
        .route("/v1/jobs/{job}/{attempt}/trace", get(trace))
        .route("/v1/jobs/{job}/{attempt}/openings/{image}/{t}", get(opening))
        .route("/v1/jobs/{job}/{attempt}/states/{image}/{t}", get(state))
        .route("/v1/events", get(events))
        .route("/v1/blobs/{hash}", put(put_blob).get(blob))
        .route("/v1/audits", post(audit))
        .route("/v1/disputes", post(dispute))
        .route("/v1/possession", post(possession))
        .route(WEBSOCKET_PATH, get(websocket))
        .fallback(async || Refusal::UnknownPath)
        .method_not_allowed_fallback(async || Refusal::UnknownPath)
        .layer(from_fn_with_state(service.clone(), signed));
    let open = Router::new().route("/health", get(health)).route("/ready", get(ready));
    open.fallback_service(signed.with_state(service.clone())).with_state(service)
}

/// Health, readiness and figures, for a port that only its owner reaches.
pub fn admin_router(service: Service) -> Router {
    let paths = Router::new().route("/health", get(health)).route("/ready", get(ready));
    paths.route("/metrics", get(metrics)).with_state(service)
}

/// Lets only the node's requests through, each once, and signs what is answered.
async fn signed(State(service): State<Service>, request: Request, next: Next) -> Response {
    let header = match authenticate(&service, &request) {
        Ok(header) => header,
        Err(refusal) => {
            service.metrics().refused(&refusal);
            return refusal.into_response();
        }
    };
    // From here on the caller is known to be the node, so what it is told is signed, refusals included.
    let response = match admit(&service, &header, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        service.metrics().refused(refusal);
    }
    sign(&service, &header.signature, response).await
}

fn authenticate(service: &Service, request: &Request) -> Result<CallHeader, Refusal> {
    let text = request.headers().get(CALL_HEADER).and_then(|value| value.to_str().ok());
    let header: CallHeader = text.ok_or(Refusal::Unauthorized)?.parse()?;
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    header.check(&service.node(), &service.public_key(), request.method().as_str(), path)?;
    Ok(header)
}

async fn admit(service: &Service, header: &CallHeader, request: Request) -> Result<Request, Refusal> {
    service.admit(header.timestamp_ms, header.nonce, now_ms())?;
    let (parts, body) = request.into_parts();
    let max = if parts.method == Method::PUT { MAX_BLOB_BYTES } else { MAX_JSON_BYTES };
    let body = read_body(body, max).await?;
    if FileHash::of(&body) != header.body {
        return Err(Refusal::WrongHash);
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

pub(super) async fn read_body(body: Body, max: usize) -> Result<Bytes, Refusal> {
    let read = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, max).collect()).await;
    let read = read.map_err(|_| Refusal::malformed(&"the body took too long to arrive"))?;
    let read = read.map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
        Some(_) => Refusal::TooLarge { max_bytes: max as u64 },
        None => Refusal::malformed(&error),
    })?;
    Ok(read.to_bytes())
}

async fn sign(service: &Service, call: &Signature, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = Limited::new(body, MAX_REPLY_BYTES).collect().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = body.to_bytes();
    let signature = service.key().sign(&reply_digest(call, parts.status.as_u16(), &body));
    // Lower-case hex is a header value.
    if let Ok(value) = HeaderValue::from_str(&signature.to_string()) {
        parts.headers.insert(REPLY_HEADER, value);
    }
    Response::from_parts(parts, Body::from(body))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let retry_ms = match &self {
            Self::Busy { retry_after_ms } | Self::QueueFull { retry_after_ms, .. } => Some(*retry_after_ms),
            _ => None,
        };
        let status = self.status();
        let text = message(&self.to_string());
        let body = RefusalBody { refusal: self.clone(), message: text };
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(self);
        if let Some(ms) = retry_ms {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        response
    }
}

/// A value as JSON.
struct Json<T>(T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// Bytes that are not JSON.
struct Blob(Bytes);

impl IntoResponse for Blob {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/octet-stream")], self.0).into_response()
    }
}

type Answer<T> = Result<Json<T>, Refusal>;

/// Runs what may read the disk where it holds nothing up.
async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| Err(Refusal::internal(&error)))
}

async fn health(State(service): State<Service>) -> Response {
    if service.is_alive() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the inference thread has ended\n").into_response()
    }
}

async fn ready(State(service): State<Service>) -> Response {
    if service.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "takes no jobs\n").into_response()
    }
}

async fn metrics(State(service): State<Service>) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match service.metrics_text() {
        Ok(text) => ([(CONTENT_TYPE, TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Turns the connection into a tunnel, on which the node asks as it does over HTTP.
async fn websocket(
    State(service): State<Service>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.max_message_size(MAX_FRAME_BYTES).max_frame_size(MAX_FRAME_BYTES),
        Err(error) => return Refusal::malformed(&error).into_response(),
    };
    upgrade.on_upgrade(async move |socket| {
        let (router, closed) = (router(service.clone()), service.closed());
        let reason = responder::answer(Socket::accepted(socket), router, closed).await;
        tracing::info!(reason, "the node's connection ended");
    })
}

async fn info(State(service): State<Service>) -> Response {
    Json(service.info()).into_response()
}

async fn submit(State(service): State<Service>, body: Bytes) -> Answer<JobStatus> {
    let offer: JobOffer = read_json(&body, MAX_JSON_BYTES)?;
    blocking(move || service.submit(offer)).await.map(Json)
}

async fn jobs(State(service): State<Service>) -> Response {
    Json(service.keys()).into_response()
}

async fn job(State(service): State<Service>, Path(path): Path<(String, String)>) -> Answer<JobStatus> {
    let key = key_of(&path.0, &path.1)?;
    blocking(move || service.status(key)).await.map(Json)
}

async fn release(State(service): State<Service>, Path(path): Path<(String, String)>) -> Answer<()> {
    let key = key_of(&path.0, &path.1)?;
    blocking(move || service.release(key)).await.map(Json)
}

async fn cancel(State(service): State<Service>, Path(path): Path<(String, String)>) -> Answer<()> {
    service.cancel(key_of(&path.0, &path.1)?).map(Json)
}

async fn trace(State(service): State<Service>, Path(path): Path<(String, String)>) -> Response {
    let key = key_of(&path.0, &path.1);
    match key {
        Ok(key) => blocking(move || service.trace(key)).await.map(Json).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

type StatePath = Path<(String, String, String, String)>;

async fn opening(State(service): State<Service>, Path(path): StatePath) -> Answer<dfsn_types::LeafOpening> {
    let (key, boundary) = (key_of(&path.0, &path.1)?, boundary_of(&path.2, &path.3)?);
    blocking(move || service.opening(key, boundary)).await.map(Json)
}

async fn state(State(service): State<Service>, Path(path): StatePath) -> Result<Blob, Refusal> {
    let (key, boundary) = (key_of(&path.0, &path.1)?, boundary_of(&path.2, &path.3)?);
    blocking(move || service.state(key, boundary)).await.map(|bytes| Blob(bytes.into()))
}

/// What to tell of events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventQuery {
    boot: Option<u64>,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

async fn events(
    State(service): State<Service>,
    query: Result<Query<EventQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Query(EventQuery { boot, after, wait_ms }) = match query {
        Ok(query) => query,
        Err(error) => return Refusal::malformed(&error).into_response(),
    };
    let page = until_some(&service, wait_ms, || {
        let page = service.events(boot, after);
        (!page.events.is_empty() || page.gap).then_some(page)
    });
    let page = page.await.unwrap_or_else(|| service.events(boot, after));
    Json(page).into_response()
}

async fn put_blob(State(service): State<Service>, Path(hash): Path<String>, body: Bytes) -> Answer<()> {
    if hash.parse() == Ok(service.put_blob(body)) { Ok(Json(())) } else { Err(Refusal::WrongHash) }
}

async fn blob(State(service): State<Service>, Path(hash): Path<String>) -> Result<Blob, Refusal> {
    let hash: FileHash = hash.parse().map_err(|error| Refusal::malformed(&error))?;
    blocking(move || service.blob(&hash)).await.map(Blob)
}

async fn audit(State(service): State<Service>, body: Bytes) -> Answer<AuditReply> {
    let call: AuditCall = read_json(&body, MAX_JSON_BYTES)?;
    let (asking, asked) = (service.clone(), call.clone());
    blocking(move || asking.audit(asked)).await?;
    let reply = until_some(&service, call.wait_ms, || match service.audit(call.clone()) {
        Ok(AuditReply::Pending) => None,
        reply => Some(reply),
    });
    reply.await.unwrap_or(Ok(AuditReply::Pending)).map(Json)
}

async fn dispute(State(service): State<Service>, body: Bytes) -> Answer<DisputeReply> {
    let call: Arc<DisputeCall> = Arc::new(read_json(&body, MAX_JSON_BYTES)?);
    let (asking, asked) = (service.clone(), Arc::clone(&call));
    blocking(move || asking.dispute(&asked)).await?;
    let reply = until_some(&service, call.wait_ms, || match service.dispute(&call) {
        Ok(DisputeReply::Pending) => None,
        reply => Some(reply),
    });
    reply.await.unwrap_or(Ok(DisputeReply::Pending)).map(Json)
}

async fn possession(State(service): State<Service>, body: Bytes) -> Answer<Signature> {
    let call: PossessionCall = read_json(&body, MAX_JSON_BYTES)?;
    service.sign_possession(&call).map(Json)
}

/// Looks again whenever there is news, for at most so long.
async fn until_some<T>(service: &Service, wait_ms: u64, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let mut news = service.news();
    let wait = Duration::from_millis(wait_ms.min(MAX_WAIT_MS));
    let looking = async {
        loop {
            news.borrow_and_update();
            if let Some(found) = look() {
                return Some(found);
            }
            news.changed().await.ok()?;
        }
    };
    tokio::time::timeout(wait, looking).await.ok().flatten()
}

fn key_of(job: &str, attempt: &str) -> Result<JobKey, Refusal> {
    let job: JobId = job.parse().map_err(|_| Refusal::UnknownJob)?;
    let attempt = attempt.parse().map(Attempt::new).map_err(|_| Refusal::UnknownJob)?;
    Ok(JobKey { job, attempt })
}

fn boundary_of(image: &str, t: &str) -> Result<Boundary, Refusal> {
    let image = image.parse().map_err(|_| Refusal::UnknownState)?;
    let t = t.parse().map_err(|_| Refusal::UnknownState)?;
    Ok(Boundary { image, t })
}
