//! Accounts: 20-byte addresses and their text form (rule ENC-07).

use core::fmt;
use core::str::FromStr;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::domain::Domain;
use crate::excerpt::excerpt;
use crate::key::PublicKey;

const HRP: Hrp = Hrp::parse_unchecked("dfsn");

/// Names an account. Ed25519 accounts are written `dfsn1…` (bech32m); hex is accepted on input.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Address([u8; 20]);

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseAddressError {
    /// Neither `dfsn1…` nor 40 hex digits.
    #[error("{text:?} is neither a dfsn1 address nor 40 hex digits")]
    Form {
        /// The text as given, cut at 64 characters.
        text: String,
    },
    /// A wrong checksum, a wrong prefix or a mistyped letter.
    #[error("address {text:?} is mistyped: {reason}")]
    Checksum {
        /// The text as given, cut at 64 characters.
        text: String,
        /// What the decoder met.
        reason: String,
    },
}

impl Address {
    /// Wraps raw bytes.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The account of an Ed25519 key: the last 20 bytes of its domain hash.
    pub fn from_public_key(key: &PublicKey) -> Self {
        let hash = Domain::Address.hash(key);
        let mut bytes = [0u8; 20];
        bytes.copy_from_slice(&hash.as_bytes()[12..]);
        Self(bytes)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32::encode_lower_to_fmt::<Bech32m, _>(f, HRP, &self.0).map_err(|_| fmt::Error)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let form = || ParseAddressError::Form { text: excerpt(text) };
        if !text.starts_with("dfsn1") {
            return crate::hex_text::parse(text).map(Self).map_err(|_| form());
        }
        // The decoder's reasons repeat a wrong character as it is; control characters stop here.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(form());
        }
        let parsed = CheckedHrpstring::new::<Bech32m>(text).map_err(|error| ParseAddressError::Checksum {
            text: excerpt(text),
            reason: error.to_string(),
        })?;
        let mut bytes = parsed.byte_iter();
        let mut address = [0u8; 20];
        for byte in &mut address {
            *byte = bytes.next().ok_or_else(form)?;
        }
        let whole = parsed.hrp() == HRP && bytes.next().is_none();
        // Text that does not write back the same (upper case, padding) is refused: one form per address.
        let address = Self(address);
        if whole && address.to_string() == text { Ok(address) } else { Err(form()) }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
