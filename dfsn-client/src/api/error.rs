//! Errors on the wire.

use jsonrpsee::types::ErrorObject;

use crate::transport::TransportError;

/// Code of what the node refuses: the message names the rule.
pub const REFUSED: i32 = -32_010;
/// Code of a node that stops.
pub const UNAVAILABLE: i32 = -32_011;
/// Code of a node that has too much to do.
pub const BUSY: i32 = -32_012;
/// Code of what this node does not keep.
pub const UNSUPPORTED: i32 = -32_013;
/// What jsonrpsee says to a caller over its limits.
const SERVER_BUSY: i32 = jsonrpsee::types::error::SERVER_IS_BUSY_CODE;

/// As it is sent.
#[cfg(feature = "server")]
pub(super) fn write_error(error: TransportError) -> ErrorObject<'static> {
    let (code, message) = match error {
        TransportError::Refused(reason) => (REFUSED, reason),
        TransportError::Busy(reason) => (BUSY, reason),
        TransportError::Unsupported(what) => (UNSUPPORTED, what),
        other => (UNAVAILABLE, other.to_string()),
    };
    ErrorObject::owned(code, message, None::<()>)
}

/// As it was meant.
pub(crate) fn read_error(error: &ErrorObject<'_>) -> TransportError {
    let message = error.message().to_owned();
    match error.code() {
        REFUSED => TransportError::Refused(message),
        UNAVAILABLE => TransportError::Unreachable(message),
        BUSY | SERVER_BUSY => TransportError::Busy(message),
        UNSUPPORTED => TransportError::Unsupported(message),
        code => TransportError::Misfit(format!("{message} (code {code})")),
    }
}
