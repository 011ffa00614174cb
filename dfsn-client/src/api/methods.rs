//! The node's end.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use dfsn_types::{
    Address, BlockHeight, GenerationParams, JobId, SignedCheckpoint, SignedHeader, TransactionId,
    TransactionKind,
};
use jsonrpsee::core::SubscriptionResult;
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::{PendingSubscriptionSink, RpcModule, SubscriptionMessage};
use serde_json::value::to_raw_value;
use tokio::sync::broadcast::error::RecvError;

use super::error::write_error;
use super::wire::MAX_SUBMITTED;
use super::{DfsnApiServer, ProofAnswer, ProofQuestion, RawTransaction, Submitted};
use crate::transport::{Notification, Shown, Subscription, Transport, TransportError};
use crate::view::{
    AccountInfo, BlockInfo, HistoryPage, HistoryQuery, JobInfo, JobPage, JobQuery, NetworkInfo, Preview,
    Quote, ReceiptInfo, SyncStatus, ValidatorInfo,
};

/// The methods of the API, answered through a transport: that of a node in this process, or of another node. Limits of bodies,
/// connections and subscriptions are those of the server that they are given to.
pub fn methods<T: Transport + 'static>(transport: T) -> RpcModule<()> {
    let mut module = RpcModule::new(());
    let merged = module.merge(Methods(Arc::new(transport)).into_rpc());
    debug_assert!(merged.is_ok(), "an empty module has no method of the same name");
    module
}

#[derive(Debug)]
struct Methods<T>(Arc<T>);

impl<T: Transport> Methods<T> {
    /// The height is asked for afterwards, so that it is not below that of the answer: who has seen its block has seen all that the
    /// answer knows of.
    async fn shown<A>(&self, answer: A) -> Result<Shown<A>, ErrorObjectOwned> {
        let height = self.0.sync_status().await.map_err(write_error)?.height;
        Ok(Shown { height, answer })
    }

    async fn submit(&self, raw: &RawTransaction) -> Result<TransactionId, TransportError> {
        let transaction = raw.decode().map_err(|error| TransportError::Refused(format!("TX-01: {error}")))?;
        let id = transaction.id();
        match self.0.submit(transaction).await {
            // It was sent before.
            Err(TransportError::Refused(reason)) if reason.starts_with("MEM-01") => Ok(id),
            Err(refused @ TransportError::Refused(_)) => match self.0.receipt(id).await {
                Ok(Some(_)) => Ok(id),
                _ => Err(refused),
            },
            sent => sent,
        }
    }
}

#[async_trait]
impl<T: Transport + 'static> DfsnApiServer for Methods<T> {
    async fn network(&self) -> Result<NetworkInfo, ErrorObjectOwned> {
        self.0.network().await.map_err(write_error)
    }

    async fn syncing(&self) -> Result<SyncStatus, ErrorObjectOwned> {
        self.0.sync_status().await.map_err(write_error)
    }

    async fn get_account(&self, address: Address) -> Result<Shown<AccountInfo>, ErrorObjectOwned> {
        let account = self.0.account(address).await.map_err(write_error)?;
        self.shown(account).await
    }

    async fn get_job(&self, id: JobId) -> Result<Shown<Option<JobInfo>>, ErrorObjectOwned> {
        let job = self.0.job(id).await.map_err(write_error)?;
        self.shown(job).await
    }

    async fn get_jobs(&self, query: Option<JobQuery>) -> Result<JobPage, ErrorObjectOwned> {
        self.0.jobs(query.unwrap_or_default()).await.map_err(write_error)
    }

    async fn get_block(&self, height: BlockHeight) -> Result<Option<BlockInfo>, ErrorObjectOwned> {
        let blocks = self.0.blocks(height).await.map_err(write_error)?;
        Ok(blocks.into_iter().next().filter(|block| block.height() == height))
    }

    async fn get_blocks(&self, from: BlockHeight) -> Result<Vec<BlockInfo>, ErrorObjectOwned> {
        self.0.blocks(from).await.map_err(write_error)
    }

    async fn get_headers(&self, from: BlockHeight) -> Result<Vec<SignedHeader>, ErrorObjectOwned> {
        self.0.headers(from).await.map_err(write_error)
    }

    async fn get_checkpoint(&self) -> Result<Option<SignedCheckpoint>, ErrorObjectOwned> {
        self.0.checkpoint().await.map_err(write_error)
    }

    async fn get_receipt(&self, id: TransactionId) -> Result<Option<ReceiptInfo>, ErrorObjectOwned> {
        self.0.receipt(id).await.map_err(write_error)
    }

    async fn get_history(&self, query: HistoryQuery) -> Result<HistoryPage, ErrorObjectOwned> {
        self.0.history(query).await.map_err(write_error)
    }

    async fn get_validators(&self) -> Result<Vec<ValidatorInfo>, ErrorObjectOwned> {
        self.0.validators().await.map_err(write_error)
    }

    async fn quote(&self, params: GenerationParams) -> Result<Option<Quote>, ErrorObjectOwned> {
        self.0.quote(params).await.map_err(write_error)
    }

    async fn preview(&self, sender: Address, kind: TransactionKind) -> Result<Preview, ErrorObjectOwned> {
        self.0.preview(sender, kind).await.map_err(write_error)
    }

    async fn get_proof(&self, question: ProofQuestion) -> Result<ProofAnswer, ErrorObjectOwned> {
        let answer = match question {
            ProofQuestion::Account(address) => self.0.prove_account(address).await.map(ProofAnswer::Account),
            ProofQuestion::Job(id) => {
                self.0.prove_job(id).await.map(|answer| ProofAnswer::Job(Box::new(answer)))
            }
            ProofQuestion::Receipt { height, id } => {
                self.0.prove_receipt(height, id).await.map(ProofAnswer::Receipt)
            }
        };
        answer.map_err(write_error)
    }

    async fn submit_transaction(
        &self,
        transaction: RawTransaction,
    ) -> Result<TransactionId, ErrorObjectOwned> {
        self.submit(&transaction).await.map_err(write_error)
    }

    async fn submit_transactions(
        &self,
        transactions: Vec<RawTransaction>,
    ) -> Result<Vec<Submitted>, ErrorObjectOwned> {
        if transactions.len() > MAX_SUBMITTED {
            let reason =
                format!("{} transactions in one call, {MAX_SUBMITTED} are taken", transactions.len());
            return Err(write_error(TransportError::Refused(reason)));
        }
        let mut submitted = Vec::with_capacity(transactions.len());
        for transaction in &transactions {
            submitted.push(match self.submit(transaction).await {
                Ok(id) => Submitted::Accepted(id),
                Err(TransportError::Refused(reason)) => Submitted::Refused(reason),
                Err(error) => return Err(write_error(error)),
            });
        }
        Ok(submitted)
    }

    async fn follow(
        &self,
        pending: PendingSubscriptionSink,
        from: Option<BlockHeight>,
        job: Option<JobId>,
    ) -> SubscriptionResult {
        let mut feed = Feed::new(Arc::clone(&self.0), from);
        let sink = pending.accept().await?;
        loop {
            let next = tokio::select! {
                next = feed.next() => next,
                () = sink.closed() => return Ok(()),
            };
            // The subscription ends when the node does, or cannot read its store.
            let Some(notification) = next else { return Ok(()) };
            let Some(notification) = concerning(notification, job) else { continue };
            let message = SubscriptionMessage::from(to_raw_value(&*notification)?);
            // Waits for a slow subscriber; what it misses meanwhile is read from the store.
            if sink.send(message).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// What of a notification concerns a job, if it is asked for one.
fn concerning(notification: Arc<Notification>, job: Option<JobId>) -> Option<Arc<Notification>> {
    let Some(asked) = job else { return Some(notification) };
    match &*notification {
        Notification::Progress { job, .. } | Notification::Preview { job, .. } => {
            (*job == asked).then_some(notification)
        }
        Notification::Block { height, events, .. } => {
            let events: Vec<_> = events.iter().filter(|event| event.job() == Some(asked)).cloned().collect();
            let block = Notification::Block { height: *height, receipts: Vec::new(), events };
            let Notification::Block { events, .. } = &block else { return None };
            (!events.is_empty()).then(|| Arc::new(block))
        }
    }
}

/// Notifications without a gap between blocks: what live ones lack is read from the chain.
struct Feed<T> {
    transport: Arc<T>,
    live: Subscription,
    /// The next block to tell; nothing before the first when no height was asked for.
    next: Option<BlockHeight>,
    /// Read from the chain and not told yet.
    read: VecDeque<BlockInfo>,
    /// Whether the chain may hold blocks that are neither told nor in `read`.
    is_behind: bool,
}

impl<T: Transport> Feed<T> {
    fn new(transport: Arc<T>, from: Option<BlockHeight>) -> Self {
        let live = transport.subscribe();
        Self { transport, live, next: from, read: VecDeque::new(), is_behind: from.is_some() }
    }

    async fn next(&mut self) -> Option<Arc<Notification>> {
        loop {
            if let Some(block) = self.read.pop_front() {
                let height = block.height();
                self.next = Some(height.next());
                let (receipts, events) = (block.receipts, block.events);
                return Some(Arc::new(Notification::Block { height, receipts, events }));
            }
            if self.is_behind {
                let next = self.next?;
                self.read = self.transport.blocks(next).await.ok()?.into();
                self.is_behind = !self.read.is_empty();
                continue;
            }
            match self.live.recv().await {
                Ok(notification) => {
                    if let Notification::Block { height, .. } = &*notification {
                        if self.next.is_some_and(|next| *height < next) {
                            continue;
                        }
                        if self.next.is_some_and(|next| *height > next) {
                            self.is_behind = true;
                            continue;
                        }
                        self.next = Some(height.next());
                    }
                    return Some(notification);
                }
                // Before the first block there is nothing to go on from, and nothing was promised.
                Err(RecvError::Lagged(_)) => self.is_behind = self.next.is_some(),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
