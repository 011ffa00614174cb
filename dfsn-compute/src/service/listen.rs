//! Serving a router on a port: with TLS or behind somebody's proxy, bounded, and ending in good order.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::turned;

/// Connections at a time unless more are wanted; the next one waits.
const MAX_CONNECTIONS: u32 = 64;
/// Longest that a handshake or the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long open requests may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(5);
/// Pause after the system has no more sockets to give.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a port is not served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate or its key.
    #[error("cannot use certificate {certificate} with key {key}: {reason}")]
    Certificate {
        /// File of the chain.
        certificate: String,
        /// File of the key.
        key: String,
        /// Why.
        reason: String,
    },
}

/// An open port.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: u32,
}

impl Listener {
    /// Opens a port for plain HTTP: in a home network, or behind a proxy that ends TLS.
    ///
    /// # Errors
    /// [`ListenError::Bind`].
    pub async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let tcp = TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self { tcp, tls: None, connections: MAX_CONNECTIONS })
    }

    /// The same port with TLS, from a chain and a key in PEM files.
    ///
    /// # Errors
    /// [`ListenError::Certificate`].
    pub fn with_tls(self, certificate: &Path, key: &Path) -> Result<Self, ListenError> {
        let config = server_config(certificate, key).map_err(|reason| ListenError::Certificate {
            certificate: certificate.display().to_string(),
            key: key.display().to_string(),
            reason,
        })?;
        Ok(Self { tls: Some(TlsAcceptor::from(Arc::new(config))), ..self })
    }

    /// Takes so many connections at a time, at least one.
    #[must_use]
    pub fn with_connections(self, connections: u32) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// The address, with the port that the system chose.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stop` turns true and open requests have ended, or have had their grace. Each request carries its caller's
    /// address as [`ConnectInfo`].
    pub async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(self.connections as usize));
        loop {
            let accepting = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, self.tcp.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = accepting => accepted,
                () = turned(&mut stop) => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let (tls, router, stop) = (self.tls.clone(), router.clone(), stop.clone());
            tokio::spawn(async move {
                match tls {
                    None => serve_one(stream, peer, router, stop).await,
                    Some(tls) => {
                        // Strangers that speak no TLS are no news.
                        if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
                            serve_one(stream, peer, router, stop).await;
                        }
                    }
                }
                drop(place);
            });
        }
        // All places are free when all connections have ended; whoever is busy after its grace is cut off with the process.
        let _ = tokio::time::timeout(GRACE, places.acquire_many(self.connections)).await;
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("tcp", &self.tcp).field("tls", &self.tls.is_some()).finish()
    }
}

async fn serve_one<S>(stream: S, peer: SocketAddr, router: Router, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = pin!(connection);
    // How a connection ends is its peer's affair.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = turned(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

fn server_config(certificate: &Path, key: &Path) -> Result<ServerConfig, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let chain = CertificateDer::pem_file_iter(certificate).map_err(|error| text(&error))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|error| text(&error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| text(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| text(&error))
}
