//! Hexadecimal text of fixed-size bytes (rule ENC-06).

use thiserror::Error;

use crate::excerpt::excerpt;

/// Why a text is not the hex form of a fixed number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseHexError {
    /// The text has another length than the type needs.
    #[error("expected {expected} hex digits, got {actual}")]
    Length {
        /// Digits needed.
        expected: usize,
        /// Digits given, without a `0x` prefix.
        actual: usize,
    },
    /// The text has a character that is not a hex digit.
    #[error("not a hex digit in {text:?}")]
    Digit {
        /// The text as given, cut at 64 characters.
        text: String,
    },
}

/// Parses exactly `2 * N` hex digits, with or without `0x`.
pub(crate) fn parse<const N: usize>(text: &str) -> Result<[u8; N], ParseHexError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() != 2 * N {
        return Err(ParseHexError::Length { expected: 2 * N, actual: digits.len() });
    }
    let mut bytes = [0u8; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| ParseHexError::Digit { text: excerpt(text) })?;
    Ok(bytes)
}
