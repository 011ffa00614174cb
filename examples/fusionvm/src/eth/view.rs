//! A block and what it caused, in the shapes of Ethereum.

use alloy_consensus::constants::EMPTY_OMMER_ROOT_HASH;
use alloy_consensus::transaction::Recovered;
use alloy_consensus::{
    Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, Signed, Transaction as _, TxEip1559, TxEnvelope,
    TxLegacy, TxType,
};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, B256, Bloom, Bytes, Signature, TxKind, U256};
use alloy_rpc_types_eth::{
    Block as RpcBlock, BlockTransactions, Filter, Header as RpcHeader, Log, Transaction, TransactionReceipt,
};
use dfsn_consensus::state::ChainState;
use dfsn_types::{
    Amount, Block, BlockHeight, BlockReceipts, ChainIdentity, EthereumCall, NativeTransaction,
    SYSTEM_ADDRESS, SignedTransaction, TransactionId, TransactionKind, TransactionStatus, codec,
};

use super::{convert, logs};

/// An accepted block, ready to be shown.
#[derive(Debug)]
pub(super) struct BlockView {
    hash: B256,
    block: Block,
    receipts: BlockReceipts,
    chain: ChainIdentity,
    gas_limit: u64,
    logs: Vec<Log>,
}

impl BlockView {
    pub(super) fn new(block: Block, receipts: BlockReceipts, chain: ChainIdentity, gas_limit: u64) -> Self {
        let hash = convert::block_hash(&block.hash());
        let logs = logs::of_block(hash, &block, &receipts);
        Self { hash, block, receipts, chain, gas_limit, logs }
    }

    pub(super) const fn hash(&self) -> B256 {
        self.hash
    }

    pub(super) const fn height(&self) -> BlockHeight {
        self.block.header().height
    }

    /// The logs that a filter asks for.
    pub(super) fn logs_for(&self, filter: &Filter) -> Vec<Log> {
        self.logs.iter().filter(|log| filter.matches(&log.inner)).cloned().collect()
    }

    /// The place behind the transactions, for what none of them caused; nothing where there is nothing.
    pub(super) fn own_place(&self) -> Option<usize> {
        let own = self.receipts.transactions.len();
        self.logs.iter().any(|log| log.transaction_hash == Some(self.hash)).then_some(own)
    }

    /// The place of a transaction.
    pub(super) fn place(&self, id: &TransactionId) -> Option<usize> {
        self.receipts.transactions.iter().position(|receipt| receipt.id == *id)
    }

    pub(super) fn header(&self) -> RpcHeader {
        let header = self.block.header();
        let inner = alloy_consensus::Header {
            parent_hash: convert::block_hash(&header.parent),
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: convert::address(&header.fee_recipient),
            state_root: B256::new(*header.state_root.as_bytes()),
            transactions_root: B256::new(*header.transactions_root.as_bytes()),
            receipts_root: B256::new(*header.receipts_root.as_bytes()),
            logs_bloom: bloom(&self.logs),
            number: header.height.get(),
            gas_limit: self.gas_limit,
            gas_used: header.gas_used.get(),
            timestamp: header.timestamp.get() / 1_000,
            base_fee_per_gas: Some(fee(header.base_fee_per_gas)),
            ..Default::default()
        };
        let size = Some(U256::from(codec::encoded_len(&self.block)));
        RpcHeader { hash: self.hash, inner, total_difficulty: None, size }
    }

    /// The block with its transactions, or with their names.
    pub(super) fn block(&self, full: bool) -> RpcBlock {
        let places = (0..self.receipts.transactions.len()).chain(self.own_place());
        let transactions = if full {
            BlockTransactions::Full(places.filter_map(|place| self.transaction(place)).collect())
        } else {
            BlockTransactions::Hashes(places.map(|place| self.name(place)).collect())
        };
        RpcBlock::new(self.header(), transactions)
    }

    fn name(&self, place: usize) -> B256 {
        let receipt = self.receipts.transactions.get(place);
        receipt.map_or(self.hash, |receipt| convert::transaction_hash(&receipt.id))
    }

    pub(super) fn transaction(&self, place: usize) -> Option<Transaction> {
        let mut transaction = match self.block.body().transactions.get(place) {
            Some(signed) => shown(signed, &self.chain)?,
            None if self.own_place() == Some(place) => own_transaction(self.hash),
            None => return None,
        };
        transaction.block_hash = Some(self.hash);
        transaction.block_number = Some(self.height().get());
        transaction.block_timestamp = Some(self.block.header().timestamp.get() / 1_000);
        transaction.transaction_index = u64::try_from(place).ok();
        transaction.effective_gas_price = Some(self.gas_price(place));
        Some(transaction)
    }

    /// What one unit of gas cost: base fee and tip.
    fn gas_price(&self, place: usize) -> u128 {
        let receipt = self.receipts.transactions.get(place);
        let price = |fee: Amount, gas: u64| fee.base_units().checked_div(u128::from(gas));
        receipt.and_then(|receipt| price(receipt.fee, receipt.gas_used.get())).unwrap_or_default()
    }

    pub(super) fn receipt(&self, place: usize) -> Option<TransactionReceipt> {
        let transaction = self.transaction(place)?;
        // What is behind the transactions used no gas, and did not fail.
        let receipt = self.receipts.transactions.get(place);
        let gas = |receipt: &dfsn_types::TransactionReceipt| receipt.gas_used.get();
        let cumulative =
            self.receipts.transactions.iter().take(place + 1).map(gas).fold(0, u64::saturating_add);
        let logs = self.logs.iter().filter(|log| log.transaction_index == transaction.transaction_index);
        let receipt_with_logs = Receipt {
            status: Eip658Value::Eip658(receipt.is_none_or(|it| it.status == TransactionStatus::Succeeded)),
            cumulative_gas_used: cumulative,
            logs: logs.cloned().collect(),
        };
        let bloom = bloom(&receipt_with_logs.logs);
        let inner = ReceiptWithBloom { receipt: receipt_with_logs, logs_bloom: bloom };
        let (from, envelope) = (transaction.inner.signer(), transaction.inner.inner());
        Some(TransactionReceipt {
            to: envelope.to(),
            inner: match envelope.tx_type() {
                TxType::Legacy => ReceiptEnvelope::Legacy(inner),
                TxType::Eip2930 => ReceiptEnvelope::Eip2930(inner),
                // No other type is in a block.
                _ => ReceiptEnvelope::Eip1559(inner),
            },
            transaction_hash: self.name(place),
            transaction_index: transaction.transaction_index,
            block_hash: transaction.block_hash,
            block_number: transaction.block_number,
            gas_used: receipt.map(gas).unwrap_or_default(),
            effective_gas_price: self.gas_price(place),
            blob_gas_used: None,
            blob_gas_price: None,
            from,
            contract_address: None,
        })
    }
}

fn bloom(logs: &[Log]) -> Bloom {
    alloy_primitives::logs_bloom(logs.iter().map(|log| &log.inner))
}

/// What stands for the cause of events that no transaction caused: it moves nothing, costs nothing, and nobody signed it.
fn own_transaction(hash: B256) -> Transaction {
    let system = convert::address(&SYSTEM_ADDRESS);
    let nothing = TxLegacy { to: TxKind::Call(system), ..Default::default() };
    let signature = Signature::new(U256::ZERO, U256::ZERO, false);
    let envelope = TxEnvelope::Legacy(Signed::new_unchecked(nothing, signature, hash));
    without_block(envelope, system)
}

/// A transaction without a block. One of a wallet is shown as it was signed, a native one as the call that it is.
pub(super) fn shown(signed: &SignedTransaction, chain: &ChainIdentity) -> Option<Transaction> {
    let (envelope, sender) = match signed {
        SignedTransaction::Ethereum(ethereum) => {
            let sender = signed.clone().verify(chain).ok()?.sender();
            (TxEnvelope::decode_2718_exact(ethereum.as_bytes()).ok()?, sender)
        }
        SignedTransaction::Native(native) => (native_envelope(native), native.claimed_sender()),
    };
    Some(without_block(envelope, convert::address(&sender)))
}

const fn without_block(envelope: TxEnvelope, sender: Address) -> Transaction {
    Transaction {
        inner: Recovered::new_unchecked(envelope, sender),
        block_hash: None,
        block_number: None,
        block_timestamp: None,
        transaction_index: None,
        effective_gas_price: None,
    }
}

/// A native transaction as an EIP-1559 one under its own name. Its signature is none of Ethereum's, so that is all zeros.
fn native_envelope(native: &NativeTransaction) -> TxEnvelope {
    let transaction = native.transaction();
    let call = native_call(&transaction.kind);
    let unsigned = TxEip1559 {
        chain_id: transaction.chain_id.get(),
        nonce: transaction.nonce.get(),
        gas_limit: transaction.gas_limit.get(),
        max_fee_per_gas: transaction.max_fee_per_gas.base_units(),
        max_priority_fee_per_gas: transaction.max_priority_fee_per_gas.base_units(),
        to: TxKind::Call(convert::address(&call.to)),
        value: convert::amount(call.value),
        access_list: Default::default(),
        input: Bytes::from(call.data),
    };
    let signature = Signature::new(U256::ZERO, U256::ZERO, false);
    let hash = convert::transaction_hash(&native.id());
    TxEnvelope::Eip1559(Signed::new_unchecked(unsigned, signature, hash))
}

/// The call that a native transaction is. What the state decides, a price or a deposit, stands in its events, not in its bytes.
fn native_call(kind: &TransactionKind) -> EthereumCall {
    let value = match kind {
        TransactionKind::Transfer { amount, .. } | TransactionKind::Stake { amount } => *amount,
        _ => Amount::ZERO,
    };
    let nothing = EthereumCall { to: SYSTEM_ADDRESS, value: Amount::ZERO, data: Vec::new() };
    EthereumCall::new(kind, value).unwrap_or(nothing)
}

/// Block 0. All that Ethereum's clients ask of it is that it is there.
pub(super) fn genesis(state: &ChainState) -> RpcBlock {
    let (tip, params) = (&state.tip, &state.params.chain);
    let inner = alloy_consensus::Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        state_root: B256::new(*state.root().as_bytes()),
        gas_limit: params.gas_limit.get(),
        timestamp: tip.timestamp.get() / 1_000,
        base_fee_per_gas: Some(fee(tip.base_fee_per_gas)),
        ..Default::default()
    };
    let hash = convert::block_hash(&tip.hash);
    let header = RpcHeader { hash, inner, total_difficulty: None, size: None };
    RpcBlock::new(header, BlockTransactions::Hashes(Vec::new()))
}

/// A header has 64 bits for it.
fn fee(amount: Amount) -> u64 {
    u64::try_from(amount.base_units()).unwrap_or(u64::MAX)
}
