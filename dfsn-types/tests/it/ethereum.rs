//! What wallets sign, against transactions that another implementation made (`tests/ethereum/make_vectors.mjs`).

mod interface;
mod keys;

use std::collections::BTreeSet;

use alloy_primitives::hex;
use dfsn_types::*;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::properties::check;
use crate::samples::{Sample, chain, ethereum_key};
use crate::strategies::random;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../ethereum/vectors.json")).expect("the vectors are JSON")
}

fn list(vectors: &Value, name: &str) -> Vec<Value> {
    vectors[name].as_array().expect("a list").clone()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().expect("a text")
}

fn transaction(case: &Value) -> SignedTransaction {
    EthereumTransaction::new(hex::decode(text(case, "raw")).expect("hex")).expect("short").into()
}

#[test]
fn wallets_transactions_are_understood() {
    let vectors = vectors();
    let sender: Address = text(&vectors, "sender").parse().expect("a checksummed address");
    for case in list(&vectors, "valid") {
        let description = text(&case, "description");
        let signed = transaction(&case);
        let id = signed.id();
        let verified = match signed.clone().verify(&chain()) {
            Ok(verified) => verified,
            Err(error) => panic!("{description}: {error}"),
        };
        let kind: TransactionKind = serde_json::from_value(case["kind"].clone()).expect("a kind");
        let units = |field| text(&case, field).parse::<Amount>().expect("an amount");
        let expected = Transaction {
            chain_id: chain().chain_id,
            nonce: Nonce::new(case["nonce"].as_u64().expect("a nonce")),
            gas_limit: Gas::new(case["gas_limit"].as_u64().expect("gas")),
            max_fee_per_gas: units("max_fee_per_gas"),
            max_priority_fee_per_gas: units("max_priority_fee_per_gas"),
            kind,
        };
        assert_eq!(verified.transaction(), &expected, "{description}");
        assert_eq!(verified.sender(), sender, "{description}");
        assert_eq!(format!("0x{id}"), text(&case, "hash"), "{description}");
        assert_eq!((verified.id(), verified.signed()), (id, &signed), "{description}");
        assert_eq!(verified.value(), Some(units("value")), "{description}");
        let data_len = verified.call_data_len().map(|len| len as u64);
        assert_eq!(data_len, case["data_len"].as_u64(), "{description}");
        assert_eq!(verified.byte_len(), codec::encode(&signed).len(), "{description}");
        let AccountKey::Secp256k1(_) = verified.key() else { panic!("{description}: {}", verified.key()) };
    }
}

/// Every kind was encoded by another implementation, too.
#[test]
fn every_kind_that_wallets_can_send_has_a_vector() {
    let vectors = list(&vectors(), "valid");
    let kinds = vectors.iter().map(|case| serde_json::from_value(case["kind"].clone()).expect("a kind"));
    let encoded: BTreeSet<_> = kinds.map(|kind: TransactionKind| kind.name()).collect();
    let is_native_only = |name: &str| NATIVE_ONLY.iter().any(|(native, _)| *native == name);
    let samples = TransactionKind::samples();
    let names = samples.iter().map(|(_, kind)| kind.name()).filter(|name| !is_native_only(name));
    let how = "add the kind to tests/ethereum/calls.mjs and run `npm ci && npm run vectors` there";
    assert_eq!(encoded, names.collect(), "{how}");
}

/// Every transaction of the vectors that breaks a rule is refused by that rule.
fn refused(rule: &str) {
    let cases = list(&vectors(), "invalid");
    let cases: Vec<_> = cases.iter().filter(|case| text(case, "error") == rule).collect();
    assert!(!cases.is_empty(), "no vector breaks {rule}");
    for case in cases {
        let error = match transaction(case).verify(&chain()) {
            Ok(verified) => panic!("{}: taken as {:?}", text(case, "description"), verified.transaction()),
            Err(error) => error,
        };
        let named = match &error {
            TransactionError::Ethereum(error) => error.to_string().starts_with(&format!("{rule}: ")),
            TransactionError::ChainId { .. } => rule == "chain",
            _ => false,
        };
        assert!(named, "{}: {error}", text(case, "description"));
    }
}

#[test]
fn eth_01_other_types_and_other_bytes() {
    refused("ETH-01");
}

#[test]
fn eth_02_networks_of_others_and_of_everybody() {
    refused("ETH-02");
    refused("chain");
}

#[test]
fn eth_03_access_lists_creations_and_values_that_do_not_fit() {
    refused("ETH-03");
}

#[test]
fn eth_04_data_to_accounts_and_none_to_the_system() {
    refused("ETH-04");
}

#[test]
fn eth_05_input_that_is_not_canonical() {
    refused("ETH-05");
}

#[test]
fn eth_06_arguments_out_of_range() {
    refused("ETH-06");
}

#[test]
fn sig_04_high_s_and_numbers_out_of_range() {
    refused("SIG-04");
}

#[test]
fn every_invalid_vector_names_a_rule_that_is_tested() {
    let rules = ["ETH-01", "ETH-02", "ETH-03", "ETH-04", "ETH-05", "ETH-06", "SIG-04", "chain"];
    for case in list(&vectors(), "invalid") {
        assert!(rules.contains(&text(&case, "error")), "{case}");
    }
}

#[test]
fn eth_07_id_is_the_hash_that_wallets_show() {
    // The first byte string whose Keccak-256 everybody knows.
    let empty = EthereumTransaction::new(Vec::new()).expect("short");
    let hash = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    assert_eq!(empty.id().to_string(), hash);
}

/// Whoever changes a bit of a transaction has another sender's, or none.
#[test]
fn eth_07_no_bit_of_a_transaction_can_be_changed() {
    let samples = EthereumTransaction::samples();
    let valid: Vec<_> = samples.into_iter().map(|(_, sample)| sample).collect();
    check(512, &(any::<Index>(), any::<Index>()), |(which, bit)| {
        let original = &valid[which.index(valid.len() - 1)];
        let mut bytes = original.as_bytes().to_vec();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = SignedTransaction::from(EthereumTransaction::new(bytes).expect("as long as before"));
        prop_assert_ne!(changed.id(), original.id());
        if let Ok(verified) = changed.verify(&chain()) {
            prop_assert_ne!(verified.sender(), ethereum_key(1).address());
        }
        Ok(())
    });
}

#[test]
fn eth_01_random_bytes_never_panic() {
    let behind = proptest::collection::vec(any::<u8>(), 0..300);
    let first = prop_oneof![Just(1u8), Just(2), 0xc0u8.., any::<u8>()];
    check(2_000, &(first, behind), |(first, mut bytes)| {
        bytes.insert(0, first);
        let transaction = EthereumTransaction::new(bytes).expect("few bytes");
        prop_assert!(SignedTransaction::from(transaction).verify(&chain()).is_err());
        Ok(())
    });
}

#[test]
fn signed_by_us_and_read_back() {
    check(64, &(random::<Transaction>(), random::<Amount>()), |(transaction, value)| {
        let value = match &transaction.kind {
            TransactionKind::Transfer { amount, .. } | TransactionKind::Stake { amount } => *amount,
            _ => value,
        };
        let transaction = Transaction { chain_id: chain().chain_id, ..transaction };
        if NATIVE_ONLY.iter().any(|(name, _)| *name == transaction.kind.name()) {
            return Ok(());
        }
        let signed = transaction.sign_ethereum(value, &ethereum_key(2)).expect("an Ethereum form");
        let verified = SignedTransaction::from(signed).verify(&chain());
        let verified = verified.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(verified.transaction(), &transaction);
        prop_assert_eq!(verified.sender(), ethereum_key(2).address());
        prop_assert_eq!(verified.value(), Some(value));
        Ok(())
    });
}

#[test]
fn eth_01_size_is_bounded_before_anything_is_read() {
    let max = EthereumTransaction::MAX_BYTES;
    assert!(EthereumTransaction::new(vec![0; max]).is_ok());
    let too_long = TooLong { actual: max + 1, max };
    assert_eq!(EthereumTransaction::new(vec![0; max + 1]), Err(too_long));
    let longest = SignedTransaction::from(EthereumTransaction::new(vec![0; max]).expect("the longest"));
    assert_eq!(codec::encode(&longest).len(), SignedTransaction::MAX_BYTES);
    assert_eq!(SignedTransaction::decode(&codec::encode(&longest)), Ok(longest));

    let mut claims_too_much = vec![1];
    claims_too_much.extend((max as u32 + 1).to_le_bytes());
    assert!(SignedTransaction::decode(&claims_too_much).is_err());
}
