//! Random values and random bytes of every type: round trips, one encoding a value, no other bytes accepted.

use std::collections::BTreeSet;

use dfsn_types::codec::{decode, encode};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use crate::registry::{Wire, for_each_enum, for_each_wire_type};
use crate::strategies::{Generate, random};

/// Runs a property of random values, without a file of past failures.
pub(crate) fn check<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(error) = TestRunner::new(config).run(strategy, test) {
        panic!("{error}");
    }
}

/// What the properties need of a random value, without its type: they are compiled once and not for each of a hundred types.
#[derive(Clone, Debug)]
struct Drawn {
    bytes: Vec<u8>,
    json: String,
    /// What the bytes and the JSON give that is not the value.
    faults: Vec<String>,
}

impl Drawn {
    fn of<T: Wire>(value: &T) -> Self {
        let bytes = encode(value);
        let json = serde_json::to_string(value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        let (decoded, read) = (decode::<T>(&bytes, bytes.len()), serde_json::from_str::<T>(&json));
        let mut faults = Vec::new();
        if decoded.as_ref().ok() != Some(value) {
            faults.push(format!("{value:?} has bytes that give {decoded:?}"));
        }
        if read.as_ref().ok() != Some(value) {
            faults.push(format!("{value:?} has JSON {json} that gives {read:?}"));
        }
        Self { bytes, json, faults }
    }
}

fn drawn<T: Wire>() -> BoxedStrategy<Drawn> {
    random::<T>().prop_map(|value| Drawn::of(&value)).boxed()
}

/// Two values, and whether they are equal.
fn drawn_pair<T: Wire>() -> BoxedStrategy<(bool, Drawn, Drawn)> {
    (random::<T>(), random::<T>()).prop_map(|(a, b)| (a == b, Drawn::of(&a), Drawn::of(&b))).boxed()
}

/// Bytes of one type, decoded and encoded again.
type Recode = fn(&[u8]) -> Option<Vec<u8>>;

fn recode<T: Wire>(bytes: &[u8]) -> Option<Vec<u8>> {
    decode::<T>(bytes, bytes.len()).ok().map(|value| encode(&value))
}

/// Decoding the bytes, and reading the JSON, gives the value back.
fn round_trip(values: &BoxedStrategy<Drawn>) {
    check(256, values, |value| {
        prop_assert!(value.faults.is_empty(), "{:?}", value.faults);
        Ok(())
    });
}

/// Bytes from nowhere either decode to a value that has these bytes, or fail.
fn arbitrary_bytes(recode: Recode) {
    check(256, &proptest::collection::vec(any::<u8>(), 0..200), |bytes| {
        let again = recode(&bytes);
        prop_assert!(again.as_ref().is_none_or(|again| *again == bytes), "{bytes:?} give {again:?}");
        Ok(())
    });
}

/// A change to the bytes of a value.
#[derive(Clone, Debug)]
enum Mutation {
    FlipBit(Index, u8),
    Truncate(Index),
    Append(Vec<u8>),
    /// Writes a number where a length may stand.
    SetLength(Index, u32),
}

fn mutations() -> impl Strategy<Value = Mutation> {
    let length = prop_oneof![Just(u32::MAX), Just(1 << 31), 0..1_000u32, any::<u32>()];
    prop_oneof![
        (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Mutation::FlipBit(at, bit)),
        any::<Index>().prop_map(Mutation::Truncate),
        proptest::collection::vec(any::<u8>(), 1..40).prop_map(Mutation::Append),
        (any::<Index>(), length).prop_map(|(at, length)| Mutation::SetLength(at, length)),
    ]
}

/// Changed bytes of a valid value either are another value's only bytes, or fail; cut or longer ones fail.
fn mutated_bytes(values: &BoxedStrategy<Drawn>, recode: Recode) {
    check(384, &(values, mutations()), |(value, mutation)| {
        let mut bytes = value.bytes;
        let must_fail = matches!(mutation, Mutation::Truncate(_) | Mutation::Append(_));
        match mutation {
            Mutation::FlipBit(at, bit) => *at.get_mut(&mut bytes) ^= 1 << bit,
            Mutation::Truncate(at) => bytes.truncate(at.index(bytes.len())),
            Mutation::Append(more) => bytes.extend(more),
            Mutation::SetLength(at, length) => {
                let at = at.index(bytes.len());
                for (byte, new) in bytes[at..].iter_mut().zip(length.to_le_bytes()) {
                    *byte = new;
                }
            }
        }
        if let Some(again) = recode(&bytes) {
            prop_assert!(!must_fail, "cut or longer bytes decode");
            prop_assert_eq!(again, bytes);
        }
        Ok(())
    });
}

/// Different values have different bytes and different JSON.
fn injective(pairs: &BoxedStrategy<(bool, Drawn, Drawn)>) {
    check(64, pairs, |(are_equal, a, b)| {
        prop_assert_eq!(are_equal, a.bytes == b.bytes, "{:?} and {:?}", a, b);
        prop_assert_eq!(are_equal, a.json == b.json, "{:?} and {:?}", a, b);
        Ok(())
    });
}

macro_rules! properties {
    ($($name:ident: $type:ty,)*) => { $(
        mod $name {
            #[allow(unused_imports, reason = "every module needs one of the names")]
            use dfsn_types::*;

            #[test]
            fn round_trip() {
                super::round_trip(&super::drawn::<$type>());
            }

            #[test]
            fn arbitrary_bytes() {
                super::arbitrary_bytes(super::recode::<$type>);
            }

            #[test]
            fn mutated_bytes() {
                super::mutated_bytes(&super::drawn::<$type>(), super::recode::<$type>);
            }

            #[test]
            fn injective() {
                super::injective(&super::drawn_pair::<$type>());
            }
        }
    )* };
}

for_each_wire_type!(properties);

/// The first bytes of an enum's values are 0, 1, .. without a gap, the next one is no variant, and both the
/// samples and the strategy reach them all.
fn variants<T: Wire + Generate>() {
    let name = std::any::type_name::<T>();
    let sampled: BTreeSet<u8> = T::samples().iter().map(|(_, value)| encode(value)[0]).collect();
    let count = u8::try_from(sampled.len()).expect("fewer than 256 variants");
    assert!(sampled.iter().copied().eq(0..count), "{name}: no sample of some variant, only {sampled:?}");
    let beyond =
        T::try_from_slice(&[count]).map(|value| format!("{value:?}")).map_err(|error| error.to_string());
    let refused = format!("Unexpected variant tag: {count}");
    assert_eq!(beyond, Err(refused), "{name} has a variant without a sample");

    let drawn = std::cell::RefCell::new(BTreeSet::new());
    // Some variants are drawn once in two hundred times.
    check(10_000, &random::<T>().prop_map(|value| encode(&value)[0]).boxed(), |tag| {
        drawn.borrow_mut().insert(tag);
        Ok(())
    });
    assert_eq!(drawn.into_inner(), sampled, "{name}: left the strategy's variants, right the samples'");
}

#[test]
fn every_variant_is_covered() {
    use dfsn_types::*;

    macro_rules! check_variants {
        ($($name:ident: $type:ty,)*) => { $( variants::<$type>(); )* };
    }
    for_each_enum!(check_variants);
}
