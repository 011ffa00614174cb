//! The WebSocket that all subscriptions of one transport share.

use std::sync::Arc;

use dfsn_types::{BlockHeight, GenesisHash};
use jsonrpsee::core::client::Subscription as SocketSubscription;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use tokio::sync::{broadcast, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::builder::MAX_ANSWER_BYTES;
use super::{Inner, RetryPolicy, genesis_of};
use crate::api::DfsnApiClient;
use crate::transport::{Notification, Subscription};

/// Notifications that a slow subscriber may be behind.
const NOTIFICATIONS_MAX: usize = 4_096;
/// The same of the socket's task behind the node.
const SOCKET_BUFFER: usize = 1_024;

/// A follower that runs, or has given up; it ends with its transport.
#[derive(Debug)]
pub(super) struct Following {
    notifications: broadcast::WeakSender<Arc<Notification>>,
    told: watch::Receiver<u64>,
    task: AbortHandle,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Following {
    /// Follows from a block on, in a task of its own.
    pub(super) fn start(inner: &Inner, from: BlockHeight) -> (Self, Subscription) {
        let (notifications, subscription) = broadcast::channel(NOTIFICATIONS_MAX);
        let (told, told_to) = watch::channel(from.get().saturating_sub(1));
        let weak = notifications.downgrade();
        let follower = Follower {
            url: inner.socket_url.clone(),
            genesis: inner.genesis,
            policy: inner.policy,
            timeout: inner.call_timeout,
            next: from,
            notifications,
            told,
        };
        let task = tokio::spawn(follower.run()).abort_handle();
        (Self { notifications: weak, told: told_to, task }, subscription)
    }

    /// Another subscription, while the follower runs.
    pub(super) fn subscribe(&self) -> Option<Subscription> {
        Some(self.notifications.upgrade()?.subscribe())
    }

    /// The last block told to somebody who listens.
    pub(super) fn told(&self) -> Option<watch::Receiver<u64>> {
        let listens = self.notifications.upgrade().is_some_and(|sender| sender.receiver_count() > 0);
        listens.then(|| self.told.clone())
    }
}

struct Follower {
    url: String,
    genesis: GenesisHash,
    policy: RetryPolicy,
    timeout: std::time::Duration,
    next: BlockHeight,
    notifications: broadcast::Sender<Arc<Notification>>,
    told: watch::Sender<u64>,
}

impl Follower {
    /// Ends, and closes all subscriptions, when the node stays away or has become one of another network.
    async fn run(mut self) {
        let (mut failures, mut last_seen) = (0, Instant::now());
        loop {
            // The client is the socket: it lives as long as its subscription is read.
            if let Ok((_client, mut socket)) = self.connect().await {
                failures = 0;
                while let Some(Ok(notification)) = socket.next().await {
                    self.tell(notification);
                }
                last_seen = Instant::now();
            }
            if last_seen.elapsed() >= self.policy.give_up {
                return;
            }
            tokio::time::sleep(self.policy.pause(failures)).await;
            failures += 1;
        }
    }

    async fn connect(
        &self,
    ) -> Result<(WsClient, SocketSubscription<Notification>), jsonrpsee::core::ClientError> {
        let client = WsClientBuilder::default()
            .connection_timeout(self.timeout)
            .request_timeout(self.timeout)
            .max_response_size(MAX_ANSWER_BYTES)
            .max_buffer_capacity_per_subscription(SOCKET_BUFFER)
            .build(&self.url)
            .await?;
        match genesis_of(&client).await {
            Ok((genesis, _)) if genesis == self.genesis => {}
            _ => return Err(jsonrpsee::core::ClientError::Custom("another network".to_owned())),
        }
        let socket = client.follow(Some(self.next), None).await?;
        Ok((client, socket))
    }

    fn tell(&mut self, notification: Notification) {
        let height = match &notification {
            Notification::Block { height, .. } if *height < self.next => return,
            Notification::Block { height, .. } => Some(*height),
            Notification::Progress { .. } | Notification::Preview { .. } => None,
        };
        // There may be no listener at the moment.
        let _ = self.notifications.send(Arc::new(notification));
        if let Some(height) = height {
            self.next = height.next();
            self.told.send_replace(height.get());
        }
    }
}
