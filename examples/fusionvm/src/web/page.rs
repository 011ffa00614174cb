//! The web page of a node: the files that `cargo xtask webapp` builds, and what a browser is told about them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::services::{ServeDir, ServeFile};

use super::card::card;
use crate::error::NodeError;
use crate::node::NodeHandle;

/// What the page may do. It loads nothing from elsewhere and talks to nobody but its node; `data:` are the pictures that wallets
/// give of themselves, `blob:` those that it makes.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' blob: data:; connect-src 'self' ws: wss:; worker-src 'self'; font-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types dfsn";

/// A folder with a page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    folder: PathBuf,
    index: PathBuf,
    text: Arc<str>,
}

impl Page {
    /// The page of a folder.
    ///
    /// # Errors
    /// [`NodeError::Page`] when there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, NodeError> {
        let index = folder.join("index.html");
        match std::fs::read_to_string(&index) {
            Ok(text) => Ok(Self { folder: folder.to_owned(), index, text: text.into() }),
            Err(_) => Err(NodeError::Page(folder.to_owned())),
        }
    }

    /// Answers what is no path of the API: a file of the page, or the page itself, which reads the path.
    pub(super) fn router(self, node: NodeHandle) -> Router {
        let files = ServeDir::new(&self.folder).precompressed_gzip().fallback(ServeFile::new(self.index));
        let cards = Router::new().route("/p/{job}/{image}", get(card)).with_state((node, self.text));
        cards.fallback_service(files).layer(from_fn(protect))
    }
}

/// Whether a browser wants to see something: anything else at `/` is a call.
pub(crate) fn is_visit(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::GET && !headers.contains_key("upgrade")
}

/// Adds what keeps a browser from doing what the page does not mean.
async fn protect(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::NOT_FOUND, "no such path: JSON-RPC is at /\n").into_response();
    }
    let mut response = next.run(request).await;
    let kept = if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (CACHE_CONTROL, kept),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), payment=()",
        ),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
