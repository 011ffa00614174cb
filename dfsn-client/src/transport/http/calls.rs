//! The transport's calls.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use dfsn_types::{
    AccountRecord, Address, BlockHeight, FileHash, GenerationParams, JobId, JobRecord, ReceiptAnswer,
    SignedCheckpoint, SignedHeader, SignedTransaction, StateAnswer, TransactionId, TransactionKind,
};

use super::Http;
use super::follower::Following;
use crate::api::{DfsnApiClient, ProofAnswer, ProofQuestion, RawTransaction};
use crate::transport::{Shown, Subscription, Transport, TransportError};
use crate::view::{
    AccountInfo, BlockInfo, HistoryPage, HistoryQuery, JobInfo, JobPage, JobQuery, NetworkInfo, Preview,
    Quote, ReceiptInfo, SyncStatus, ValidatorInfo,
};

impl Http {
    async fn proof(&self, question: ProofQuestion) -> Result<ProofAnswer, TransportError> {
        self.call(move |node| async move { node.get_proof(question).await }).await
    }

    async fn shown<A>(&self, shown: Shown<A>) -> A {
        self.caught_up(shown.height).await;
        shown.answer
    }
}

fn other_proof() -> TransportError {
    TransportError::Misfit("a proof of something else".to_owned())
}

#[async_trait]
impl Transport for Http {
    async fn network(&self) -> Result<NetworkInfo, TransportError> {
        let network = self.call(|node| async move { node.network().await }).await?;
        self.caught_up(network.height).await;
        Ok(network)
    }

    async fn account(&self, address: Address) -> Result<AccountInfo, TransportError> {
        let shown = self.call(move |node| async move { node.get_account(address).await }).await?;
        Ok(self.shown(shown).await)
    }

    async fn job(&self, id: JobId) -> Result<Option<JobInfo>, TransportError> {
        let shown = self.call(move |node| async move { node.get_job(id).await }).await?;
        Ok(self.shown(shown).await)
    }

    async fn quote(&self, params: GenerationParams) -> Result<Option<Quote>, TransportError> {
        self.call(|node| {
            let params = params.clone();
            async move { node.quote(params).await }
        })
        .await
    }

    async fn preview(&self, sender: Address, kind: TransactionKind) -> Result<Preview, TransportError> {
        self.call(|node| {
            let kind = kind.clone();
            async move { node.preview(sender, kind).await }
        })
        .await
    }

    async fn submit(&self, transaction: SignedTransaction) -> Result<TransactionId, TransportError> {
        let raw = RawTransaction::new(&transaction);
        let id = self
            .call(|node| {
                let raw = raw.clone();
                async move { node.submit_transaction(raw).await }
            })
            .await?;
        let expected = transaction.id();
        if id == expected {
            Ok(id)
        } else {
            Err(TransportError::Misfit(format!("transaction {id} for {expected}")))
        }
    }

    async fn headers(&self, from: BlockHeight) -> Result<Vec<SignedHeader>, TransportError> {
        self.call(move |node| async move { node.get_headers(from).await }).await
    }

    async fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, TransportError> {
        self.call(|node| async move { node.get_checkpoint().await }).await
    }

    async fn prove_account(
        &self,
        address: Address,
    ) -> Result<Shown<StateAnswer<AccountRecord>>, TransportError> {
        match self.proof(ProofQuestion::Account(address)).await? {
            ProofAnswer::Account(shown) => Ok(shown),
            _ => Err(other_proof()),
        }
    }

    async fn prove_job(&self, id: JobId) -> Result<Shown<StateAnswer<JobRecord>>, TransportError> {
        match self.proof(ProofQuestion::Job(id)).await? {
            ProofAnswer::Job(shown) => Ok(*shown),
            _ => Err(other_proof()),
        }
    }

    async fn prove_receipt(
        &self,
        height: BlockHeight,
        id: TransactionId,
    ) -> Result<ReceiptAnswer, TransportError> {
        match self.proof(ProofQuestion::Receipt { height, id }).await? {
            ProofAnswer::Receipt(answer) => Ok(answer),
            _ => Err(other_proof()),
        }
    }

    async fn sync_status(&self) -> Result<SyncStatus, TransportError> {
        let status = self.call(|node| async move { node.syncing().await }).await?;
        self.caught_up(status.height).await;
        Ok(status)
    }

    async fn validators(&self) -> Result<Vec<ValidatorInfo>, TransportError> {
        self.call(|node| async move { node.get_validators().await }).await
    }

    async fn jobs(&self, query: JobQuery) -> Result<JobPage, TransportError> {
        self.call(|node| {
            let query = query.clone();
            async move { node.get_jobs(Some(query)).await }
        })
        .await
    }

    async fn blocks(&self, from: BlockHeight) -> Result<Vec<BlockInfo>, TransportError> {
        self.call(move |node| async move { node.get_blocks(from).await }).await
    }

    async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, TransportError> {
        self.call(move |node| async move { node.get_history(query).await }).await
    }

    async fn receipt(&self, id: TransactionId) -> Result<Option<ReceiptInfo>, TransportError> {
        let receipt = self.call(move |node| async move { node.get_receipt(id).await }).await?;
        if let Some(receipt) = &receipt {
            self.caught_up(receipt.height).await;
        }
        Ok(receipt)
    }

    async fn blob(&self, hash: FileHash, bytes_max: u32) -> Result<Option<Vec<u8>>, TransportError> {
        self.blob_watched(hash, bytes_max, &mut |_| {}).await
    }

    async fn blob_watched(
        &self,
        hash: FileHash,
        bytes_max: u32,
        came: &mut (dyn FnMut(u32) + Send),
    ) -> Result<Option<Vec<u8>>, TransportError> {
        // One try at a time tells.
        let came = Mutex::new(came);
        let tell = |bytes| came.lock().unwrap_or_else(PoisonError::into_inner)(bytes);
        self.0.policy.retry(|| self.0.plain.file(hash, bytes_max, &tell)).await
    }

    fn subscribe(&self) -> Subscription {
        let mut following = self.lock();
        if let Some(subscription) = following.as_ref().and_then(Following::subscribe) {
            return subscription;
        }
        let from = self.0.seen.load(Ordering::Relaxed).saturating_add(1);
        let (new, subscription) = Following::start(&self.0, BlockHeight::new(from));
        *following = Some(new);
        subscription
    }
}
