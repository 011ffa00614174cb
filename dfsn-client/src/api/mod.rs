//! The API of a node: JSON-RPC 2.0 over HTTP, and over WebSocket with a subscription. Methods are named `dfsn_getAccount` and so on.
//!
//! Both ends come from one trait, `DfsnApi`, with a half each ([`DfsnApiClient`]): [`crate::transport::Http`] is its client,
//! [`methods`] (feature `server`) serves whatever a [`Transport`](crate::transport::Transport) reaches. Values have the JSON form of dfsn-types and [`crate::view`];
//! a transaction is the hex text of its canonical bytes. Pictures are no JSON: `GET /blobs/{hash}`.

mod error;
#[cfg(feature = "server")]
mod methods;
mod wire;

pub use error::{BUSY, REFUSED, UNAVAILABLE, UNSUPPORTED};
#[cfg(feature = "server")]
pub use methods::methods;
pub use wire::{MAX_SUBMITTED, ProofAnswer, ProofQuestion, RawTransaction, Submitted};

pub(crate) use error::read_error;

use dfsn_types::{
    Address, BlockHeight, GenerationParams, JobId, SignedCheckpoint, SignedHeader, TransactionId,
    TransactionKind,
};
use jsonrpsee::proc_macros::rpc;
#[cfg_attr(
    not(feature = "server"),
    allow(unused_imports, reason = "the client's half has errors of its own")
)]
use jsonrpsee::types::ErrorObjectOwned;

use crate::transport::{Notification, Shown};
use crate::view::{
    AccountInfo, BlockInfo, HistoryPage, HistoryQuery, JobInfo, JobPage, JobQuery, NetworkInfo, Preview,
    Quote, ReceiptInfo, SyncStatus, ValidatorInfo,
};

/// What a node answers. Errors have the codes of this module and a message that begins with the rule's id where there is one.
#[cfg_attr(not(feature = "server"), rpc(client, namespace = "dfsn"))]
#[cfg_attr(feature = "server", rpc(client, server, namespace = "dfsn"))]
pub trait DfsnApi {
    /// The network: parameters, models, profiles.
    #[method(name = "network")]
    async fn network(&self) -> Result<NetworkInfo, ErrorObjectOwned>;

    /// How far the node is.
    #[method(name = "syncing")]
    async fn syncing(&self) -> Result<SyncStatus, ErrorObjectOwned>;

    /// An account, after the block of the height beside it or an earlier one.
    #[method(name = "getAccount")]
    async fn get_account(&self, address: Address) -> Result<Shown<AccountInfo>, ErrorObjectOwned>;

    /// A job, or null.
    #[method(name = "getJob")]
    async fn get_job(&self, id: JobId) -> Result<Shown<Option<JobInfo>>, ErrorObjectOwned>;

    /// Jobs by requester, worker and state, page by page.
    #[method(name = "getJobs")]
    async fn get_jobs(&self, query: Option<JobQuery>) -> Result<JobPage, ErrorObjectOwned>;

    /// The block of a height, or null.
    #[method(name = "getBlock")]
    async fn get_block(&self, height: BlockHeight) -> Result<Option<BlockInfo>, ErrorObjectOwned>;

    /// Blocks from a height on; a page.
    #[method(name = "getBlocks")]
    async fn get_blocks(&self, from: BlockHeight) -> Result<Vec<BlockInfo>, ErrorObjectOwned>;

    /// Headers from a height on; a page.
    #[method(name = "getHeaders")]
    async fn get_headers(&self, from: BlockHeight) -> Result<Vec<SignedHeader>, ErrorObjectOwned>;

    /// The last checkpoint of the network's sealer, or null.
    #[method(name = "getCheckpoint")]
    async fn get_checkpoint(&self) -> Result<Option<SignedCheckpoint>, ErrorObjectOwned>;

    /// The receipt of a transaction, or null while no block has it.
    #[method(name = "getReceipt")]
    async fn get_receipt(&self, id: TransactionId) -> Result<Option<ReceiptInfo>, ErrorObjectOwned>;

    /// What an account has sent, and transfers to it, newest first; a page.
    #[method(name = "getHistory")]
    async fn get_history(&self, query: HistoryQuery) -> Result<HistoryPage, ErrorObjectOwned>;

    /// All validators.
    #[method(name = "getValidators")]
    async fn get_validators(&self) -> Result<Vec<ValidatorInfo>, ErrorObjectOwned>;

    /// What a request would cost, or null when nobody serves it.
    #[method(name = "quote")]
    async fn quote(&self, params: GenerationParams) -> Result<Option<Quote>, ErrorObjectOwned>;

    /// What a transaction would move, or by which rule it would fail.
    #[method(name = "preview")]
    async fn preview(&self, sender: Address, kind: TransactionKind) -> Result<Preview, ErrorObjectOwned>;

    /// Something with its proof, to be checked against headers.
    #[method(name = "getProof")]
    async fn get_proof(&self, question: ProofQuestion) -> Result<ProofAnswer, ErrorObjectOwned>;

    /// Takes a transaction. One that waits already, or that a block has, is no error: the id is the key.
    #[method(name = "submitTransaction")]
    async fn submit_transaction(
        &self,
        transaction: RawTransaction,
    ) -> Result<TransactionId, ErrorObjectOwned>;

    /// Takes up to [`MAX_SUBMITTED`] transactions, each for itself.
    #[method(name = "submitTransactions")]
    async fn submit_transactions(
        &self,
        transactions: Vec<RawTransaction>,
    ) -> Result<Vec<Submitted>, ErrorObjectOwned>;

    /// Accepted blocks with receipts and events, and the steps of workers as they are done. With `from` the blocks begin at that
    /// height, so that who was cut off goes on where it was; else with the next one. With `job` all but what concerns that job is
    /// left out.
    #[subscription(name = "subscribe" => "notification", unsubscribe = "unsubscribe", item = Notification)]
    async fn follow(
        &self,
        from: Option<BlockHeight>,
        job: Option<JobId>,
    ) -> jsonrpsee::core::SubscriptionResult;
}
