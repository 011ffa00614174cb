//! What an operator asks its worker through the node, which alone has a way to a worker that calls in. Requests and replies pass as
//! they are: the worker checks who asks, and signs what it says.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use http::{HeaderValue, StatusCode};

use super::accept::DialledWorker;
use super::link::{Link, LinkError, LinkReply, LinkRequest};
use crate::service::auth::{CALL_HEADER, CallHeader, REPLY_HEADER};
use crate::service::dial::DIAL_PATH;
use crate::service::refusal::Refusal;
use crate::service::server::read_body;
use crate::service::wire::{MAX_JSON_BYTES, message};

const INFO_PATH: &str = "/v1/info";
const POSSESSION_PATH: &str = "/v1/possession";

/// What may be asked: what the worker is, and that its key signs a registration.
pub(super) fn routes() -> Router<DialledWorker> {
    Router::new().route(INFO_PATH, get(pass_on)).route(POSSESSION_PATH, post(pass_on))
}

/// The paths of a node that waits for no worker: whoever calls is told `remedy`, how the node is made to wait for it.
pub fn no_worker(remedy: &str) -> Router {
    let refusal = Refusal::NoWorker { remedy: message(remedy) };
    let refuse = any(async move || refusal.clone());
    [DIAL_PATH, INFO_PATH, POSSESSION_PATH]
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, refuse.clone()))
}

async fn pass_on(State(worker): State<DialledWorker>, request: Request) -> Result<Response, Refusal> {
    let text = request.headers().get(CALL_HEADER).and_then(|value| value.to_str().ok());
    let header: CallHeader = text.ok_or(Refusal::Unauthorized)?.parse()?;
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    // The worker checks it, too; strangers cost it nothing.
    worker.check(&header, &method, &path)?;
    let body = read_body(request.into_body(), MAX_JSON_BYTES).await?;
    let reply = worker.exchange(LinkRequest { method, path, header, body }).await;
    Ok(answer(reply.map_err(|error| unreachable(&error))?))
}

fn unreachable(error: &LinkError) -> Refusal {
    Refusal::Away { reason: message(&error.to_string()) }
}

fn answer(LinkReply { status, signature, body }: LinkReply) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    // Lower-case hex is a header value.
    if let Some(value) = signature.and_then(|signature| HeaderValue::from_str(&signature.to_string()).ok()) {
        response.headers_mut().insert(REPLY_HEADER, value);
    }
    response
}
