//! The client of one account.

use std::sync::Arc;

use dfsn_consensus::gas;
use dfsn_types::{
    Address, Amount, ChainIdentity, GenerationParams, GenerationRequest, JobId, SecretKey, Transaction,
    TransactionId, TransactionKind, TransactionStatus,
};
use tokio::sync::Mutex;
use tokio::sync::broadcast::error::RecvError;

use crate::error::ClientError;
use crate::job::PendingJob;
use crate::picture::Picture;
use crate::transport::{Notification, Subscription, Transport, TransportError};
use crate::view::{AccountInfo, JobInfo, NetworkInfo, Quote};

/// Speaks to a node on behalf of one key. Clones share the account, so their transactions do not collide.
#[derive(Debug)]
pub struct Client<T> {
    inner: Arc<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    transport: T,
    key: SecretKey,
    address: Address,
    /// Held while a transaction goes from nonce to mempool to block.
    sending: Mutex<()>,
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T: Transport> Client<T> {
    /// A client of the account that belongs to `key`.
    pub fn new(transport: T, key: SecretKey) -> Self {
        let address = Address::from_public_key(&key.public_key());
        Self { inner: Arc::new(Inner { transport, key, address, sending: Mutex::new(()) }) }
    }

    /// The account.
    pub fn address(&self) -> Address {
        self.inner.address
    }

    /// The network, as this node tells it.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer.
    pub async fn network(&self) -> Result<NetworkInfo, ClientError> {
        Ok(self.inner.transport.network().await?)
    }

    /// Any account.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer.
    pub async fn account(&self, address: Address) -> Result<AccountInfo, ClientError> {
        Ok(self.inner.transport.account(address).await?)
    }

    /// A job.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer or knows no such job.
    pub async fn job(&self, id: JobId) -> Result<JobInfo, ClientError> {
        self.inner.transport.job(id).await?.ok_or(ClientError::UnknownJob(id))
    }

    /// What a request would cost now.
    ///
    /// # Errors
    /// [`ClientError::NoWorker`] when nobody serves it.
    pub async fn quote(&self, params: &GenerationParams) -> Result<Quote, ClientError> {
        self.inner.transport.quote(params.clone()).await?.ok_or(ClientError::NoWorker)
    }

    /// Moves money to another account and waits until a block has it.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses it or it fails.
    pub async fn transfer(&self, to: Address, amount: Amount) -> Result<TransactionId, ClientError> {
        self.send(TransactionKind::Transfer { to, amount }).await
    }

    /// Asks for pictures, and follows the job from its first event on.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses the request or it fails.
    pub async fn generate(&self, request: GenerationRequest) -> Result<PendingJob<T>, ClientError> {
        let subscription = self.inner.transport.subscribe();
        let id = self.send(TransactionKind::GenerationRequest(Box::new(request))).await?;
        Ok(PendingJob::new(self.clone(), id.job_id(), subscription))
    }

    /// Says that the pictures of a job are there; its worker is paid once the audit is over.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses it or it fails.
    pub async fn acknowledge(&self, job: JobId) -> Result<TransactionId, ClientError> {
        self.send(TransactionKind::Receipt { job }).await
    }

    /// Fetches the committed pictures of a job and checks their hashes.
    ///
    /// # Errors
    /// [`ClientError`] when there is no result, a file is missing, or a hash differs.
    pub async fn fetch(&self, job: &JobInfo) -> Result<Vec<Picture>, ClientError> {
        let commitment = job.commitment.as_ref().ok_or(ClientError::NoResult(job.id))?;
        let mut pictures = Vec::with_capacity(commitment.images.len());
        for image in commitment.images.iter() {
            let file =
                self.inner.transport.blob(image.file).await?.ok_or(ClientError::FileMissing(image.file))?;
            pictures.push(Picture::check(file, image)?);
        }
        Ok(pictures)
    }

    /// Signs a transaction with the account's next nonce, sends it, and waits for its receipt.
    ///
    /// # Errors
    /// [`ClientError::Transport`] when the node refuses it, [`ClientError::Failed`] when a block has it and it failed.
    pub async fn send(&self, kind: TransactionKind) -> Result<TransactionId, ClientError> {
        let _one_at_a_time = self.inner.sending.lock().await;
        let network = self.network().await?;
        let nonce = self.account(self.inner.address).await?.nonce;
        let chain = ChainIdentity { chain_id: network.chain_id, genesis: network.genesis };
        // Twice the base fee covers five blocks of the steepest rise.
        let max_fee_per_gas = network.base_fee_per_gas.checked_mul(2).ok_or(ClientError::CostOverflow)?;
        let transaction = Transaction {
            chain_id: network.chain_id,
            nonce,
            gas_limit: gas::gas_of(&kind),
            max_fee_per_gas,
            max_priority_fee_per_gas: Amount::ZERO,
            kind,
        };
        let mut blocks = self.inner.transport.subscribe();
        let id = self.inner.transport.submit(transaction.sign(&chain, &self.inner.key)).await?;
        self.await_receipt(&mut blocks, id, nonce).await
    }

    async fn await_receipt(
        &self,
        blocks: &mut Subscription,
        id: TransactionId,
        nonce: dfsn_types::Nonce,
    ) -> Result<TransactionId, ClientError> {
        loop {
            match blocks.recv().await.as_deref() {
                Ok(Notification::Block { receipts, .. }) => {
                    match receipts.iter().find(|receipt| receipt.id == id).map(|receipt| &receipt.status) {
                        Some(TransactionStatus::Succeeded) => return Ok(id),
                        Some(TransactionStatus::Failed { rule }) => {
                            return Err(ClientError::Failed { id, rule: rule.clone() });
                        }
                        None => {}
                    }
                }
                Ok(Notification::Progress { .. }) => {}
                // Too slow to see its block: the nonce tells that it is in.
                Err(RecvError::Lagged(_)) if self.account(self.inner.address).await?.nonce > nonce => {
                    return Ok(id);
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Err(TransportError::Closed.into()),
            }
        }
    }
}
