//! Requests that came to the node's own port for this chain.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt, Limited};
use tonic::{Response, Status};
use tower::ServiceExt;

use super::proto::http::http_server::Http;
use super::proto::http::{
    Element, HandleSimpleHttpRequest, HandleSimpleHttpResponse, HttpRequest, HttpResponse,
};

/// The most bytes of an answer that goes through the node.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Paths that the node passes on, below `/ext/bc/<chain>`.
pub(super) const PATHS: [&str; 6] = ["", "/eth", "/health", "/metrics", "/faucet", "/blobs/{hash}"];

/// Answers through the node's port, once the chain is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<OnceLock<Router>>);

impl Requests {
    /// Answers by this router from now on; only the first call counts.
    pub(super) fn serve(&self, router: Router) {
        let _ = self.0.set(router);
    }
}

#[tonic::async_trait]
impl Http for Requests {
    /// Upgrades and HTTP/2, of which there are none here.
    async fn handle(&self, _request: tonic::Request<HttpRequest>) -> Result<Response<HttpResponse>, Status> {
        let text = "WebSockets have a port of their own: `listen` in the chain's configuration";
        Err(Status::unimplemented(text))
    }

    async fn handle_simple(
        &self,
        request: tonic::Request<HandleSimpleHttpRequest>,
    ) -> Result<Response<HandleSimpleHttpResponse>, Status> {
        let HandleSimpleHttpRequest { method, url, request_headers, body, response_headers } =
            request.into_inner();
        let Some(router) = self.0.get() else {
            return Err(Status::unavailable("the chain is not there yet"));
        };
        let mut builder = Request::builder().method(method.as_str()).uri(path_of(&url));
        for Element { key, values } in &request_headers {
            for value in values {
                builder = builder.header(key.as_str(), value.as_str());
            }
        }
        let request = builder.body(Body::from(body));
        let request = request.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let Ok(response) = router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
        let body = body.map_err(|error| Status::internal(error.to_string()))?.to_bytes();
        let headers = merged(response_headers, &parts.headers);
        let code = parts.status.as_u16().into();
        Ok(Response::new(HandleSimpleHttpResponse { code, headers, body: body.into() }))
    }
}

/// The path behind `/ext/bc/<chain>`, with its query.
fn path_of(url: &str) -> String {
    let whole = url.parse::<Uri>().ok();
    let path = whole.as_ref().and_then(Uri::path_and_query).map_or(url, |path| path.as_str());
    let Some(rest) = path.strip_prefix("/ext/bc/") else { return path.to_owned() };
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('/') => rest[at..].to_owned(),
        Some(at) => format!("/{}", &rest[at..]),
        None => "/".to_owned(),
    }
}

/// The node replaces its headers by these, so they begin with its own.
fn merged(mut headers: Vec<Element>, own: &HeaderMap) -> Vec<Element> {
    for name in own.keys() {
        let values = own.get_all(name).iter();
        let values = values.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
        headers.retain(|header| !header.key.eq_ignore_ascii_case(name.as_str()));
        headers.push(Element { key: name.to_string(), values });
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chains_part_of_a_path_is_what_follows_its_name() {
        for (url, path) in [
            ("/ext/bc/2QAb", "/"),
            ("/ext/bc/2QAb?x=1", "/?x=1"),
            ("/ext/bc/2QAb/health", "/health"),
            ("/ext/bc/2QAb/blobs/00?x=/1", "/blobs/00?x=/1"),
            ("http://127.0.0.1:9650/ext/bc/2QAb/health", "/health"),
            ("/health", "/health"),
        ] {
            assert_eq!(path_of(url), path);
        }
    }

    #[test]
    fn the_nodes_headers_stay_where_the_answer_has_none_of_that_name() {
        let element = |key: &str, value: &str| Element { key: key.into(), values: vec![value.into()] };
        let mut own = HeaderMap::new();
        own.insert("content-type", "text/plain".parse().unwrap());
        let headers = merged(vec![element("Vary", "Origin"), element("Content-Type", "x")], &own);
        assert_eq!(headers, [element("Vary", "Origin"), element("content-type", "text/plain")]);
    }
}
