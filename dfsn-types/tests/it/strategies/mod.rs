//! Random values of every type that is read from outside, for the properties.

mod chain;
mod job;
pub(crate) mod proof;
mod transaction;

use std::sync::LazyLock;

use dfsn_types::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::samples::{Sample, chain, secret_key, vrf_key};

/// Random values of a type, over its whole range.
pub(crate) trait Generate: Sized {
    fn strategy() -> BoxedStrategy<Self>;
}

/// Shorthand for a type's strategy.
pub(crate) fn random<T: Generate>() -> BoxedStrategy<T> {
    T::strategy()
}

/// Bounded vectors of at most `max` elements: full ones would be slow, and `reject.rs` covers the bounds.
fn few<T, const MAX: usize>(max: usize) -> BoxedStrategy<BoundedVec<T, MAX>>
where
    T: Generate + Clone + core::fmt::Debug + 'static,
{
    let bound = |items| BoundedVec::new(items).expect("at most MAX elements were drawn");
    vec(random::<T>(), 0..=max.min(MAX)).prop_map(bound).boxed()
}

macro_rules! number_strategies {
    ($($type:ty)*) => { $(
        impl Generate for $type {
            fn strategy() -> BoxedStrategy<Self> {
                any::<Self>().boxed()
            }
        }
    )* };
}

number_strategies!(u8 u16 u32 u64);

macro_rules! u64_strategies {
    ($($type:ty)*) => { $(
        impl Generate for $type {
            fn strategy() -> BoxedStrategy<Self> {
                any::<u64>().prop_map(Self::new).boxed()
            }
        }
    )* };
}

u64_strategies!(BlockHeight Nonce Timestamp ChainClock DurationMs Gas RuleVersion WorkUnits Ppm);

macro_rules! bytes_strategies {
    ($len:literal: $($type:ty)*) => { $(
        impl Generate for $type {
            fn strategy() -> BoxedStrategy<Self> {
                any::<[u8; $len]>().prop_map(Self::from_bytes).boxed()
            }
        }
    )* };
}

bytes_strategies!(20: Address NodeId);
bytes_strategies!(32: PublicKey Salt Hash AnswerDigest Beacon BlockHash BodyRoot DutyId FileHash GenesisHash);
bytes_strategies!(32: JobId ModelId PixelHash ProfileId ReceiptsRoot StateDigest StateRoot TraceRoot);
bytes_strategies!(32: EvidenceNote TransactionId);

macro_rules! plain_enum_strategies {
    ($($type:ty)*) => { $(
        impl Generate for $type {
            fn strategy() -> BoxedStrategy<Self> {
                // The samples of an enum without fields are all of its values.
                let all: Vec<_> = Self::samples().into_iter().map(|(_, value)| value).collect();
                select(all).boxed()
            }
        }
    )* };
}

plain_enum_strategies!(Fault PairStatus RefundReason Role SchedulerKind ValidatorStatus);

fn array<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().expect("N bytes were drawn"))
}

impl Generate for Signature {
    fn strategy() -> BoxedStrategy<Self> {
        array().prop_map(Self::from_bytes).boxed()
    }
}

impl Generate for VrfProof {
    fn strategy() -> BoxedStrategy<Self> {
        array().prop_map(|bytes| Self::from_bytes(&bytes)).boxed()
    }
}

/// Decoding a VRF key costs a square root and making one a multiplication: few keys, made once.
static VRF_KEYS: LazyLock<Vec<VrfPublicKey>> =
    LazyLock::new(|| (0..8).map(|n| vrf_key(n).public_key()).collect());

static VRF_OUTPUTS: LazyLock<Vec<VrfOutput>> = LazyLock::new(|| {
    let output = |n: u8| vrf_key(n).evaluate(&[n]).expect("the input has a point");
    (0..8).map(output).collect()
});

impl Generate for VrfPublicKey {
    fn strategy() -> BoxedStrategy<Self> {
        select(VRF_KEYS.as_slice()).boxed()
    }
}

impl Generate for VrfOutput {
    fn strategy() -> BoxedStrategy<Self> {
        select(VRF_OUTPUTS.as_slice()).boxed()
    }
}

impl Generate for Amount {
    fn strategy() -> BoxedStrategy<Self> {
        // Small, large and everything between: a plain u128 is nearly always above 2^120.
        (any::<u128>(), 0u32..128).prop_map(|(units, shift)| Self::from_base_units(units >> shift)).boxed()
    }
}

impl Generate for BasisPoints {
    fn strategy() -> BoxedStrategy<Self> {
        (0..=10_000u16).prop_map(|value| Self::new(value).expect("in range")).boxed()
    }
}

impl Generate for ChainId {
    fn strategy() -> BoxedStrategy<Self> {
        (1..=Self::MAX).prop_map(|id| Self::new(id).expect("in range")).boxed()
    }
}

impl Generate for Attempt {
    fn strategy() -> BoxedStrategy<Self> {
        any::<u8>().prop_map(Self::new).boxed()
    }
}

impl Generate for BoundedVec<Boundary, 4> {
    fn strategy() -> BoxedStrategy<Self> {
        few(4)
    }
}

impl<const MAX: usize> Generate for BoundedString<MAX> {
    fn strategy() -> BoxedStrategy<Self> {
        // Any characters, control and astral ones too, cut at the last whole one that fits.
        let fit = |characters: Vec<char>| {
            let mut text = String::new();
            for character in characters {
                if text.len() + character.len_utf8() > MAX {
                    break;
                }
                text.push(character);
            }
            Self::new(text).expect("cut to fit")
        };
        vec(any::<char>(), 0..MAX.min(40)).prop_map(fit).boxed()
    }
}

/// One of the networks and one of the keys; signing is slow, so keys are few.
fn signer() -> impl Strategy<Value = (ChainIdentity, SecretKey)> {
    (0..4u8).prop_map(|n| (chain(), secret_key(n)))
}
