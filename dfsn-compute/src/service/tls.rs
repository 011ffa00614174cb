//! Outbound connections: URLs, TLS with the system's certificates.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderValue, Response, Uri};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

use super::auth::{CALL_HEADER, CallHeader};
use super::refusal::Refusal;
use super::tunnel::{MAX_FRAME_BYTES, Socket};
use super::wire::{RefusalBody, read_json};

/// Longest that a connection and its handshakes may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A URL that leads to no worker and no node.
#[derive(Debug, Error)]
#[error("{url} is not a URL of the form {scheme}://host[:port] with {scheme} or {scheme}s")]
pub struct UrlError {
    /// What was given.
    url: String,
    /// `http` or `ws`.
    scheme: &'static str,
}

/// Checks the scheme and cuts the slash at the end.
pub(super) fn base_url(url: &str, scheme: &'static str) -> Result<String, UrlError> {
    let base = url.trim_end_matches('/').to_owned();
    let fits = base.parse::<Uri>().is_ok_and(|uri| {
        let found = uri.scheme_str().unwrap_or_default();
        (found == scheme || found.strip_suffix('s') == Some(scheme)) && uri.host().is_some()
    });
    if fits { Ok(base) } else { Err(UrlError { url: url.to_owned(), scheme }) }
}

/// TLS that trusts what the system trusts.
pub(super) fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a certificate of the system cannot be read");
        }
        roots.add_parsable_certificates(found.certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }))
}

/// Opens a WebSocket to `url`, a whole address with its path, showing a signed header.
pub(super) async fn open_websocket(url: &str, header: &CallHeader) -> Result<Socket, String> {
    let mut request = url.into_client_request().map_err(|error| error.to_string())?;
    let value = HeaderValue::from_str(&header.to_string()).map_err(|error| error.to_string())?;
    request.headers_mut().insert(CALL_HEADER, value);
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let tls = Some(Connector::Rustls(client_config()));
    let opening = connect_async_tls_with_config(request, Some(limits), true, tls);
    match tokio::time::timeout(CONNECT_TIMEOUT, opening).await {
        Ok(Ok((socket, _))) => Ok(Socket::dialled(socket)),
        Ok(Err(Error::Http(response))) => Err(refused(&response)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

/// What the other end said instead of opening a WebSocket. It is not signed, so nothing but words is made of it.
fn refused(response: &Response<Option<Vec<u8>>>) -> String {
    let body = response.body().as_deref().unwrap_or_default();
    match read_json::<RefusalBody>(body, 4_096) {
        Ok(RefusalBody { refusal: Refusal::Stale { .. }, .. }) => {
            "the clocks of both machines differ by more than 30 s; set this one's by NTP".to_owned()
        }
        Ok(RefusalBody { message, .. }) => format!("refused: {message}"),
        Err(_) => format!("refused with status {}", response.status()),
    }
}
