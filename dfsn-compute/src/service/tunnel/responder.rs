//! The worker's end: answers what comes in as if it had come over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use super::{Frame, MAX_IN_FLIGHT, Socket, heartbeat};
use crate::service::auth::{CALL_HEADER, CallHeader, REPLY_HEADER};
use crate::service::turned;
use crate::service::wire::MAX_REPLY_BYTES;

/// How long requests that are being answered may go on after the end was asked for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Answers until the connection ends or `stop` turns true; gives the reason of the end.
pub(in crate::service) async fn answer(
    mut socket: Socket,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> String {
    let (replies, mut answered) = mpsc::channel(MAX_IN_FLIGHT);
    let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    let mut ping = heartbeat();
    loop {
        let sent = tokio::select! {
            frame = socket.next_frame() => {
                let (id, request) = match frame {
                    Ok(Frame::Call { id, method, path, header, body }) => {
                        (id, to_request(&method, &path, &header, body))
                    }
                    Ok(Frame::Reply { .. }) => return "a reply where requests are answered".to_owned(),
                    Err(reason) => return reason,
                };
                // As many answers are on their way as may be: a node that asks more breaks the protocol.
                let Ok(permit) = Arc::clone(&in_flight).try_acquire_owned() else {
                    return format!("more than {MAX_IN_FLIGHT} requests at a time");
                };
                let (router, replies) = (router.clone(), replies.clone());
                tokio::spawn(async move {
                    let reply = reply_to(router, id, request).await;
                    // Nobody waits for it when the connection has ended.
                    let _ = replies.send((reply.to_bytes(), permit)).await;
                });
                Ok(())
            }
            Some((reply, _permit)) = answered.recv() => socket.send(reply).await,
            _ = ping.tick() => socket.ping().await,
            () = turned(&mut stop) => {
                let last_words = async {
                    while in_flight.available_permits() < MAX_IN_FLIGHT
                        && let Some((reply, _permit)) = answered.recv().await
                        && socket.send(reply).await.is_ok()
                    {}
                };
                // Whoever only waits for news goes without.
                let _ = timeout(LAST_WORDS, last_words).await;
                socket.close().await;
                return "this end stops".to_owned();
            }
        };
        if let Err(reason) = sent {
            return reason;
        }
    }
}

fn to_request(method: &str, path: &str, header: &CallHeader, body: Bytes) -> Option<Request<Body>> {
    let header = HeaderValue::from_str(&header.to_string()).ok()?;
    Request::builder().method(method).uri(path).header(CALL_HEADER, header).body(Body::from(body)).ok()
}

async fn reply_to(router: Router, id: u64, request: Option<Request<Body>>) -> Frame {
    let failed = |status: StatusCode| Frame::Reply {
        id,
        status: status.as_u16(),
        signature: None,
        body: Bytes::new(),
    };
    let Some(request) = request else { return failed(StatusCode::BAD_REQUEST) };
    let Ok(response) = router.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let Ok(body) = Limited::new(body, MAX_REPLY_BYTES).collect().await else {
        return failed(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let signature = parts.headers.get(REPLY_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    Frame::Reply { id, status: parts.status.as_u16(), signature, body: body.to_bytes() }
}
