//! The methods, by their names on Ethereum.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::pubsub::{Params, SubscriptionKind};
use alloy_rpc_types_eth::{
    Block, FeeHistory, Filter, Log, SyncStatus, Transaction, TransactionReceipt, TransactionRequest,
};
use jsonrpsee::core::SubscriptionResult;
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::types::ErrorObjectOwned;

/// `eth_…`.
#[rpc(server, namespace = "eth")]
pub(super) trait EthApi {
    #[method(name = "chainId")]
    fn chain_id(&self) -> Result<U64, ErrorObjectOwned>;

    #[method(name = "blockNumber")]
    fn block_number(&self) -> Result<U64, ErrorObjectOwned>;

    #[method(name = "syncing")]
    async fn syncing(&self) -> Result<SyncStatus, ErrorObjectOwned>;

    #[method(name = "getBalance")]
    fn get_balance(&self, address: Address, block: Option<BlockId>) -> Result<U256, ErrorObjectOwned>;

    #[method(name = "getTransactionCount")]
    async fn get_transaction_count(
        &self,
        address: Address,
        block: Option<BlockId>,
    ) -> Result<U64, ErrorObjectOwned>;

    #[method(name = "getCode")]
    fn get_code(&self, address: Address, block: Option<BlockId>) -> Result<Bytes, ErrorObjectOwned>;

    #[method(name = "gasPrice")]
    async fn gas_price(&self) -> Result<U256, ErrorObjectOwned>;

    #[method(name = "maxPriorityFeePerGas")]
    async fn max_priority_fee_per_gas(&self) -> Result<U256, ErrorObjectOwned>;

    #[method(name = "feeHistory")]
    async fn fee_history(
        &self,
        block_count: U64,
        newest_block: BlockNumberOrTag,
        reward_percentiles: Option<Vec<f64>>,
    ) -> Result<FeeHistory, ErrorObjectOwned>;

    #[method(name = "estimateGas")]
    fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
    ) -> Result<U64, ErrorObjectOwned>;

    #[method(name = "call")]
    fn call(&self, request: TransactionRequest, block: Option<BlockId>) -> Result<Bytes, ErrorObjectOwned>;

    #[method(name = "sendRawTransaction")]
    async fn send_raw_transaction(&self, bytes: Bytes) -> Result<B256, ErrorObjectOwned>;

    #[method(name = "getTransactionByHash")]
    async fn get_transaction_by_hash(&self, hash: B256) -> Result<Option<Transaction>, ErrorObjectOwned>;

    #[method(name = "getTransactionReceipt")]
    async fn get_transaction_receipt(
        &self,
        hash: B256,
    ) -> Result<Option<TransactionReceipt>, ErrorObjectOwned>;

    #[method(name = "getBlockByNumber")]
    async fn get_block_by_number(
        &self,
        block: BlockNumberOrTag,
        full: Option<bool>,
    ) -> Result<Option<Block>, ErrorObjectOwned>;

    #[method(name = "getBlockByHash")]
    async fn get_block_by_hash(
        &self,
        hash: B256,
        full: Option<bool>,
    ) -> Result<Option<Block>, ErrorObjectOwned>;

    #[method(name = "getLogs")]
    async fn get_logs(&self, filter: Filter) -> Result<Vec<Log>, ErrorObjectOwned>;

    #[subscription(name = "subscribe" => "subscription", unsubscribe = "unsubscribe", item = serde_json::Value)]
    async fn subscribe(&self, kind: SubscriptionKind, params: Option<Params>) -> SubscriptionResult;
}

/// `net_…`.
#[rpc(server, namespace = "net")]
pub(super) trait NetApi {
    #[method(name = "version")]
    fn version(&self) -> Result<String, ErrorObjectOwned>;
}

/// `web3_…`.
#[rpc(server, namespace = "web3")]
pub(super) trait Web3Api {
    #[method(name = "clientVersion")]
    fn client_version(&self) -> Result<String, ErrorObjectOwned>;
}
