//! Errors with the codes and words that wallets look for.

use alloy_primitives::hex;
use alloy_sol_types::{Revert, SolError};
use dfsn_client::transport::TransportError;
use jsonrpsee::types::{ErrorObject, ErrorObjectOwned};

/// Anything that a node refuses.
const REFUSED: i32 = -32_000;
/// A call that would fail.
const REVERTED: i32 = 3;
/// A parameter that means nothing.
const INVALID_PARAMS: i32 = jsonrpsee::types::error::INVALID_PARAMS_CODE;
/// More than one call may ask for.
const LIMIT_EXCEEDED: i32 = -32_005;
/// The node itself.
const INTERNAL: i32 = jsonrpsee::types::error::INTERNAL_ERROR_CODE;

pub(super) fn refused(message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObject::owned(REFUSED, message, None::<()>)
}

pub(super) fn invalid(message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObject::owned(INVALID_PARAMS, message, None::<()>)
}

pub(super) fn too_much(message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObject::owned(LIMIT_EXCEEDED, message, None::<()>)
}

/// What a contract says that reverts with a reason: wallets read it from the message, libraries from the data.
pub(super) fn reverted(reason: &impl ToString) -> ErrorObjectOwned {
    let reason = reason.to_string();
    let message = format!("execution reverted: {reason}");
    let data = hex::encode_prefixed(Revert::from(reason).abi_encode());
    ErrorObject::owned(REVERTED, message, Some(data))
}

pub(super) fn unavailable(error: &TransportError) -> ErrorObjectOwned {
    ErrorObject::owned(INTERNAL, error.to_string(), None::<()>)
}
