//! A node behind a URL.

mod builder;
mod calls;
mod follower;
mod https;
mod plain;
mod retry;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dfsn_types::{Address, BlockHeight, GenesisHash, TransactionId};
use jsonrpsee::core::ClientError;
use jsonrpsee::http_client::HttpClient;

pub use builder::HttpBuilder;
pub use retry::RetryPolicy;

use super::TransportError;
use crate::api::{DfsnApiClient, read_error};
use follower::Following;
pub(crate) use https::{HttpsClient, https_client};
use plain::Plain;

/// A node behind a URL, by the API of [`crate::api`]. Clones share connections and subscription.
///
/// Calls go over HTTP and are made again when the node is not reached, with growing pauses; that is safe for a transaction, too,
/// whose id is its key. Subscriptions share one WebSocket, which is opened with the first: after a break it goes on from the block
/// where it was, so that no block is missed. They close when the node stays away ([`RetryPolicy::give_up`]).
///
/// ```no_run
/// # async fn example(key: dfsn_types::SecretKey) -> Result<(), Box<dyn std::error::Error>> {
/// use dfsn_client::{Client, transport::Http};
///
/// let node = Http::connect("http://127.0.0.1:9750").await?;
/// let client = Client::new(node, key);
/// println!("{}", client.account(client.address()).await?.balance);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Http(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rpc: HttpClient,
    plain: Plain,
    socket_url: String,
    genesis: GenesisHash,
    policy: RetryPolicy,
    call_timeout: Duration,
    /// The highest block that an answer knew of.
    seen: AtomicU64,
    following: Mutex<Option<Following>>,
}

impl Http {
    /// Connects with default patience: asks the node which network it is of.
    ///
    /// # Errors
    /// [`TransportError::Url`], or another when the node gives no answer.
    pub async fn connect(url: &str) -> Result<Self, TransportError> {
        Self::builder(url).connect().await
    }

    /// Sets patience and the expected network first.
    pub fn builder(url: &str) -> HttpBuilder {
        HttpBuilder::new(url)
    }

    /// The network's name.
    pub fn genesis(&self) -> GenesisHash {
        self.0.genesis
    }

    /// Asks for coins, where the node gives some away; they are there when this returns.
    ///
    /// # Errors
    /// [`TransportError::Busy`] when the account has had its share for the moment, [`TransportError::Unsupported`] without a faucet.
    pub async fn ask_faucet(&self, address: Address) -> Result<TransactionId, TransportError> {
        self.0.plain.faucet(address).await
    }

    /// Makes a call, and again while the node is not reached.
    async fn call<R, F>(&self, ask: impl Fn(HttpClient) -> F + Send + Sync) -> Result<R, TransportError>
    where
        F: Future<Output = Result<R, ClientError>> + Send,
    {
        self.0.policy.retry(|| async { ask(self.0.rpc.clone()).await.map_err(read_client_error) }).await
    }

    /// Waits until subscribers have been told of this block: an answer that knows of it must not come before.
    async fn caught_up(&self, height: BlockHeight) {
        self.0.seen.fetch_max(height.get(), Ordering::Relaxed);
        let told = self.lock().as_ref().and_then(Following::told);
        if let Some(mut told) = told {
            let reached = told.wait_for(|told| *told >= height.get());
            // A follower that is cut off catches up later, and its subscribers are late, not wrong.
            let _ = tokio::time::timeout(self.0.call_timeout, reached).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Following>> {
        // It holds one value, which is replaced as a whole.
        self.0.following.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_client_error(error: ClientError) -> TransportError {
    match error {
        ClientError::Call(error) => read_error(&error),
        ClientError::RequestTimeout => TransportError::Unreachable("no answer in time".to_owned()),
        ClientError::ParseError(error) => TransportError::Misfit(error.to_string()),
        ClientError::InvalidRequestId(error) => TransportError::Misfit(error.to_string()),
        other => TransportError::Unreachable(with_sources(&other)),
    }
}

/// An error and what is behind it, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// How far the node is, over any kind of connection.
async fn genesis_of(client: &impl DfsnApiClient) -> Result<(GenesisHash, BlockHeight), TransportError> {
    let status = client.syncing().await.map_err(read_client_error)?;
    Ok((status.genesis, status.height))
}
