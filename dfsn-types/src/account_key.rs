//! What an account is pinned to.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::key::PublicKey;
use crate::secp256k1::Secp256k1PublicKey;

/// Scheme and key of an account, fixed by its first outgoing transaction (rule TX-05).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AccountKey {
    /// Signs native transactions.
    Ed25519(PublicKey),
    /// Signs Ethereum transactions.
    Secp256k1(Secp256k1PublicKey),
}

impl core::fmt::Display for AccountKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Ed25519(key) => write!(f, "Ed25519 key {key}"),
            Self::Secp256k1(key) => write!(f, "secp256k1 key {key}"),
        }
    }
}
