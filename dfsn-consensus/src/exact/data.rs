//! Whole tensors, and what commits to one.

use std::ops::Range;

use dfsn_types::Hash;

use super::evaluate::{Value, canonical};
use super::tensor::{Element, TensorSpec};

/// A tensor's elements, row-major; floats as bit patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TensorData {
    /// Bits of f32.
    F32(Vec<u32>),
    /// Quantised values.
    I16(Vec<i16>),
    /// Token ids and sort keys.
    I32(Vec<i32>),
    /// Exact sums.
    I64(Vec<i64>),
}

impl TensorData {
    /// Of floats.
    pub fn from_floats(floats: &[f32]) -> Self {
        Self::F32(floats.iter().map(|float| canonical(float.to_bits())).collect())
    }

    /// The type of the elements.
    pub const fn element(&self) -> Element {
        match self {
            Self::F32(_) => Element::F32,
            Self::I16(_) => Element::I16,
            Self::I32(_) => Element::I32,
            Self::I64(_) => Element::I64,
        }
    }

    /// Elements in all.
    pub const fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One element.
    pub fn get(&self, index: usize) -> Option<Value> {
        match self {
            Self::F32(values) => values.get(index).copied().map(Value::F32),
            Self::I16(values) => values.get(index).copied().map(Value::I16),
            Self::I32(values) => values.get(index).copied().map(Value::I32),
            Self::I64(values) => values.get(index).copied().map(Value::I64),
        }
    }

    /// The numbers, if they are floats.
    pub fn to_floats(&self) -> Option<Vec<f32>> {
        match self {
            Self::F32(bits) => Some(bits.iter().map(|bits| f32::from_bits(*bits)).collect()),
            _ => None,
        }
    }

    /// The bytes, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    /// The bytes of some elements; none if they are not all there.
    pub fn part_bytes(&self, range: Range<usize>) -> Option<Vec<u8>> {
        Some(
            match self {
                Self::F32(values) => Self::F32(values.get(range)?.to_vec()),
                Self::I16(values) => Self::I16(values.get(range)?.to_vec()),
                Self::I32(values) => Self::I32(values.get(range)?.to_vec()),
                Self::I64(values) => Self::I64(values.get(range)?.to_vec()),
            }
            .to_bytes(),
        )
    }

    /// BLAKE3 hash of the bytes.
    pub fn hash(&self) -> Hash {
        let mut bytes = blake3::Hasher::new();
        match self {
            Self::F32(values) => update(&mut bytes, values, |value| value.to_le_bytes()),
            Self::I16(values) => update(&mut bytes, values, |value| value.to_le_bytes()),
            Self::I32(values) => update(&mut bytes, values, |value| value.to_le_bytes()),
            Self::I64(values) => update(&mut bytes, values, |value| value.to_le_bytes()),
        };
        Hash::from_bytes(*bytes.finalize().as_bytes())
    }

    /// The commitment to a tensor, see [`tensor_root`].
    pub fn root(&self, spec: &TensorSpec) -> [u8; 32] {
        *tensor_root(spec, &self.hash()).as_bytes()
    }
}

/// The commitment to a tensor: its type, its dimensions and the BLAKE3 hash of its little-endian bytes (rule EXA-02).
pub fn tensor_root(spec: &TensorSpec, hash: &Hash) -> Hash {
    let mut root = blake3::Hasher::new_derive_key("dfsn exact-v1 tensor");
    // Writing to a hasher cannot fail.
    let _ = borsh::to_writer(&mut root, spec);
    root.update(hash.as_bytes());
    Hash::from_bytes(*root.finalize().as_bytes())
}

/// Hashes values in pieces that stay in the cache.
fn update<T: Copy, const N: usize>(hasher: &mut blake3::Hasher, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    for piece in values.chunks(16_384) {
        let piece: Vec<u8> = piece.iter().flat_map(|value| bytes(*value)).collect();
        hasher.update(&piece);
    }
}
