//! The interface of the system address: the JSON that wallets load, and what the decoder knows.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::keccak256;
use dfsn_types::*;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;

use crate::properties::check;
use crate::samples::{Sample, bounded, chain, ethereum_key};

/// Entries of the interface, by name.
fn entries(is_wanted: impl Fn(&Value) -> bool) -> BTreeMap<String, Value> {
    let abi: Value = serde_json::from_str(include_str!("../../../abi/IDfsn.json")).expect("JSON");
    let entries = abi.as_array().expect("a list").iter().filter(|entry| is_wanted(entry));
    let named = entries.map(|entry| (entry["name"].as_str().expect("a name").to_owned(), entry.clone()));
    named.collect()
}

/// What a transaction can call.
fn functions() -> BTreeMap<String, Value> {
    entries(|entry| entry["type"] == "function" && entry["stateMutability"] != "view")
}

/// What only `eth_call` can.
fn questions() -> BTreeMap<String, Value> {
    entries(|entry| entry["type"] == "function" && entry["stateMutability"] == "view")
}

fn events() -> BTreeMap<String, Value> {
    entries(|entry| entry["type"] == "event")
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

fn signature_hash(entry: &Value) -> [u8; 32] {
    let name = entry["name"].as_str().expect("a name");
    keccak256(format!("{name}({})", canonical_types(&entry["inputs"]))).0
}

fn selector(function: &Value) -> [u8; 4] {
    *signature_hash(function).first_chunk().expect("a hash has 32 bytes")
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

/// What stands in 32 bytes, for types of a fixed length.
fn is_dynamic(input: &Value) -> bool {
    input["type"].as_str().is_some_and(|name| name.ends_with("[]") || name == "bytes" || name == "string")
}

#[test]
fn eth_11_every_event_has_its_log_in_the_interface() {
    let (events, mut used) = (events(), BTreeSet::new());
    for (description, event) in Event::samples() {
        let EthereumLog { topics, data } = EthereumLog::of(&event);
        let name = format!("{event:?}");
        let name = name.split([' ', '{']).next().expect("a first word");
        let declared = events.get(name).unwrap_or_else(|| panic!("{description}: no event {name}"));
        assert_eq!(topics[0].as_bytes(), &signature_hash(declared), "{name}");
        let inputs = declared["inputs"].as_array().expect("a list");
        let (indexed, others): (Vec<_>, Vec<_>) = inputs.iter().partition(|input| input["indexed"] == true);
        assert_eq!(topics.len(), 1 + indexed.len(), "{name}");
        assert!(!indexed.iter().any(|input| is_dynamic(input)), "{name}: only its hash would be found by");
        if others.iter().any(|input| is_dynamic(input)) {
            assert!(data.len() > 32 * others.len(), "{name}");
        } else {
            assert_eq!(data.len(), 32 * others.len(), "{name}");
        }
        if let Some(job) = event.job() {
            assert_eq!(&topics[1], &Hash::from(job), "{name} is found by its job");
        }
        used.insert(name.to_owned());
    }
    assert_eq!(used, events.keys().cloned().collect(), "right: events that are none of ours");
}

#[test]
fn eth_12_a_log_belongs_to_its_transaction() {
    let chain = chain();
    let key = SecretKey::from_seed(&[7; 32]);
    let sign = |kind| Transaction { kind, ..Transaction::sample() }.sign(&chain, &key);
    let request = sign(TransactionKind::GenerationRequest(Box::new(GenerationRequest::sample())));
    let (job, other) = (request.id().job_id(), JobId::sample());
    let cancel = sign(TransactionKind::CancelRequest { job });
    let failed = sign(TransactionKind::Receipt { job: other });
    let (requester, amount) = (Address::sample(), Amount::DFSN);
    let refunded = |reason| Event::JobRefunded { job, requester, amount, reason };
    let events = vec![
        refunded(RefundReason::Expired),
        Event::JobRequested { job, requester, pair: Pair::sample(), price: amount },
        Event::Delivered { job: other },
        refunded(RefundReason::Cancelled),
        Event::JobsResumed,
    ];
    let status = |index| match index {
        2 => TransactionStatus::Failed { rule: bounded_rule() },
        _ => TransactionStatus::Succeeded,
    };
    let transactions = vec![request, cancel, failed];
    let receipt = |(index, transaction): (usize, &SignedTransaction)| TransactionReceipt {
        id: transaction.id(),
        status: status(index),
        gas_used: Gas::new(21_000),
        fee: Amount::ZERO,
    };
    let receipts =
        BlockReceipts { transactions: transactions.iter().enumerate().map(receipt).collect(), events };
    let body = BlockBody { transactions: bounded(transactions), ..BlockBody::default() };
    let block = Block::seal(Header::sample(), body, &chain, &key);
    assert_eq!(event_causes(&block, &receipts), [None, Some(0), None, Some(1), None]);
}

fn bounded_rule() -> RuleId {
    RuleId::new("RCP-01").expect("a short name")
}

#[test]
fn eth_13_questions_are_no_transactions() {
    let params = GenerationParams::sample();
    let request = GenerationRequest { params: params.clone(), ..GenerationRequest::sample() };
    let request = call(&TransactionKind::GenerationRequest(Box::new(request))).expect("it has a form").data;
    assert_eq!(EthereumQuestion::decode(&request), Ok(None));
    let asked = |name: &str| {
        let question = &questions()[name];
        assert_eq!(question["stateMutability"], "view");
        selector(question)
    };
    // The parameters of a request come first in it, behind their offset; here they are all.
    let words = &request[4 + 4 * 32..];
    let mut quote = asked("quote").to_vec();
    quote.extend([[0; 31].as_slice(), &[32]].concat());
    quote.extend(words);
    assert_eq!(EthereumQuestion::decode(&quote), Ok(Some(EthereumQuestion::Quote(Box::new(params)))));
    let mut value_of = asked("valueFor").to_vec();
    value_of.extend([[0; 31].as_slice(), &[32], &[0; 31], &[4]].concat());
    value_of.extend([selector(&functions()["stake"]).as_slice(), &[0; 28]].concat());
    let Ok(Some(EthereumQuestion::ValueFor(inner))) = EthereumQuestion::decode(&value_of) else {
        panic!("a question")
    };
    assert_eq!(inner.kind(), Ok(TransactionKind::Stake { amount: Amount::ZERO }));
    for data in [quote, value_of] {
        let call = EthereumCall { to: SYSTEM_ADDRESS, value: Amount::ZERO, data };
        assert!(matches!(call.kind(), Err(EthereumError::Question(_))), "{:?}", call.kind());
    }
    assert_eq!(questions().len(), 2, "another question is tested here, too");
    assert_eq!(EthereumQuestion::value_answer(Amount::DFSN).len(), 32);
    let answer = EthereumQuestion::quote_answer(Amount::DFSN, WorkUnits::new(3), Amount::from_dfsn(3), true);
    assert_eq!((answer.len(), answer[127]), (128, 1));
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

/// Changed data of a call is another call in its one encoding, or none.
#[test]
fn eth_05_changed_data_is_another_calls_or_nobodys() {
    let samples = TransactionKind::samples();
    let calls: Vec<_> = samples.iter().filter_map(|(_, kind)| call(kind).ok()).collect();
    let word = prop_oneof![Just(0u64), Just(32), Just(u64::MAX), 0..4_096u64];
    check(2_000, &(any::<Index>(), any::<Index>(), word, any::<u8>()), |(which, place, word, how)| {
        let original = &calls[which.index(calls.len())];
        let mut data = original.data.clone();
        // Offsets and lengths stand at the ends of words.
        let words = data.len().saturating_sub(4) / 32;
        match how % 4 {
            0 if words > 0 => {
                let end = 4 + 32 * (place.index(words) + 1);
                data[end - 8..end].copy_from_slice(&word.to_be_bytes());
            }
            1 if !data.is_empty() => {
                let at = place.index(data.len());
                data[at] ^= how | 1;
            }
            2 => data.truncate(place.index(data.len() + 1)),
            _ => data.extend(word.to_be_bytes()),
        }
        let changed = EthereumCall { data, ..original.clone() };
        if let Ok(kind) = changed.kind() {
            let again = EthereumCall::new(&kind, changed.value);
            prop_assert_eq!(again.as_ref(), Ok(&changed), "{:?}", kind);
        }
        Ok(())
    });
}

/// Bytes from nowhere, behind every selector there is.
#[test]
fn eth_05_random_input_never_panics() {
    let selectors: Vec<_> = functions().values().map(selector).collect();
    let input = proptest::collection::vec(any::<u8>(), 0..700);
    check(1_000, &(any::<Index>(), input), |(which, input)| {
        let data = [selectors[which.index(selectors.len())].as_slice(), &input].concat();
        let call = EthereumCall { to: SYSTEM_ADDRESS, value: Amount::ZERO, data };
        if let Ok(kind) = call.kind() {
            prop_assert_eq!(EthereumCall::new(&kind, Amount::ZERO), Ok(call));
        }
        Ok(())
    });
}

/// What the bounds are for: the longest honest calls fit.
#[test]
fn largest_calls_fit() {
    let prompt = "x".repeat(2048);
    let (model, profile) = (ModelId::sample(), ProfileId::sample());
    let params = GenerationParams::builder(model, profile, prompt.as_str(), ImageSize::sample())
        .negative_prompt(prompt.as_str())
        .build()
        .expect("the longest prompts are allowed");
    let offers = bounded(vec![PairOffer::sample(); PAIRS_MAX]);
    let registration = ComputeRegistration { offers, ..ComputeRegistration::sample() };
    let request = GenerationRequest { params, ..GenerationRequest::sample() };
    for kind in [
        TransactionKind::GenerationRequest(Box::new(request)),
        TransactionKind::RegisterCompute(Box::new(ComputeUpdate { registration, ..ComputeUpdate::sample() })),
    ] {
        let transaction = Transaction { kind, ..Transaction::sample() };
        let signed = transaction.sign_ethereum(Amount::ZERO, &ethereum_key(1)).expect("it fits");
        let verified = SignedTransaction::from(signed).verify(&chain()).expect("of this chain");
        assert_eq!(verified.transaction(), &transaction);
    }
}
