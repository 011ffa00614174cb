//! What the system address answers without a transaction (rule ETH-13).

use alloy_sol_types::SolCall;

use super::abi::IDfsn::{self, IDfsnCalls};
use super::call::decode;
use super::{EthereumCall, EthereumError, SYSTEM_ADDRESS};
use crate::generation::GenerationParams;
use crate::unit::{Amount, WorkUnits};

/// A function of the interface that reads: asked by `eth_call`, never signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EthereumQuestion {
    /// What a request would cost.
    Quote(Box<GenerationParams>),
    /// The value that a call must have. The one in it is zero.
    ValueFor(EthereumCall),
}

impl EthereumQuestion {
    /// Reads the data of a call; nothing where that is no question but a transaction.
    ///
    /// # Errors
    /// [`EthereumError`] when it is neither.
    pub fn decode(data: &[u8]) -> Result<Option<Self>, EthereumError> {
        Ok(match decode(data)? {
            IDfsnCalls::quote(call) => Some(Self::Quote(Box::new(call.params.try_into()?))),
            IDfsnCalls::valueFor(call) => {
                let data = call.call.to_vec();
                Some(Self::ValueFor(EthereumCall { to: SYSTEM_ADDRESS, value: Amount::ZERO, data }))
            }
            _ => None,
        })
    }

    /// The answer to [`Self::Quote`].
    pub fn quote_answer(
        price_per_unit: Amount,
        work_units: WorkUnits,
        price: Amount,
        audited: bool,
    ) -> Vec<u8> {
        IDfsn::quoteCall::abi_encode_returns(&IDfsn::quoteReturn {
            pricePerUnit: price_per_unit.base_units(),
            workUnits: work_units.get(),
            price: price.base_units(),
            audited,
        })
    }

    /// The answer to [`Self::ValueFor`].
    pub fn value_answer(value: Amount) -> Vec<u8> {
        IDfsn::valueForCall::abi_encode_returns(&value.base_units())
    }
}
