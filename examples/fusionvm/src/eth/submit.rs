//! `eth_sendRawTransaction`: what a wallet has signed, and why it is not taken.

use alloy_primitives::{B256, Bytes};
use dfsn_client::transport::{Transport, TransportError};
use dfsn_consensus::gas;
use dfsn_consensus::state::ChainState;
use dfsn_types::{
    Amount, EthereumError, EthereumTransaction, SignedTransaction, TransactionError, VerifiedTransaction,
};
use jsonrpsee::types::ErrorObjectOwned;

use super::convert;
use super::error::{refused, unavailable};
use crate::node::NodeHandle;

/// Checks a transaction and lets it wait for a block.
pub(super) async fn submit(node: &NodeHandle, raw: Bytes) -> Result<B256, ErrorObjectOwned> {
    let ethereum = EthereumTransaction::new(raw.into())
        .map_err(|error| refused(format!("oversized data: ETH-01: {error}")))?;
    let state = node.state();
    let verified = SignedTransaction::from(ethereum).verify(&state.chain).map_err(|error| form(&error))?;
    check_funds(&state, &verified)?;
    match node.submit(verified.signed().clone()).await {
        Ok(id) => Ok(convert::transaction_hash(&id)),
        Err(TransportError::Refused(reason)) => Err(not_taken(&reason, &verified)),
        Err(TransportError::Busy(reason)) => Err(refused(format!("txpool is full: {reason}"))),
        Err(error) => Err(unavailable(&error)),
    }
}

/// What is no transaction of this network, in the words of Ethereum's nodes before ours.
fn form(error: &TransactionError) -> ErrorObjectOwned {
    let words = match error {
        TransactionError::ChainId { .. } => "invalid chain id for signer",
        TransactionError::Ethereum(error) => match error {
            EthereumError::Type(_) => "transaction type not supported",
            EthereumError::NoChainId => "only replay-protected (EIP-155) transactions allowed over RPC",
            EthereumError::Signature(_) => "invalid transaction v, r, s values",
            EthereumError::Malformed(_) | EthereumError::NotCanonical => "rlp: invalid transaction",
            _ => "transaction not accepted",
        },
        _ => "invalid transaction",
    };
    refused(format!("{words}: {error}"))
}

/// The chain would include it and take the fee, but it could not move its value: nobody signs for that.
fn check_funds(state: &ChainState, verified: &VerifiedTransaction) -> Result<(), ErrorObjectOwned> {
    let transaction = verified.transaction();
    let fee = transaction.max_fee_per_gas.checked_mul(transaction.gas_limit.get());
    let cost = fee.and_then(|fee| fee.checked_add(verified.value().unwrap_or_default()));
    let balance = state.balance(&verified.sender());
    if cost.is_some_and(|cost| cost <= balance) {
        return Ok(());
    }
    let cost = cost.unwrap_or(Amount::from_base_units(u128::MAX)).base_units();
    let (sender, have) = (verified.sender().to_eip55(), balance.base_units());
    Err(refused(format!(
        "insufficient funds for gas * price + value: address {sender} have {have} want {cost}"
    )))
}

/// What the pool refuses. Its reason begins with the rule.
fn not_taken(reason: &str, verified: &VerifiedTransaction) -> ErrorObjectOwned {
    let transaction = verified.transaction();
    let (rule, rest) = reason.split_once(": ").unwrap_or((reason, ""));
    // MEM-06 tells the rule of blocks that it stands for.
    let rule = if rule == "MEM-06" { rest.split_once(": ").map_or(rest, |(inner, _)| inner) } else { rule };
    let words = match rule {
        "MEM-02" | "TX-02" => "nonce too low",
        "MEM-03" => "replacement transaction underpriced",
        "MEM-04" => "account limit exceeded",
        "MEM-07" => "nonce too high",
        "TX-03" if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas => {
            "max priority fee per gas higher than max fee per gas"
        }
        "TX-03" => "transaction underpriced",
        "TX-04" if transaction.gas_limit < gas::gas_needed(verified) => "intrinsic gas too low",
        "TX-04" => "insufficient funds for gas * price + value",
        "TX-05" => "invalid sender",
        _ => "transaction not accepted",
    };
    refused(format!("{words}: {reason}"))
}
