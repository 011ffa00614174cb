//! The one canonical byte form: strict borsh over a whole, bounded slice (rules ENC-01, ENC-02).

use borsh::{BorshDeserialize, BorshSerialize};
use thiserror::Error;

/// Why bytes are not the canonical form of a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// More bytes than the caller allows.
    #[error("{actual} bytes are over the limit of {max}")]
    TooLarge {
        /// Bytes given.
        actual: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The bytes do not follow the type's form: cut short, left over, out of range, over a bound.
    #[error("malformed {type_name}: {reason}")]
    Malformed {
        /// Rust name of the type that was read, without its parameters.
        type_name: &'static str,
        /// What the decoder met.
        reason: String,
    },
}

/// The canonical bytes of a value.
pub fn encode<T: BorshSerialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(value, &mut bytes);
    bytes
}

/// Appends the canonical bytes of a value.
pub fn encode_into<T: BorshSerialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) {
    let written = value.serialize(bytes);
    // Writing to a Vec fails only for lengths over u32::MAX, which every bounded type rules out.
    debug_assert!(written.is_ok(), "a bounded value encodes");
}

/// Number of a value's canonical bytes.
pub fn encoded_len<T: BorshSerialize + ?Sized>(value: &T) -> usize {
    // Counting fails where writing does: for lengths that every bounded type rules out.
    borsh::object_length(value).unwrap_or(usize::MAX)
}

/// Decodes a value from exactly these bytes.
///
/// Every encoding is unique: `encode(&decode(bytes)?) == bytes`.
///
/// # Errors
/// [`DecodeError`] when the slice is longer than `max`, cut short, has bytes left over, or breaks a bound.
pub fn decode<T: BorshDeserialize>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLarge { actual: bytes.len(), max });
    }
    T::try_from_slice(bytes).map_err(|error| DecodeError::Malformed {
        type_name: short_type_name::<T>(),
        reason: error.to_string(),
    })
}

/// The type's name without its path and its parameters.
fn short_type_name<T>() -> &'static str {
    let name = core::any::type_name::<T>();
    let path = name.split('<').next().unwrap_or(name);
    path.rsplit("::").next().unwrap_or(path)
}
