//! Calls of the system address: an input that is taken is the only one of its transaction.
#![no_main]

use dfsn_types::{Address, Amount, EthereumCall, EthereumQuestion, SYSTEM_ADDRESS, codec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((head, input)) = data.split_first_chunk::<17>() else { return };
    let value = Amount::from_base_units(u128::from_be_bytes(head[1..].try_into().expect("16 bytes")));
    let to = if head[0] == 0 { SYSTEM_ADDRESS } else { Address::from_bytes([head[0]; 20]) };
    let call = EthereumCall { to, value, data: input.to_vec() };
    let is_question = to == SYSTEM_ADDRESS && matches!(EthereumQuestion::decode(input), Ok(Some(_)));
    let Ok(kind) = call.kind() else { return };
    assert!(!is_question, "{} is asked and signed", kind.name());
    assert!(codec::encoded_len(&kind) <= input.len() + 64, "a short call makes a long transaction");
    match EthereumCall::new(&kind, value) {
        Ok(again) => assert_eq!(again, call),
        Err(error) => panic!("{} was read and cannot be written: {error}", kind.name()),
    }
});
