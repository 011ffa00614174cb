//! `eth_estimateGas` and `eth_call`: what a transaction would do, before anybody signs it.

use alloy_primitives::{Bytes, U256};
use alloy_rpc_types_eth::TransactionRequest;
use dfsn_client::view::Quote;
use dfsn_consensus::state::ChainState;
use dfsn_consensus::transition::preview;
use dfsn_consensus::{TransactionFailure, gas};
use dfsn_types::{
    Address, Amount, EthereumCall, EthereumError, EthereumQuestion, Gas, SYSTEM_ADDRESS, TransactionKind,
};
use jsonrpsee::types::ErrorObjectOwned;

use super::convert;
use super::error::{invalid, refused, reverted};

/// Why there is no quote.
const NOBODY: &str =
    "nobody can take this request: an unknown model, a size that it does not draw, or no worker for it";

/// A request with all that decides about it.
pub(super) struct Asked {
    from: Address,
    call: EthereumCall,
    /// What one unit of gas may cost, where that is said.
    price: Option<u128>,
}

impl Asked {
    pub(super) fn new(request: &TransactionRequest) -> Result<Self, ErrorObjectOwned> {
        let to = request.to.as_ref().and_then(|to| to.to()).copied();
        let to = to.ok_or_else(|| refused(EthereumError::Creation.to_string()))?;
        let value = u128::try_from(request.value.unwrap_or(U256::ZERO))
            .map_err(|_| refused(EthereumError::Value.to_string()))?;
        let data =
            request.input.clone().try_into_unique_input().map_err(|error| invalid(error.to_string()))?;
        Ok(Self {
            from: convert::native_address(request.from.unwrap_or_default()),
            call: EthereumCall {
                to: convert::native_address(to),
                value: Amount::from_base_units(value),
                data: data.unwrap_or_default().to_vec(),
            },
            price: request.max_fee_per_gas.or(request.gas_price).filter(|price| *price > 0),
        })
    }

    /// The gas that it needs, once it is sure that it would not be charged for nothing.
    pub(super) fn estimate(&self, state: &ChainState) -> Result<Gas, ErrorObjectOwned> {
        let kind = self.call.kind().map_err(|error| self.no_transaction(&error))?;
        let needed = gas::gas_of_call(&kind, self.call.data.len());
        self.check_funds(state, needed)?;
        self.run(state, &kind)?;
        Ok(needed)
    }

    /// What a contract would return: the answer to a question, nothing for a transaction that would succeed, and nothing at other
    /// addresses, which have no code.
    pub(super) fn call(&self, state: &ChainState) -> Result<Bytes, ErrorObjectOwned> {
        if self.call.to != SYSTEM_ADDRESS {
            return Ok(Bytes::new());
        }
        match EthereumQuestion::decode(&self.call.data).map_err(|error| reverted(&error))? {
            Some(question) => self.answer(state, &question),
            None => {
                let kind = self.call.kind().map_err(|error| reverted(&error))?;
                self.run(state, &kind)?;
                Ok(Bytes::new())
            }
        }
    }

    fn answer(&self, state: &ChainState, question: &EthereumQuestion) -> Result<Bytes, ErrorObjectOwned> {
        let answer = match question {
            EthereumQuestion::Quote(params) => {
                let quote = Quote::of(state, params).ok_or_else(|| reverted(&NOBODY))?;
                let Quote { price_per_unit, work_units, price, audited, .. } = quote;
                EthereumQuestion::quote_answer(price_per_unit, work_units, price, audited)
            }
            EthereumQuestion::ValueFor(call) => {
                let kind = call.kind().map_err(|error| reverted(&error))?;
                let value = preview(state, self.from, &kind).map_err(|failure| reverted(&failure))?;
                EthereumQuestion::value_answer(value)
            }
        };
        Ok(answer.into())
    }

    /// A wallet is told by an estimate that it cannot sign this.
    fn no_transaction(&self, error: &EthereumError) -> ErrorObjectOwned {
        if self.call.to == SYSTEM_ADDRESS { reverted(error) } else { refused(error.to_string()) }
    }

    fn check_funds(&self, state: &ChainState, needed: Gas) -> Result<(), ErrorObjectOwned> {
        let left = state.balance(&self.from).checked_sub(self.call.value);
        let left = left.ok_or_else(|| refused("insufficient funds for transfer"))?;
        let affordable = self.price.and_then(|price| left.base_units().checked_div(price));
        match affordable {
            Some(gas) if gas < u128::from(needed.get()) => {
                Err(refused(format!("gas required exceeds allowance ({gas})")))
            }
            _ => Ok(()),
        }
    }

    fn run(&self, state: &ChainState, kind: &TransactionKind) -> Result<(), ErrorObjectOwned> {
        let (moved, value) =
            (preview(state, self.from, kind).map_err(|failure| reverted(&failure))?, self.call.value);
        if moved == value { Ok(()) } else { Err(reverted(&TransactionFailure::Value { moved, value })) }
    }
}
