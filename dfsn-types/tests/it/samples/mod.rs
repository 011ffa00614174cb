//! Fixed values of every encoded type: what the frozen vectors are made of.

mod chain;
mod job;
mod params;
mod proof;
mod transaction;

use std::array;

use borsh::BorshSerialize;
use dfsn_types::*;

/// Fixed values of a type, each with a description; of an enum, at least one a variant.
pub(crate) trait Sample: BorshSerialize + Sized {
    fn samples() -> Vec<(&'static str, Self)>;

    /// The hash that names the value, where the type has one.
    fn id(&self) -> Option<String> {
        None
    }

    /// The first sample, for use inside other samples.
    fn sample() -> Self {
        let first = Self::samples().into_iter().next();
        first.map(|(_, value)| value).expect("a type has at least one sample")
    }
}

/// `start, start + 1, ..`: bytes in which every place can be told from its neighbours.
pub(crate) fn counting<const N: usize>(start: u8) -> [u8; N] {
    array::from_fn(|index| start.wrapping_add(index as u8))
}

/// The network of all samples.
pub(crate) fn chain() -> ChainIdentity {
    ChainIdentity { chain_id: chain_id(7777), genesis: GenesisHash::from_bytes(counting(0xC0)) }
}

pub(crate) fn chain_id(id: u64) -> ChainId {
    ChainId::new(id).expect("a sample's chain id is in range")
}

/// The signing key number `n`.
pub(crate) fn secret_key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

/// The key number `n` of a wallet, from 1.
pub(crate) fn ethereum_key(n: u8) -> Secp256k1SecretKey {
    Secp256k1SecretKey::from_bytes(&[n; 32]).expect("a small number that is not 0")
}

/// The VRF key number `n`; its seed is no signing key's.
pub(crate) fn vrf_key(n: u8) -> VrfSecretKey {
    VrfSecretKey::from_seed(&[0x80 | n; 32])
}

pub(crate) fn bounded<T, const MAX: usize>(items: Vec<T>) -> BoundedVec<T, MAX> {
    BoundedVec::new(items).expect("a sample keeps its bound")
}

pub(crate) fn text<const MAX: usize>(text: &str) -> BoundedString<MAX> {
    BoundedString::new(text).expect("a sample keeps its bound")
}

macro_rules! u64_samples {
    ($($type:ty)*) => { $(
        impl Sample for $type {
            fn samples() -> Vec<(&'static str, Self)> {
                vec![
                    ("eight different bytes", Self::new(0x0102_0304_0506_0708)),
                    ("zero", Self::ZERO),
                    ("the largest", Self::new(u64::MAX)),
                ]
            }
        }
    )* };
}

u64_samples!(BlockHeight Nonce Timestamp ChainClock DurationMs Gas RuleVersion WorkUnits Ppm);

macro_rules! bytes_samples {
    ($($type:ty)*) => { $(
        impl Sample for $type {
            fn samples() -> Vec<(&'static str, Self)> {
                vec![
                    ("counting from 1", Self::from_bytes(counting(1))),
                    ("zeros", Self::from_bytes(array::from_fn(|_| 0))),
                    ("ones", Self::from_bytes(array::from_fn(|_| 0xFF))),
                ]
            }
        }
    )* };
}

bytes_samples!(Address NodeId PublicKey Signature Salt Hash);
bytes_samples!(AnswerDigest Beacon BlockHash BodyRoot DutyId FileHash GenesisHash JobId ModelId PixelHash);
bytes_samples!(EvidenceNote ProfileId ReceiptsRoot StateDigest StateRoot TraceRoot TransactionId);

impl Sample for Amount {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("one and a half coins", Self::from_base_units(1_500_000_000_000_000_000)),
            ("nothing", Self::ZERO),
            ("the largest", Self::from_base_units(u128::MAX)),
        ]
    }
}

impl Sample for BasisPoints {
    fn samples() -> Vec<(&'static str, Self)> {
        let share = |value| Self::new(value).expect("a sample keeps its bound");
        vec![("5.01 percent", share(501)), ("none", share(0)), ("the whole", Self::WHOLE)]
    }
}

impl Sample for ChainId {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("7777", chain_id(7777)), ("the least", chain_id(1)), ("the largest", chain_id(Self::MAX))]
    }
}

impl Sample for Attempt {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("the first", Self::FIRST), ("the third", Self::new(3)), ("the largest", Self::new(u8::MAX))]
    }
}

impl Sample for VrfPublicKey {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("key 1", vrf_key(1).public_key()), ("key 2", vrf_key(2).public_key())]
    }
}

impl Sample for VrfProof {
    fn samples() -> Vec<(&'static str, Self)> {
        let proof = vrf_key(1).prove(b"sample").expect("the input has a point");
        vec![
            ("of key 1 over \"sample\"", proof),
            ("any bytes are a proof's form", Self::from_bytes(&counting(1))),
        ]
    }
}

impl Sample for VrfOutput {
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("of key 1 over \"sample\"", vrf_key(1).evaluate(b"sample").expect("the input has a point"))]
    }
}

impl Sample for BoundedVec<Boundary, 4> {
    fn samples() -> Vec<(&'static str, Self)> {
        let items = |count: u8| bounded((0..count).map(|image| Boundary { image, t: 300 }).collect());
        vec![("two elements", items(2)), ("none", Self::empty()), ("full", items(4))]
    }
}

impl<const MAX: usize> Sample for BoundedString<MAX> {
    fn samples() -> Vec<(&'static str, Self)> {
        // The largest type keeps its full text short of a screen.
        let full = if MAX > 100 { "~".repeat(100) } else { "~".repeat(MAX) };
        vec![
            ("ASCII", text("R-042")),
            ("empty", text("")),
            ("two and four bytes a character", text("é🦊")),
            ("long", text(&full)),
            ("control characters and quotes", text("\0\n\"\\")),
        ]
    }
}
