//! The same bytes under both names.

use alloy_primitives::{Address, B256, U256};
use dfsn_types::{Amount, BlockHash, TransactionId};

pub(super) const fn address(address: &dfsn_types::Address) -> Address {
    Address::new(*address.as_bytes())
}

pub(super) const fn native_address(address: Address) -> dfsn_types::Address {
    dfsn_types::Address::from_bytes(address.into_array())
}

pub(super) fn amount(amount: Amount) -> U256 {
    U256::from(amount.base_units())
}

pub(super) const fn transaction_hash(id: &TransactionId) -> B256 {
    B256::new(*id.as_bytes())
}

pub(super) const fn block_hash(hash: &BlockHash) -> B256 {
    B256::new(*hash.as_bytes())
}
