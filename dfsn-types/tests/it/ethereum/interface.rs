//! The interface of the system address: the JSON that wallets load, and what the decoder knows.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::keccak256;
use dfsn_types::*;
use serde_json::Value;

use crate::samples::Sample;

fn functions() -> BTreeMap<String, Value> {
    let abi: Value = serde_json::from_str(include_str!("../../../abi/IDfsn.json")).expect("JSON");
    let entries = abi.as_array().expect("a list").iter();
    let named = entries.map(|entry| (entry["name"].as_str().expect("a name").to_owned(), entry.clone()));
    named.collect()
}

/// The type in a signature: structures are lists of their fields' types.
fn canonical_type(input: &Value) -> String {
    let name = input["type"].as_str().expect("a type");
    let Some(rest) = name.strip_prefix("tuple") else { return name.to_owned() };
    format!("({}){rest}", canonical_types(&input["components"]))
}

fn canonical_types(inputs: &Value) -> String {
    inputs.as_array().expect("a list").iter().map(canonical_type).collect::<Vec<_>>().join(",")
}

fn selector(function: &Value) -> [u8; 4] {
    let name = function["name"].as_str().expect("a name");
    let signature = format!("{name}({})", canonical_types(&function["inputs"]));
    *keccak256(signature).0.first_chunk().expect("a hash has 32 bytes")
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(1);
        name + &initial.to_uppercase() + rest
    })
}

/// What a sample of the kind moves: its amount, or any.
fn call(kind: &TransactionKind) -> Result<EthereumCall, EthereumCallError> {
    EthereumCall::new(kind, Amount::sample())
}

#[test]
fn every_kind_has_a_function_or_a_reason_to_have_none() {
    let (functions, mut used) = (functions(), BTreeSet::new());
    let native_only: BTreeMap<_, _> = NATIVE_ONLY.iter().copied().collect();
    assert_eq!(native_only.len(), NATIVE_ONLY.len(), "a kind is listed twice");
    for (_, kind) in TransactionKind::samples() {
        let name = kind.name();
        let function = functions.get(&camel_case(name));
        if let TransactionKind::Transfer { .. } = kind {
            assert!(function.is_none(), "a transfer is a transaction without data");
        } else if let Some(reason) = native_only.get(name) {
            assert!(reason.len() > 20, "{name}: {reason:?} is no reason");
            assert_eq!(call(&kind), Err(EthereumCallError::NativeOnly(name)));
            assert!(function.is_none(), "{name} has a function and is listed as native only");
        } else {
            let function =
                function.unwrap_or_else(|| panic!("no function for {name}, and no reason in NATIVE_ONLY"));
            let data = call(&kind).unwrap_or_else(|error| panic!("{name}: {error}")).data;
            assert_eq!(data[..4], selector(function), "{name}");
            let payable = function["stateMutability"] == "payable";
            assert_eq!(payable, kind.is_payable(), "{name} is payable if, and only if, it moves money");
            used.insert(camel_case(name));
        }
    }
    assert_eq!(used, functions.keys().cloned().collect(), "right: functions that are no kind's");
    let names: BTreeSet<_> = TransactionKind::samples().iter().map(|(_, kind)| kind.name()).collect();
    assert!(native_only.keys().all(|name| names.contains(name)), "NATIVE_ONLY names what is no kind");
}

#[test]
fn system_address_spells_itself() {
    assert_eq!(SYSTEM_ADDRESS.as_bytes(), b"DFSN system contract");
    assert_eq!(SYSTEM_ADDRESS.to_eip55(), "0x4446534e2073797374656d20636F6E7472616374");
    assert_eq!(super::vectors()["system"], SYSTEM_ADDRESS.to_eip55().as_str());
    for text in [include_str!("../../../abi/IDfsn.sol"), include_str!("../../../../docs/spec/11-ethereum.md")]
    {
        assert!(text.contains("0x4446534e2073797374656d20636F6E7472616374"));
    }
}

#[test]
fn calls_that_move_another_amount_have_no_form() {
    let (moved, value) = (Amount::DFSN, Amount::ZERO);
    for kind in [
        TransactionKind::Transfer { to: Address::sample(), amount: moved },
        TransactionKind::Stake { amount: moved },
    ] {
        assert_eq!(EthereumCall::new(&kind, value), Err(EthereumCallError::Value { moved, value }));
    }
}

#[test]
fn image_of_hash_zero_has_no_form() {
    let (model, profile) = (ModelId::sample(), ProfileId::sample());
    let params = GenerationParams::builder(model, profile, "x", ImageSize::sample())
        .init_image(FileHash::from_bytes([0; 32]), Strength::FULL)
        .build()
        .expect("any hash is a hash");
    let request = GenerationRequest { params, ..GenerationRequest::sample() };
    let call = EthereumCall::new(&TransactionKind::GenerationRequest(Box::new(request)), Amount::DFSN);
    assert!(matches!(call, Err(EthereumCallError::NoForm(_))), "{call:?}");
}
