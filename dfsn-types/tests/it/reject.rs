//! What must not be taken: bytes, lengths, parameters and blocks that break a rule, each with its error.

mod block;
mod bounds;
mod params;

use borsh::BorshDeserialize;
use dfsn_types::codec::{decode, encode};
use dfsn_types::*;

use crate::samples::{Sample, bounded, chain, counting, secret_key, text};

#[test]
fn more_bytes_than_allowed() {
    let bytes = encode(&Header::sample());
    let (actual, max) = (bytes.len(), bytes.len() - 1);
    assert_eq!(decode::<Header>(&bytes, max), Err(DecodeError::TooLarge { actual, max }));
    assert_eq!(decode::<Header>(&bytes, actual), Ok(Header::sample()));

    let long = vec![0; SignedTransaction::MAX_BYTES + 1];
    let too_large = DecodeError::TooLarge { actual: 16_385, max: 16_384 };
    assert_eq!(SignedTransaction::decode(&long), Err(too_large));
    let long = vec![0; SignedDuty::MAX_BYTES + 1];
    assert_eq!(SignedDuty::decode(&long), Err(DecodeError::TooLarge { actual: 262_145, max: 262_144 }));
    let long = vec![0; Block::MAX_BYTES + 1];
    let too_large = DecodeError::TooLarge { actual: 1_576_961, max: 1_576_960 };
    assert_eq!(Block::decode(&long, &chain()), Err(BlockError::Decode(too_large)));
}

/// Errors name the type as a reader of the code knows it.
#[test]
fn malformed_bytes_name_the_type() {
    let name = |error| match error {
        DecodeError::Malformed { type_name, reason } => {
            assert!(!reason.is_empty());
            type_name
        }
        DecodeError::TooLarge { .. } => panic!("no bytes are not too many"),
    };
    assert_eq!(decode::<Header>(&[], 0).map_err(name), Err("Header"));
    assert_eq!(decode::<BoundedString<8>>(&[], 0).map_err(name), Err("BoundedString"));
    assert_eq!(decode::<BoundedVec<Boundary, 4>>(&[], 0).map_err(name), Err("BoundedVec"));
    assert_eq!(decode::<Vec<Boundary>>(&[], 0).map_err(name), Err("Vec"));
}

/// Booleans and options have two encodings, texts are UTF-8.
#[test]
fn bytes_without_a_meaning() {
    let bytes = encode(&GenerationRequest::sample());
    let last = bytes.len() - 1;
    for value in 0..=u8::MAX {
        let mut changed = bytes.clone();
        changed[last] = value;
        assert_eq!(GenerationRequest::try_from_slice(&changed).is_ok(), value < 2, "{value} as unaudited");
    }

    let reveal =
        DutyKind::RevealAnswer { answer: AnswerRef::sample(), digest: StateDigest::sample(), opening: None };
    let bytes = encode(&reveal);
    let last = bytes.len() - 1;
    for value in 1..=u8::MAX {
        let mut changed = bytes.clone();
        changed[last] = value;
        assert!(DutyKind::try_from_slice(&changed).is_err(), "{value} as a tag without a value");
    }

    let mut bytes = encode(&text::<8>("abcd"));
    for invalid in [[0xC0, 0x80, b'c', b'd'], [0xED, 0xA0, 0x80, b'd'], [b'a', b'b', b'c', 0xFF]] {
        bytes[4..].copy_from_slice(&invalid);
        assert!(BoundedString::<8>::try_from_slice(&bytes).is_err(), "{invalid:?} is no UTF-8");
    }
}

/// Values in a range of their own are checked on the way in, whatever the form.
#[test]
fn numbers_out_of_range() {
    fn refused<T: BorshDeserialize + serde::de::DeserializeOwned + core::fmt::Debug>(
        number: u64,
        size: usize,
    ) {
        let bytes = &number.to_le_bytes()[..size];
        let from_bytes = T::try_from_slice(bytes).map_err(|error| error.to_string());
        let from_json = serde_json::from_str::<T>(&number.to_string()).map_err(|error| error.to_string());
        for error in [from_bytes.expect_err("out of range"), from_json.expect_err("out of range")] {
            assert!(error.starts_with(&rule(number, size)), "{error:?} does not name the rule broken");
        }
    }
    fn rule(number: u64, size: usize) -> String {
        match (number, size) {
            (10_001 | 65_535, 2) => format!("{number} basis points are more than the whole (10000)"),
            (_, 2) => format!("strength {number} thousandths is over 1000 (1.0)"),
            (_, 4) => format!("guidance scale {number} thousandths is over 100000 (100.0)"),
            _ => format!("chain id {number} is not between 1 and 2^52 - 1"),
        }
    }
    refused::<BasisPoints>(10_001, 2);
    refused::<BasisPoints>(65_535, 2);
    refused::<Strength>(1_001, 2);
    refused::<GuidanceScale>(100_001, 4);
    refused::<GuidanceScale>(u64::from(u32::MAX), 4);
    refused::<ChainId>(0, 8);
    refused::<ChainId>(1 << 52, 8);
    refused::<ChainId>(u64::MAX, 8);
}

/// A VRF key is a point of large order, or it is none.
#[test]
fn vrf_keys_that_are_none() {
    let mut identity = [0; 32];
    identity[0] = 1;
    // The y of a point of order 8 is no coordinate of the base point's group.
    for bytes in [identity, [0; 32], [0xFF; 32]] {
        assert!(VrfPublicKey::try_from_slice(&bytes).is_err(), "{}", hex::encode(bytes));
        let json = format!("\"{}\"", hex::encode(bytes));
        assert!(serde_json::from_str::<VrfPublicKey>(&json).is_err(), "{json}");
    }
}

/// What the limits are for: the largest honest messages fit.
#[test]
fn largest_messages_fit() {
    let path = bounded((0..10).map(|start| Hash::from_bytes(counting(start))).collect());
    let opening = LeafOpening { path, ..LeafOpening::sample() };
    let kind = DutyKind::OpenAudit { openings: bounded(vec![opening; LEAVES_MAX]) };
    let duty = Duty { kind, ..Duty::sample() }.sign(&chain(), &secret_key(2));
    let bytes = encode(&duty);
    assert!(bytes.len() <= SignedDuty::MAX_BYTES, "{} bytes", bytes.len());
    assert_eq!(SignedDuty::decode(&bytes), Ok(duty));

    let prompt = "x".repeat(2048);
    let params = GenerationParams::builder(
        ModelId::sample(),
        ProfileId::sample(),
        prompt.as_str(),
        ImageSize::sample(),
    )
    .negative_prompt(prompt.as_str())
    .init_image(FileHash::sample(), Strength::FULL)
    .build()
    .expect("the longest prompts are allowed");
    let offers = bounded(vec![PairOffer::sample(); PAIRS_MAX]);
    let registration = ComputeRegistration { offers, ..ComputeRegistration::sample() };
    let kinds = [
        TransactionKind::GenerationRequest(Box::new(GenerationRequest {
            params,
            ..GenerationRequest::sample()
        })),
        TransactionKind::RegisterCompute(Box::new(ComputeUpdate { registration, ..ComputeUpdate::sample() })),
    ];
    for kind in kinds {
        let signed = Transaction { kind, ..Transaction::sample() }.sign(&chain(), &secret_key(1));
        let bytes = encode(&signed);
        assert_eq!(SignedTransaction::decode(&bytes), Ok(signed), "{} bytes", bytes.len());
    }
}
