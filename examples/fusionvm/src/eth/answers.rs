//! The answers.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::pubsub::{Params, SubscriptionKind};
use alloy_rpc_types_eth::{
    Block, FeeHistory, Filter, Log, SyncInfo, SyncStatus, Transaction, TransactionReceipt, TransactionRequest,
};
use async_trait::async_trait;
use dfsn_client::transport::{BlockName, Transport};
use dfsn_types::{BlockHeight, SYSTEM_ADDRESS, TransactionId};
use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::core::SubscriptionResult;
use jsonrpsee::types::ErrorObjectOwned;
use tokio::sync::{Mutex, Semaphore};

use super::api::{EthApiServer, NetApiServer, Web3ApiServer};
use super::error::unavailable;
use super::request::Asked;
use super::view::BlockView;
use super::{convert, submit, subscriptions, view};
use crate::node::NodeHandle;

/// The code of the system address: an invalid instruction. Without any, wallets take a call for a transfer.
const SYSTEM_CODE: [u8; 1] = [0xfe];

/// Calls that read many blocks at a time; the next one waits.
const SEARCHES: usize = 4;

/// A node as Ethereum's clients see it.
#[derive(Clone, Debug)]
pub(super) struct Eth {
    pub(super) node: NodeHandle,
    /// The last ones that were read.
    pub(super) blocks: Arc<Mutex<VecDeque<Arc<BlockView>>>>,
    /// Places for calls that read many blocks: the chain's thread has other work.
    pub(super) searches: Arc<Semaphore>,
}

impl Eth {
    pub(super) fn new(node: NodeHandle) -> Self {
        Self { node, blocks: Arc::default(), searches: Arc::new(Semaphore::new(SEARCHES)) }
    }

    /// Block 0, which no store holds.
    fn genesis(&self) -> Block {
        view::genesis(self.node.recent.genesis())
    }
}

#[async_trait]
impl EthApiServer for Eth {
    fn chain_id(&self) -> Result<U64, ErrorObjectOwned> {
        Ok(U64::from(self.node.state().chain.chain_id.get()))
    }

    fn block_number(&self) -> Result<U64, ErrorObjectOwned> {
        Ok(U64::from(self.node.state().tip.height.get()))
    }

    async fn syncing(&self) -> Result<SyncStatus, ErrorObjectOwned> {
        let status = self.node.sync_status().await.map_err(|error| unavailable(&error))?;
        if !status.syncing {
            return Ok(SyncStatus::None);
        }
        // Nobody here knows how far the others are: further than this node.
        let current = U256::from(status.height.get());
        let info = SyncInfo { current_block: current, highest_block: current, ..SyncInfo::default() };
        Ok(SyncStatus::Info(Box::new(info)))
    }

    fn get_balance(&self, address: Address, block: Option<BlockId>) -> Result<U256, ErrorObjectOwned> {
        let state = self.state_at(block)?;
        Ok(convert::amount(state.balance(&convert::native_address(address))))
    }

    async fn get_transaction_count(
        &self,
        address: Address,
        block: Option<BlockId>,
    ) -> Result<U64, ErrorObjectOwned> {
        let address = convert::native_address(address);
        if block == Some(BlockId::Number(BlockNumberOrTag::Pending)) {
            let next = self.node.calls.next_nonce(address).await.map_err(|error| unavailable(&error))?;
            return Ok(U64::from(next.get()));
        }
        let state = self.state_at(block)?;
        let nonce = state.accounts.get(&address).map(|account| account.nonce).unwrap_or_default();
        Ok(U64::from(nonce.get()))
    }

    fn get_code(&self, address: Address, block: Option<BlockId>) -> Result<Bytes, ErrorObjectOwned> {
        self.state_at(block)?;
        let is_system = convert::native_address(address) == SYSTEM_ADDRESS;
        Ok(if is_system { Bytes::from_static(&SYSTEM_CODE) } else { Bytes::new() })
    }

    async fn gas_price(&self) -> Result<U256, ErrorObjectOwned> {
        let base = self.node.state().tip.base_fee_per_gas;
        let tip = self.proposed_tip().await?;
        Ok(U256::from(base.base_units().saturating_add(tip)))
    }

    async fn max_priority_fee_per_gas(&self) -> Result<U256, ErrorObjectOwned> {
        Ok(U256::from(self.proposed_tip().await?))
    }

    async fn fee_history(
        &self,
        block_count: U64,
        newest_block: BlockNumberOrTag,
        reward_percentiles: Option<Vec<f64>>,
    ) -> Result<FeeHistory, ErrorObjectOwned> {
        let newest = self.height(newest_block);
        self.history(block_count.to(), newest, reward_percentiles.as_deref()).await
    }

    fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
    ) -> Result<U64, ErrorObjectOwned> {
        let gas = Asked::new(&request)?.estimate(self.state_at(block)?.as_ref())?;
        Ok(U64::from(gas.get()))
    }

    fn call(&self, request: TransactionRequest, block: Option<BlockId>) -> Result<Bytes, ErrorObjectOwned> {
        Asked::new(&request)?.call(self.state_at(block)?.as_ref())
    }

    async fn send_raw_transaction(&self, bytes: Bytes) -> Result<B256, ErrorObjectOwned> {
        submit::submit(&self.node, bytes).await
    }

    async fn get_transaction_by_hash(&self, hash: B256) -> Result<Option<Transaction>, ErrorObjectOwned> {
        if let Some((view, index)) = self.place(hash).await? {
            return Ok(view.transaction(index));
        }
        let waiting = self.node.calls.waiting(TransactionId::from_bytes(hash.0)).await;
        let waiting = waiting.map_err(|error| unavailable(&error))?;
        let chain = self.node.state().chain;
        Ok(waiting.and_then(|verified| view::shown(verified.signed(), &chain)))
    }

    async fn get_transaction_receipt(
        &self,
        hash: B256,
    ) -> Result<Option<TransactionReceipt>, ErrorObjectOwned> {
        Ok(self.place(hash).await?.and_then(|(view, index)| view.receipt(index)))
    }

    async fn get_block_by_number(
        &self,
        block: BlockNumberOrTag,
        full: Option<bool>,
    ) -> Result<Option<Block>, ErrorObjectOwned> {
        let height = self.height(block);
        if height == BlockHeight::ZERO {
            return Ok(Some(self.genesis()));
        }
        let view = self.view(BlockName::Height(height)).await?;
        Ok(view.map(|view| view.block(full.unwrap_or_default())))
    }

    async fn get_block_by_hash(
        &self,
        hash: B256,
        full: Option<bool>,
    ) -> Result<Option<Block>, ErrorObjectOwned> {
        if hash == convert::block_hash(&self.node.recent.genesis().tip.hash) {
            return Ok(Some(self.genesis()));
        }
        let view = self.view(Self::named(hash)).await?;
        Ok(view.map(|view| view.block(full.unwrap_or_default())))
    }

    async fn get_logs(&self, filter: Filter) -> Result<Vec<Log>, ErrorObjectOwned> {
        self.logs(&filter).await
    }

    async fn subscribe(
        &self,
        pending: PendingSubscriptionSink,
        kind: SubscriptionKind,
        params: Option<Params>,
    ) -> SubscriptionResult {
        subscriptions::follow(self, pending, kind, params).await
    }
}

impl NetApiServer for Eth {
    fn version(&self) -> Result<String, ErrorObjectOwned> {
        Ok(self.node.state().chain.chain_id.get().to_string())
    }
}

impl Web3ApiServer for Eth {
    fn client_version(&self) -> Result<String, ErrorObjectOwned> {
        Ok(concat!("fusionvm/v", env!("CARGO_PKG_VERSION")).to_owned())
    }
}
