//! What may be set about a connection.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dfsn_types::GenesisHash;
use hyper::Uri;
use jsonrpsee::http_client::HttpClientBuilder;

use super::plain::Plain;
use super::{Http, Inner, RetryPolicy, genesis_of, with_sources};
use crate::transport::TransportError;

/// The most bytes of an answer in JSON: a page of full blocks.
pub(super) const MAX_ANSWER_BYTES: u32 = 32 << 20;

/// Builds an [`Http`].
///
/// ```no_run
/// # async fn example(genesis: dfsn_types::GenesisHash) -> Result<(), Box<dyn std::error::Error>> {
/// use dfsn_client::transport::{Http, RetryPolicy};
///
/// let node = Http::builder("https://node.example.org")
///     .genesis(genesis)
///     .retry(RetryPolicy { tries: 10, ..RetryPolicy::default() })
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HttpBuilder {
    url: String,
    genesis: Option<GenesisHash>,
    policy: RetryPolicy,
    call_timeout: Duration,
}

impl HttpBuilder {
    pub(super) fn new(url: &str) -> Self {
        let call_timeout = Duration::from_secs(10);
        Self { url: url.to_owned(), genesis: None, policy: RetryPolicy::default(), call_timeout }
    }

    /// Talks to a node of this network only.
    #[must_use]
    pub const fn genesis(mut self, genesis: GenesisHash) -> Self {
        self.genesis = Some(genesis);
        self
    }

    /// How often calls are made again.
    #[must_use]
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How long one try of a call may take; 10 seconds by default. [`ClientConfig::call_timeout`](crate::ClientConfig::call_timeout)
    /// bounds all tries together.
    #[must_use]
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Asks the node which network it is of.
    ///
    /// # Errors
    /// [`TransportError::Url`], [`TransportError::OtherNetwork`], or another when the node gives no answer.
    pub async fn connect(self) -> Result<Http, TransportError> {
        let Self { url, genesis: expected, policy, call_timeout } = self;
        let base = check_url(&url)?;
        let wrong = |reason: String| TransportError::Url { url: url.clone(), reason };
        let rpc = HttpClientBuilder::default()
            .request_timeout(call_timeout)
            .max_response_size(MAX_ANSWER_BYTES)
            .build(&base)
            .map_err(|error| wrong(with_sources(&error)))?;
        let (genesis, height) = policy.retry(|| genesis_of(&rpc)).await?;
        if let Some(expected) = expected.filter(|expected| *expected != genesis) {
            return Err(TransportError::OtherNetwork { actual: genesis, expected });
        }
        let plain = Plain::new(&base).map_err(wrong)?;
        // `http` becomes `ws`, `https` `wss`.
        let socket_url = base.replacen("http", "ws", 1);
        Ok(Http(Arc::new(Inner {
            rpc,
            plain,
            socket_url,
            genesis,
            policy,
            call_timeout,
            seen: AtomicU64::new(height.get()),
            following: Mutex::default(),
        })))
    }
}

/// The URL without a slash at its end.
fn check_url(url: &str) -> Result<String, TransportError> {
    let wrong = |reason: &str| TransportError::Url { url: url.to_owned(), reason: reason.to_owned() };
    let uri: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(wrong("it begins with neither http:// nor https://")),
    }
    if uri.query().is_some() {
        return Err(wrong("it has a query"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}
