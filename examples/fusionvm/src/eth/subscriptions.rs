//! `eth_subscribe`: headers and logs of accepted blocks, each once and in order.

use alloy_rpc_types_eth::Filter;
use alloy_rpc_types_eth::pubsub::{Params, SubscriptionKind};
use dfsn_client::transport::{BlockName, Notification, Subscription, Transport};
use dfsn_types::BlockHeight;
use jsonrpsee::core::SubscriptionResult;
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::{PendingSubscriptionSink, SubscriptionMessage};
use serde_json::value::to_raw_value;
use tokio::sync::broadcast::error::RecvError;

use super::answers::Eth;
use super::error::invalid;
use super::view::BlockView;

/// What is told of each block.
enum Wanted {
    Heads,
    Logs(Box<Filter>),
}

impl Wanted {
    fn new(kind: SubscriptionKind, params: Option<Params>) -> Result<Self, ErrorObjectOwned> {
        match (kind, params.unwrap_or_default()) {
            (SubscriptionKind::NewHeads, Params::None) => Ok(Self::Heads),
            (SubscriptionKind::Logs, Params::None) => Ok(Self::Logs(Box::default())),
            (SubscriptionKind::Logs, Params::Logs(filter)) => Ok(Self::Logs(filter)),
            (SubscriptionKind::NewHeads | SubscriptionKind::Logs, _) => {
                Err(invalid("invalid parameters: newHeads takes none, logs a filter"))
            }
            _ => Err(invalid("unsupported subscription: newHeads and logs are there")),
        }
    }

    fn messages(&self, view: &BlockView) -> Result<Vec<SubscriptionMessage>, serde_json::Error> {
        match self {
            Self::Heads => Ok(vec![to_raw_value(&view.header())?.into()]),
            Self::Logs(filter) => {
                view.logs_for(filter).iter().map(|log| Ok(to_raw_value(log)?.into())).collect()
            }
        }
    }
}

/// Tells until the subscriber or the node is gone.
pub(super) async fn follow(
    eth: &Eth,
    pending: PendingSubscriptionSink,
    kind: SubscriptionKind,
    params: Option<Params>,
) -> SubscriptionResult {
    let wanted = match Wanted::new(kind, params) {
        Ok(wanted) => wanted,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    let mut heights = Heights::new(eth);
    let sink = pending.accept().await?;
    loop {
        let next = tokio::select! {
            next = heights.next() => next,
            () = sink.closed() => return Ok(()),
        };
        let Some(height) = next else { return Ok(()) };
        let Ok(Some(view)) = eth.view(BlockName::Height(height)).await else { return Ok(()) };
        for message in wanted.messages(&view)? {
            // Waits for a slow subscriber; what it misses meanwhile is read from the chain.
            if sink.send(message).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Heights of blocks as they are accepted, without a gap.
struct Heights {
    live: Subscription,
    next: BlockHeight,
    last: BlockHeight,
}

impl Heights {
    fn new(eth: &Eth) -> Self {
        let live = eth.node.subscribe();
        let last = eth.node.state().tip.height;
        Self { live, next: last.next(), last }
    }

    /// The next one; nothing once the node is gone.
    async fn next(&mut self) -> Option<BlockHeight> {
        while self.next > self.last {
            match self.live.recv().await {
                Ok(notification) => {
                    if let Notification::Block { height, .. } = &*notification {
                        self.last = self.last.max(*height);
                    }
                }
                // The next block says how many were missed.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
        let height = self.next;
        self.next = height.next();
        Some(height)
    }
}
