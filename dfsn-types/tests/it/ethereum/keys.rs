//! secp256k1 keys: which there are, whose account, and what they show.

use dfsn_types::*;

use crate::samples::{Sample, chain, ethereum_key};

/// The group order, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba,
    0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

#[test]
fn sig_04_secret_keys_are_below_the_group_order() {
    let mut last = ORDER;
    last[31] -= 1;
    let mut one = [0; 32];
    one[31] = 1;
    for bytes in [one, last] {
        assert!(Secp256k1SecretKey::from_bytes(&bytes).is_ok());
    }
    for bytes in [[0; 32], ORDER, [0xff; 32]] {
        let refused = Secp256k1SecretKey::from_bytes(&bytes).map(drop);
        assert_eq!(refused, Err(Secp256k1Error::SecretKey));
    }
    // The key 1 is the base point, whose address everybody knows.
    let key = Secp256k1SecretKey::from_bytes(&one).expect("the least key");
    assert_eq!(key.address().to_eip55(), "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
    let x = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    assert_eq!(key.public_key().to_string(), format!("02{x}"));
}

#[test]
fn signing_is_deterministic_and_the_sender_is_the_key() {
    let transaction =
        Transaction { kind: TransactionKind::Receipt { job: JobId::sample() }, ..Transaction::sample() };
    for n in 1..20 {
        let key = ethereum_key(n);
        let signed = transaction.sign_ethereum(Amount::ZERO, &key).expect("a form");
        assert_eq!(Ok(&signed), transaction.sign_ethereum(Amount::ZERO, &key).as_ref());
        let verified = SignedTransaction::from(signed).verify(&chain()).expect("of this chain");
        assert_eq!(verified.sender(), key.address());
        assert_eq!(verified.key(), AccountKey::Secp256k1(key.public_key()));
    }
}

#[test]
fn secrets_are_not_printed() {
    let shown = format!("{:?}", ethereum_key(0xAB));
    assert!(shown.contains(&ethereum_key(0xAB).address().to_eip55()));
    assert!(!shown.to_lowercase().contains("abab") && !shown.contains("171, 171"), "{shown}");
}
