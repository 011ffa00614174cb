//! From raw bytes to the fields that every type has, and back (rules ETH-01 to ETH-03).

use alloy_consensus::{SignableTransaction, Signed, TxEip1559, TxEip2930, TxLegacy};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Signature, TxKind, U256};

use super::{EthereumCall, EthereumError};
use crate::address::Address;
use crate::secp256k1::{RecoverableSignature, Secp256k1SecretKey};
use crate::transaction::Transaction;
use crate::unit::Amount;

/// A transaction's fields, whatever its type.
pub(super) struct Envelope {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) gas_limit: u64,
    pub(super) max_fee_per_gas: u128,
    pub(super) max_priority_fee_per_gas: u128,
    pub(super) call: EthereumCall,
    pub(super) signature: RecoverableSignature,
    /// What is signed.
    pub(super) digest: [u8; 32],
}

/// Reads raw bytes of a type that is taken here.
pub(super) fn decode(raw: &[u8]) -> Result<Envelope, EthereumError> {
    // EIP-2718: a list is a legacy transaction, a byte up to 0x7f the type of another one.
    match raw.first() {
        Some(0xc0..) => read::<TxLegacy>(raw),
        Some(1) => read::<TxEip2930>(raw),
        Some(2) => read::<TxEip1559>(raw),
        Some(other @ ..0x80) => Err(EthereumError::Type(*other)),
        Some(_) => Err(EthereumError::Malformed("neither a list nor a type".to_owned())),
        None => Err(EthereumError::Malformed("no bytes".to_owned())),
    }
}

/// Signs the EIP-1559 form.
pub(super) fn sign(transaction: &Transaction, call: EthereumCall, key: &Secp256k1SecretKey) -> Vec<u8> {
    let unsigned = TxEip1559 {
        chain_id: transaction.chain_id.get(),
        nonce: transaction.nonce.get(),
        gas_limit: transaction.gas_limit.get(),
        max_fee_per_gas: transaction.max_fee_per_gas.base_units(),
        max_priority_fee_per_gas: transaction.max_priority_fee_per_gas.base_units(),
        to: TxKind::Call(alloy_primitives::Address::new(*call.to.as_bytes())),
        value: U256::from(call.value.base_units()),
        access_list: Default::default(),
        input: call.data.into(),
    };
    let RecoverableSignature { r, s, y_is_odd } = key.sign(&unsigned.signature_hash().0);
    let signature = Signature::new(U256::from_be_bytes(r), U256::from_be_bytes(s), y_is_odd);
    unsigned.into_signed(signature).encoded_2718()
}

fn read<T>(raw: &[u8]) -> Result<Envelope, EthereumError>
where
    T: SignableTransaction<Signature>,
    Signed<T>: Decodable2718 + Encodable2718,
{
    let signed = Signed::<T>::decode_2718_exact(raw);
    let signed = signed.map_err(|error| EthereumError::Malformed(error.to_string()))?;
    // Only the bytes that would be written again: the reader need not be strict then.
    if signed.encoded_2718() != raw {
        return Err(EthereumError::NotCanonical);
    }
    let (fields, signature) = (signed.tx(), signed.signature());
    Ok(Envelope {
        chain_id: fields.chain_id().ok_or(EthereumError::NoChainId)?,
        nonce: fields.nonce(),
        gas_limit: fields.gas_limit(),
        max_fee_per_gas: fields.max_fee_per_gas(),
        max_priority_fee_per_gas: fields.max_priority_fee_per_gas().unwrap_or(fields.max_fee_per_gas()),
        call: call_of(fields)?,
        signature: RecoverableSignature {
            r: signature.r().to_be_bytes(),
            s: signature.s().to_be_bytes(),
            y_is_odd: signature.v(),
        },
        digest: fields.signature_hash().0,
    })
}

fn call_of(fields: &impl alloy_consensus::Transaction) -> Result<EthereumCall, EthereumError> {
    if let Some(list) = fields.access_list().filter(|list| !list.is_empty()) {
        return Err(EthereumError::AccessList(list.len()));
    }
    let to = fields.to().ok_or(EthereumError::Creation)?;
    let value = u128::try_from(fields.value()).map_err(|_| EthereumError::Value)?;
    Ok(EthereumCall {
        to: Address::from_bytes(to.into_array()),
        value: Amount::from_base_units(value),
        data: fields.input().to_vec(),
    })
}
