//! The client of one account.

use std::sync::Arc;

use dfsn_types::{
    Address, Amount, Boundary, FileHash, GenerationParams, GenerationRequest, JobId, TransactionId,
    TransactionKind,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::job::PendingJob;
use crate::key::ClientKey;
use crate::picture::{self, Download, Picture};
use crate::sending::{SendStage, Unsettled};
use crate::transport::{Transport, TransportError};
use crate::view::{AccountInfo, JobInfo, NetworkInfo, Preview, Quote};

/// The most bytes of a preview.
const PREVIEW_BYTES_MAX: u32 = 1 << 20;

/// Speaks to a node on behalf of one key. Clones share the account, so their transactions do not collide.
///
/// Every method must be called in a tokio runtime with its timer: each wait has a bound, which [`ClientConfig`] sets.
#[derive(Debug)]
pub struct Client<T> {
    inner: Arc<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    transport: T,
    key: ClientKey,
    address: Address,
    config: ClientConfig,
    /// Held while a transaction goes from nonce to mempool to block.
    unsettled: Mutex<Option<Unsettled>>,
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T: Transport> Client<T> {
    /// A client of the account that belongs to `key`, a native one or one of an Ethereum wallet.
    pub fn new(transport: T, key: impl Into<ClientKey>) -> Self {
        Self::with_config(transport, key, ClientConfig::default())
    }

    /// A client that waits and pays as told.
    pub fn with_config(transport: T, key: impl Into<ClientKey>, config: ClientConfig) -> Self {
        let key = key.into();
        let address = key.address();
        Self { inner: Arc::new(Inner { transport, key, address, config, unsettled: Mutex::new(None) }) }
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
        self.ask(self.inner.transport.network()).await
    }

    /// Any account.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer.
    pub async fn account(&self, address: Address) -> Result<AccountInfo, ClientError> {
        self.ask(self.inner.transport.account(address)).await
    }

    /// A job.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer or knows no such job.
    pub async fn job(&self, id: JobId) -> Result<JobInfo, ClientError> {
        self.ask(self.inner.transport.job(id)).await?.ok_or(ClientError::UnknownJob(id))
    }

    /// What a request would cost now.
    ///
    /// # Errors
    /// [`ClientError::NoWorker`] when nobody serves it.
    pub async fn quote(&self, params: &GenerationParams) -> Result<Quote, ClientError> {
        self.ask(self.inner.transport.quote(params.clone())).await?.ok_or(ClientError::NoWorker)
    }

    /// What a transaction of this account would move, or by which rule it would fail.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer.
    pub async fn preview(&self, kind: &TransactionKind) -> Result<Preview, ClientError> {
        self.ask(self.inner.transport.preview(self.inner.address, kind.clone())).await
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
        self.generate_watched(request, |_| {}).await
    }

    /// As [`Self::generate`], and tells `watch` when the request is signed and when the node has it.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses the request or it fails.
    pub async fn generate_watched(
        &self,
        request: GenerationRequest,
        mut watch: impl FnMut(SendStage) + Send,
    ) -> Result<PendingJob<T>, ClientError> {
        let mut turn = self.turn().await;
        // Before the request, so that its first event is not missed.
        let subscription = self.inner.transport.subscribe();
        let images = request.params.num_images();
        let kind = TransactionKind::GenerationRequest(Box::new(request));
        let sent = self.send_in_turn(&mut turn, kind, &mut watch).await;
        let id = match sent {
            // The receipt was missed, but the job is there.
            Err(ClientError::OutcomeUnknown { id, .. }) if self.job(id.job_id()).await.is_ok() => id,
            sent => sent?,
        };
        drop(turn);
        Ok(PendingJob::new(self.clone(), id.job_id(), images, subscription))
    }

    /// Follows a job that is under way, this account's or another's: after a restart, or from a link. Its first event is
    /// [`JobEvent::Missed`](crate::JobEvent::Missed), where it stands now.
    ///
    /// # Errors
    /// [`ClientError`] when the node gives no answer or knows no such job.
    pub async fn follow(&self, id: JobId) -> Result<PendingJob<T>, ClientError> {
        // Before the question, so that nothing falls between.
        let subscription = self.inner.transport.subscribe();
        let info = self.job(id).await?;
        Ok(PendingJob::new(self.clone(), id, info.params.num_images(), subscription).joined(info))
    }

    /// Says that the pictures of a job are there; its worker is paid once the audit is over.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses it or it fails.
    pub async fn acknowledge(&self, job: JobId) -> Result<TransactionId, ClientError> {
        self.send(TransactionKind::Receipt { job }).await
    }

    /// Takes a request back that no worker has accepted; the price comes back, less the network's fee for it.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses it or it fails: somebody has accepted, or the job is another's.
    pub async fn cancel(&self, job: JobId) -> Result<TransactionId, ClientError> {
        self.send(TransactionKind::CancelRequest { job }).await
    }

    /// Asks for another audit of a result, for a deposit that comes back when the audit finds it wrong.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses it or it fails: too late, asked before, or the job is another's.
    pub async fn request_audit(&self, job: JobId) -> Result<TransactionId, ClientError> {
        self.send(TransactionKind::RequestAudit { job }).await
    }

    /// Fetches the committed pictures of a job and checks each: length, file hash, form, size asked for, pixel hash. No file over
    /// its committed length is taken.
    ///
    /// # Errors
    /// [`ClientError`] when there is no result, a file is missing, or one is not what was committed and asked for.
    pub async fn fetch(&self, job: &JobInfo) -> Result<Vec<Picture>, ClientError> {
        self.fetch_watched(job, |_| {}).await
    }

    /// As [`Self::fetch`], and tells `watch` how much of which file has come.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn fetch_watched(
        &self,
        job: &JobInfo,
        mut watch: impl FnMut(Download) + Send,
    ) -> Result<Vec<Picture>, ClientError> {
        let commitment = job.commitment.as_ref().ok_or(ClientError::NoResult(job.id))?;
        if let Some(Boundary { image, t }) = commitment.failed() {
            let (job, steps) = (job.id, job.params.executed_steps());
            return Err(ClientError::PictureFailed { job, image, boundary: t, steps });
        }
        let mut pictures = Vec::with_capacity(commitment.images.len());
        for (index, image) in commitment.pictures() {
            let bytes_max = picture::file_bytes_max(image)?;
            let mut came = |bytes| watch(Download { image: index, bytes, of: bytes_max });
            let file = self.ask(self.inner.transport.blob_watched(image.file, bytes_max, &mut came)).await?;
            let picture = Picture::check(file.ok_or(ClientError::FileMissing(image.file))?, image)?;
            let (expected_height, expected_width) = (job.params.height(), job.params.width());
            let Picture { height, width, .. } = picture;
            if (height, width) != (expected_height, expected_width) {
                let (job, file) = (job.id, image.file);
                return Err(ClientError::WrongSize {
                    job,
                    file,
                    height,
                    width,
                    expected_height,
                    expected_width,
                });
            }
            pictures.push(picture);
        }
        Ok(pictures)
    }

    /// A preview of at most [`PREVIEW_BYTES_MAX`] bytes.
    pub(crate) async fn fetch_preview(&self, file: FileHash) -> Result<Vec<u8>, ClientError> {
        let bytes = self.ask(self.inner.transport.blob(file, PREVIEW_BYTES_MAX)).await?;
        let bytes = bytes.ok_or(ClientError::FileMissing(file))?;
        let actual = FileHash::of(&bytes);
        if actual == file { Ok(bytes) } else { Err(ClientError::FileMismatch { actual, expected: file }) }
    }

    /// Waits for an answer, but not for ever.
    pub(crate) async fn ask<R>(
        &self,
        answer: impl Future<Output = Result<R, TransportError>>,
    ) -> Result<R, ClientError> {
        let waited = self.inner.config.call_timeout;
        match tokio::time::timeout(waited, answer).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(ClientError::NoAnswer { waited }),
        }
    }

    /// The right to send, and what became of the last transaction if the client does not know.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, Option<Unsettled>> {
        self.inner.unsettled.lock().await
    }

    pub(crate) fn transport(&self) -> &T {
        &self.inner.transport
    }

    pub(crate) fn key(&self) -> &ClientKey {
        &self.inner.key
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.inner.config
    }
}
