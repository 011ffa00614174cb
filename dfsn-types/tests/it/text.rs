//! Text forms: addresses, hex and amounts, with one way to write each.

use bech32::primitives::iter::{ByteIterExt, Fe32IterExt};
use bech32::{Bech32, Bech32m, Fe32, Hrp};
use dfsn_types::*;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::properties::check;
use crate::strategies::random;

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

#[test]
fn addresses_read_back() {
    check(256, &random::<Address>(), |address| {
        let text = address.to_string();
        prop_assert!(text.starts_with("dfsn1") && text.len() == 43, "{}", text);
        prop_assert_eq!(text.parse::<Address>(), Ok(address));
        let hex = hex::encode(address.as_bytes());
        prop_assert_eq!(hex.parse::<Address>(), Ok(address));
        prop_assert_eq!(format!("0x{hex}").parse::<Address>(), Ok(address));
        Ok(())
    });
}

/// One wrong letter, or two neighbours swapped, is always noticed.
#[test]
fn mistyped_addresses_are_noticed() {
    check(512, &(random::<Address>(), any::<Index>(), any::<Index>()), |(address, at, letter)| {
        let text = address.to_string().into_bytes();
        let place = 5 + at.index(text.len() - 5);
        let mut wrong = text.clone();
        wrong[place] = *letter.get(BECH32);
        let mut swapped = text.clone();
        swapped.swap(place, if place + 1 < text.len() { place + 1 } else { place - 1 });
        for changed in [wrong, swapped].into_iter().filter(|changed| *changed != text) {
            let changed = String::from_utf8(changed).expect("ASCII");
            let parsed = changed.parse::<Address>();
            prop_assert!(
                matches!(parsed, Err(ParseAddressError::Checksum { .. })),
                "{}: {:?}",
                changed,
                parsed
            );
        }
        Ok(())
    });
}

#[test]
fn other_forms_of_an_address_are_refused() {
    let address = Address::from_bytes([7; 20]);
    let text = address.to_string();
    let hrp = Hrp::parse("dfsn").expect("a prefix");
    let encode = |bytes: &[u8]| bech32::encode::<Bech32m>(hrp, bytes).expect("short enough");
    assert_eq!(encode(address.as_bytes()), text);

    let upper = text.to_uppercase();
    let mixed = text.replacen("dfsn1", "dfsn1Q", 1);
    let other_checksum = bech32::encode::<Bech32>(hrp, address.as_bytes()).expect("short enough");
    let other_prefix = Hrp::parse("dfsm").expect("a prefix");
    let other_prefix = bech32::encode::<Bech32m>(other_prefix, address.as_bytes()).expect("short enough");
    let cut = &text[..text.len() - 1];
    let spaced = format!(" {text}");
    let hex = hex::encode(address.as_bytes());
    let wrong = [
        upper.as_str(),
        &mixed,
        &other_checksum,
        &other_prefix,
        &encode(&[7; 19]),
        &encode(&[7; 21]),
        &encode(&[7; 32]),
        &encode(&[]),
        cut,
        &spaced,
        "",
        "dfsn1",
        &hex[1..],
        &format!("{hex}00"),
        &format!("0X{hex}"),
        &hex.replace('7', "g"),
    ];
    for text in wrong {
        let parsed = text.parse::<Address>();
        assert!(parsed.is_err(), "{text:?} is read as {parsed:?}");
        assert!(serde_json::from_str::<Address>(&format!("{text:?}")).is_err(), "{text:?} in JSON");
    }
}

/// 20 bytes are 32 letters of 5 bits; a 33rd one under a right checksum carries no byte, and would be a second
/// text of the same account.
#[test]
fn padded_addresses_are_refused() {
    let hrp = Hrp::parse("dfsn").expect("a prefix");
    let write = |padding: &[Fe32]| {
        let letters = [7u8; 20].into_iter().bytes_to_fes().chain(padding.iter().copied());
        letters.with_checksum::<Bech32m>(&hrp).chars().collect::<String>()
    };
    assert_eq!(write(&[]).parse(), Ok(Address::from_bytes([7; 20])));
    for padding in [Fe32::Q, Fe32::P, Fe32::L] {
        let text = write(&[padding]);
        assert_eq!(text.parse::<Address>(), Err(ParseAddressError::Form { text }));
    }
}

#[test]
fn addresses_are_those_of_their_keys() {
    let [a, b] = [1, 2].map(|n| Address::from_public_key(&SecretKey::from_seed(&[n; 32]).public_key()));
    assert_ne!(a, b);
    let key = SecretKey::from_seed(&[1; 32]).public_key();
    let hash = blake3::derive_key("dfsn/address/1", key.as_bytes());
    assert_eq!(a.as_bytes(), &hash[12..]);
}

#[test]
fn hex_has_one_written_form() {
    check(64, &random::<JobId>(), |job| {
        let text = job.to_string();
        prop_assert_eq!(&text, &hex::encode(job.as_bytes()));
        prop_assert_eq!(text.parse(), Ok(job));
        prop_assert_eq!(text.to_uppercase().parse(), Ok(job));
        prop_assert_eq!(format!("0x{text}").parse(), Ok(job));
        Ok(())
    });
    let digits = "a".repeat(64);
    let length = |actual| Err(ParseHexError::Length { expected: 64, actual });
    assert_eq!(digits[1..].parse::<JobId>(), length(63));
    assert_eq!(format!("{digits}aa").parse::<JobId>(), length(66));
    let twice = format!("0x0x{}", "a".repeat(62));
    assert_eq!(twice.parse::<JobId>(), Err(digit(&format!("{}…", &twice[..64]))));
    assert_eq!("".parse::<JobId>(), length(0));
    let wrong = digits.replacen('a', "g", 1);
    assert_eq!(wrong.parse::<JobId>(), Err(digit(&wrong)));
    assert_eq!(format!("é{}", &digits[2..]).parse::<JobId>(), Err(digit(&format!("é{}", &digits[2..]))));
}

fn digit(text: &str) -> ParseHexError {
    ParseHexError::Digit { text: text.to_owned() }
}

#[test]
fn amounts_read_back() {
    check(512, &random::<Amount>(), |amount| {
        let units = amount.base_units().to_string();
        prop_assert_eq!(units.parse::<Amount>(), Ok(amount));
        prop_assert_eq!(serde_json::to_string(&amount).ok(), Some(format!("{units:?}")));
        let shown = amount.to_string();
        let coins = shown.strip_suffix(" DFSN");
        prop_assert_eq!(coins.map(Amount::parse_dfsn), Some(Ok(amount)), "{}", shown);
        Ok(())
    });
}

#[test]
fn amounts_are_shown_in_coins() {
    let shown = |units| Amount::from_base_units(units).to_string();
    assert_eq!(shown(0), "0 DFSN");
    assert_eq!(shown(1), "0.000000000000000001 DFSN");
    assert_eq!(shown(1_500_000_000_000_000_000), "1.5 DFSN");
    assert_eq!(shown(10_000_000_000_000_000_000), "10 DFSN");
    assert_eq!(shown(u128::MAX), "340282366920938463463.374607431768211455 DFSN");
}

#[test]
fn amounts_that_are_none() {
    let not_decimal = |text: &str| ParseAmountError::NotDecimal { text: text.to_owned() };
    let too_large = |text: &str| ParseAmountError::TooLarge { text: text.to_owned() };
    for text in ["", "-1", "+1", "1.0", "01", "00", " 1", "1 ", "0x1", "1e3", "１", "1_000"] {
        assert_eq!(text.parse::<Amount>(), Err(not_decimal(text)));
        assert!(serde_json::from_str::<Amount>(&format!("{text:?}")).is_err(), "{text:?} in JSON");
    }
    let over = "340282366920938463463374607431768211456";
    assert_eq!(over.parse::<Amount>(), Err(too_large(over)));

    for text in ["", ".", "1.", ".5", "-1", "+1", "1.5.5", "1,5", "1e3", " 1", "1.-5", "1.+5", "1.5 DFSN"] {
        assert_eq!(Amount::parse_dfsn(text), Err(not_decimal(text)));
    }
    let fine = "0.0000000000000000001";
    assert_eq!(Amount::parse_dfsn(fine), Err(ParseAmountError::TooFine { text: fine.to_owned() }));
    for text in ["340282366920938463463.374607431768211456", "340282366920938463464", &"9".repeat(60)] {
        assert_eq!(Amount::parse_dfsn(text), Err(too_large(text)));
    }
}

/// Errors come from outside input: they stay one short line whatever the input was.
#[test]
fn errors_are_short_lines() {
    let long = "x\n".repeat(100_000);
    let errors = [
        long.parse::<Address>().map(drop).map_err(|error| error.to_string()),
        format!("dfsn1{long}").parse::<Address>().map(drop).map_err(|error| error.to_string()),
        long.parse::<Amount>().map(drop).map_err(|error| error.to_string()),
        Amount::parse_dfsn(&long).map(drop).map_err(|error| error.to_string()),
        long.parse::<JobId>().map(drop).map_err(|error| error.to_string()),
        long.parse::<SchedulerKind>().map(drop).map_err(|error| error.to_string()),
    ];
    for error in errors {
        let error = error.expect_err("no value has this text");
        assert!(error.len() < 400 && !error.contains('\n'), "{} bytes: {}", error.len(), &error[..100]);
    }
}

/// The examples of EIP-55 itself.
#[test]
fn enc_09_capitals_are_a_checksum() {
    for written in [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ] {
        let address: Address = written.parse().expect("a right checksum");
        assert_eq!(address.to_eip55(), written);
        let digits = &written[2..];
        for same in [digits.to_owned(), digits.to_lowercase(), digits.to_uppercase()] {
            assert_eq!(same.parse(), Ok(address), "{same}");
            assert_eq!(format!("0x{same}").parse(), Ok(address), "{same}");
        }
        for at in written.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(at, _)| at).skip(1) {
            let mut mistyped = written.to_owned().into_bytes();
            mistyped[at] ^= 0x20;
            let mistyped = String::from_utf8(mistyped).expect("ASCII");
            let digits = &mistyped[2..];
            if digits != digits.to_lowercase() && digits != digits.to_uppercase() {
                let refused = mistyped.parse::<Address>();
                assert!(
                    matches!(refused, Err(ParseAddressError::Checksum { .. })),
                    "{mistyped}: {refused:?}"
                );
            }
        }
    }
}
