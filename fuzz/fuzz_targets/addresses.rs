//! Text that people type: addresses, amounts, names, hexadecimal digits.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use dfsn_types::{Address, Amount, Hash, PublicKey, SchedulerKind, Signature};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(address) = again::<Address>(text) {
        assert_eq!(address.to_eip55().parse(), Ok(address));
        let is_hex = text.len() == 40 || text.len() == 42;
        assert!(is_hex || address.to_string() == text, "two texts of one address");
    }
    // An amount is read in base units, and shown and typed in coins.
    if let Ok(amount) = text.parse::<Amount>() {
        assert_eq!(amount.base_units().to_string(), text, "two texts of one amount");
    }
    if let Ok(amount) = Amount::parse_dfsn(text) {
        let shown = amount.to_string();
        let coins = shown.strip_suffix(" DFSN").expect("amounts are shown with the coin's name");
        assert_eq!(Amount::parse_dfsn(coins), Ok(amount));
    }
    again::<SchedulerKind>(text);
    again::<Hash>(text);
    again::<PublicKey>(text);
    again::<Signature>(text);
});

/// What is read from a text writes a text that reads the same.
fn again<T: FromStr + Display + PartialEq>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let same = value.to_string().parse().is_ok_and(|again: T| again == value);
    assert!(same, "{value} reads as another value");
    Some(value)
}
