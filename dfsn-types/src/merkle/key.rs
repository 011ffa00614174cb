//! Keys of a [`MerkleMap`](super::MerkleMap): bytes of a fixed width, in the order of the keys.

use crate::address::Address;
use crate::hash::{BlockHash, EvidenceNote, Hash, JobId, ModelId, ProfileId, TransactionId};
use crate::model::Pair;
use crate::unit::{BlockHeight, ChainClock, Nonce, Timestamp};

/// The widest key, in bytes.
pub const KEY_BYTES_MAX: usize = 128;

/// A key with a form of [`Self::WIDTH`] bytes that sorts as the key does: numbers stand big-endian.
pub trait MerkleKey: Clone + Ord {
    /// Bytes of every key of this type, from 1 to [`KEY_BYTES_MAX`].
    const WIDTH: usize;

    /// Appends exactly [`Self::WIDTH`] bytes.
    fn write_key(&self, bytes: &mut KeyBytes);

    /// Reads what [`Self::write_key`] wrote and moves past it; nothing if these are no bytes of a key.
    fn read_key(bytes: &mut &[u8]) -> Option<Self>;
}

/// The bytes of one key.
#[derive(Clone, Copy, Debug)]
pub struct KeyBytes {
    bytes: [u8; KEY_BYTES_MAX],
    len: usize,
}

impl KeyBytes {
    /// The bytes of a key.
    pub fn of<K: MerkleKey>(key: &K) -> Self {
        const {
            assert!(0 < K::WIDTH && K::WIDTH <= KEY_BYTES_MAX, "a key has 1 to 128 bytes");
        }
        let mut bytes = Self { bytes: [0; KEY_BYTES_MAX], len: 0 };
        key.write_key(&mut bytes);
        debug_assert_eq!(bytes.len, K::WIDTH, "a key has the width of its type");
        bytes
    }

    /// Appends bytes; a type whose keys are wider than it says loses what is beyond [`KEY_BYTES_MAX`].
    pub fn put(&mut self, more: &[u8]) {
        for (place, byte) in self.bytes.iter_mut().skip(self.len).zip(more) {
            *place = *byte;
        }
        self.len = self.len.saturating_add(more.len()).min(KEY_BYTES_MAX);
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Bit `index`, the most significant one of the first byte being 0; beyond the end it is 0.
    pub fn bit(&self, index: u16) -> bool {
        bit(&self.bytes, index)
    }

    /// The first bit in which two keys of one width differ.
    pub fn first_difference(&self, other: &Self) -> Option<u16> {
        let pairs = self.as_slice().iter().zip(other.as_slice());
        let (at, (a, b)) = pairs.enumerate().find(|(_, (a, b))| a != b)?;
        u16::try_from(at.saturating_mul(8).saturating_add((a ^ b).leading_zeros() as usize)).ok()
    }
}

/// Bit `index` of a text of bytes; beyond the end it is 0.
pub(super) fn bit(bytes: &[u8], index: u16) -> bool {
    bytes.get(usize::from(index / 8)).is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
}

macro_rules! number_keys {
    ($($number:ty)*) => { $(
        impl MerkleKey for $number {
            const WIDTH: usize = size_of::<Self>();

            fn write_key(&self, bytes: &mut KeyBytes) {
                bytes.put(&self.to_be_bytes());
            }

            fn read_key(bytes: &mut &[u8]) -> Option<Self> {
                let (first, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(Self::from_be_bytes(*first))
            }
        }
    )* };
}

number_keys!(u8 u16 u32 u64 u128);

macro_rules! unit_keys {
    ($($unit:ty)*) => { $(
        impl MerkleKey for $unit {
            const WIDTH: usize = 8;

            fn write_key(&self, bytes: &mut KeyBytes) {
                self.get().write_key(bytes);
            }

            fn read_key(bytes: &mut &[u8]) -> Option<Self> {
                u64::read_key(bytes).map(Self::new)
            }
        }
    )* };
}

unit_keys!(BlockHeight ChainClock Nonce Timestamp);

macro_rules! bytes_keys {
    ($($name:ty: $width:literal)*) => { $(
        impl MerkleKey for $name {
            const WIDTH: usize = $width;

            fn write_key(&self, bytes: &mut KeyBytes) {
                bytes.put(self.as_bytes());
            }

            fn read_key(bytes: &mut &[u8]) -> Option<Self> {
                let (first, rest) = bytes.split_first_chunk::<$width>()?;
                *bytes = rest;
                Some(Self::from_bytes(*first))
            }
        }
    )* };
}

bytes_keys!(Address: 20 BlockHash: 32 EvidenceNote: 32 Hash: 32 JobId: 32 ModelId: 32 ProfileId: 32 TransactionId: 32);

impl MerkleKey for Pair {
    const WIDTH: usize = 64;

    fn write_key(&self, bytes: &mut KeyBytes) {
        self.model.write_key(bytes);
        self.profile.write_key(bytes);
    }

    fn read_key(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { model: ModelId::read_key(bytes)?, profile: ProfileId::read_key(bytes)? })
    }
}

macro_rules! tuple_keys {
    ($($part:ident $index:tt)*) => {
        impl<$($part: MerkleKey),*> MerkleKey for ($($part,)*) {
            const WIDTH: usize = 0 $(+ $part::WIDTH)*;

            fn write_key(&self, bytes: &mut KeyBytes) {
                $( self.$index.write_key(bytes); )*
            }

            fn read_key(bytes: &mut &[u8]) -> Option<Self> {
                Some(($( $part::read_key(bytes)?, )*))
            }
        }
    };
}

tuple_keys!(A 0 B 1);
tuple_keys!(A 0 B 1 C 2);
tuple_keys!(A 0 B 1 C 2 D 3);
