//! Values of a [`MerkleMap`](super::MerkleMap): the bytes that a proof shows.

use crate::address::Address;
use crate::block::{Event, TransactionReceipt};
use crate::codec;
use crate::domain::Domain;
use crate::generation::Prompt;
use crate::hash::{Hash, JobId};
use crate::model::{ModelRecord, ProfileRecord};
use crate::unit::{Amount, BlockHeight, Timestamp};

/// A value whose leaf covers it by these bytes.
pub trait MerkleValue {
    /// What a proof shows of the value. Equal values have equal bytes; different ones different bytes, so that the root covers all
    /// of the value: a part of it, shown in full, stands beside the hash of the whole.
    fn value_bytes(&self) -> Vec<u8>;
}

/// Hash of the bytes of a value, the second part of its leaf.
pub(super) fn value_hash(bytes: &[u8]) -> Hash {
    Domain::MerkleValue.hash_bytes(bytes)
}

impl MerkleValue for () {
    fn value_bytes(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Lets values of these types be shown as their canonical encoding.
#[macro_export]
macro_rules! values_shown_whole {
    ($($value:ty),* $(,)?) => { $(
        impl $crate::merkle::MerkleValue for $value {
            fn value_bytes(&self) -> Vec<u8> {
                $crate::codec::encode(self)
            }
        }
    )* };
}

values_shown_whole!(
    u32,
    u64,
    Address,
    Amount,
    BlockHeight,
    Hash,
    JobId,
    Timestamp,
    Event,
    ModelRecord,
    ProfileRecord,
    Prompt,
    TransactionReceipt
);

impl<A: borsh::BorshSerialize, B: borsh::BorshSerialize> MerkleValue for (A, B) {
    fn value_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }
}
