//! A worker in the same process.

use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::{BodyExt, Limited};
use tower::ServiceExt;

use super::link::{Exchange, Link, LinkError, LinkReply, LinkRequest};
use crate::service::auth::{CALL_HEADER, REPLY_HEADER};
use crate::service::wire::MAX_REPLY_BYTES;
use crate::service::{Service, server};

/// Requests to a [`Service`] of this process, as they would come over HTTP: signed, checked and bounded all the same.
#[derive(Clone, Debug)]
pub struct LocalLink(Router);

impl LocalLink {
    /// The link to a running worker.
    pub fn new(service: Service) -> Self {
        Self(server::router(service))
    }

    async fn send(&self, request: LinkRequest) -> Result<LinkReply, LinkError> {
        let request = Request::builder()
            .method(request.method.as_str())
            .uri(request.path)
            .header(CALL_HEADER, request.header.to_string())
            .body(Body::from(request.body))
            .map_err(|error| LinkError::Unreachable(error.to_string()))?;
        let Ok(response) = self.0.clone().oneshot(request).await;
        let status = response.status().as_u16();
        let signature =
            response.headers().get(REPLY_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), MAX_REPLY_BYTES).collect().await;
        let body = body.map_err(|error| LinkError::Broken(error.to_string()))?.to_bytes();
        Ok(LinkReply { status, signature, body })
    }
}

impl Link for LocalLink {
    fn exchange(&self, request: LinkRequest) -> Exchange<'_> {
        Box::pin(self.send(request))
    }
}
