//! Accounts: 20-byte addresses and their text forms (rules ENC-07, ENC-09).

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

/// Names an account. It is written `dfsn1…` (bech32m), and as Ethereum's wallets do by [`Self::to_eip55`]; both are read.
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
    /// A wrong checksum, a wrong prefix or a mistyped letter. Hex in capitals and small letters has a checksum, too (EIP-55).
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
        Self::from_last_20(Domain::Address.hash(key).as_bytes())
    }

    /// The form of Ethereum's wallets: `0x` and 40 hex digits, whose capitals are a checksum (EIP-55).
    pub fn to_eip55(self) -> String {
        alloy_primitives::Address::new(self.0).to_checksum(None)
    }

    pub(crate) fn from_last_20(hash: &[u8; 32]) -> Self {
        let mut bytes = [0u8; 20];
        bytes.copy_from_slice(&hash[12..]);
        Self(bytes)
    }

    /// Hex digits, with or without `0x`: in one case, or with the capitals that the checksum asks for.
    fn from_hex(text: &str) -> Result<Self, ParseAddressError> {
        let form = || ParseAddressError::Form { text: excerpt(text) };
        let address = crate::hex_text::parse(text).map(Self).map_err(|_| form())?;
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let has = |of: fn(&u8) -> bool| digits.as_bytes().iter().any(of);
        let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        let checksummed = address.to_eip55();
        if mixed && checksummed.strip_prefix("0x") != Some(digits) {
            let reason = format!("its capitals are not those of {checksummed} (EIP-55)");
            return Err(ParseAddressError::Checksum { text: excerpt(text), reason });
        }
        Ok(address)
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
            return Self::from_hex(text);
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
