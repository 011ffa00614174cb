//! A worker behind a URL.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use super::link::{Exchange, Link, LinkError, LinkReply, LinkRequest};
use crate::service::auth::{CALL_HEADER, REPLY_HEADER};
use crate::service::tls::{CONNECT_TIMEOUT, UrlError, base_url, client_config};
use crate::service::wire::MAX_REPLY_BYTES;

/// Longest that a reply may take: a request may wait for news, and a large blob needs its time.
const TIMEOUT: Duration = Duration::from_secs(120);

/// HTTP to a worker's server.
#[derive(Debug)]
pub struct HttpLink {
    base: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HttpLink {
    /// A link to the server at `url`, for example `https://gpu.example.org` or `http://192.168.1.7:7733`.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn new(url: &str) -> Result<Self, UrlError> {
        let base = base_url(url, "http")?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.enforce_http(false);
        let tls = ClientConfig::clone(&client_config());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self { base, client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    async fn send(&self, request: LinkRequest) -> Result<LinkReply, LinkError> {
        let broken = |error: &dyn std::fmt::Display| LinkError::Broken(error.to_string());
        let request = Request::builder()
            .method(request.method.as_str())
            .uri(format!("{}{}", self.base, request.path))
            .header(CALL_HEADER, request.header.to_string())
            .body(Full::new(request.body))
            .map_err(|error| LinkError::Unreachable(error.to_string()))?;
        let response = self.client.request(request).await.map_err(|error| {
            let reason = with_sources(&error);
            if error.is_connect() { LinkError::Unreachable(reason) } else { LinkError::Broken(reason) }
        })?;
        let status = response.status().as_u16();
        let signature =
            response.headers().get(REPLY_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), MAX_REPLY_BYTES).collect().await;
        let body = body.map_err(|error| broken(&error))?.to_bytes();
        Ok(LinkReply { status, signature, body })
    }
}

impl Link for HttpLink {
    fn exchange(&self, request: LinkRequest) -> Exchange<'_> {
        Box::pin(async move {
            let reply = tokio::time::timeout(TIMEOUT, self.send(request)).await;
            reply.map_err(|_| LinkError::Timeout(TIMEOUT.as_secs()))?
        })
    }
}

/// An error and what is behind it, in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
