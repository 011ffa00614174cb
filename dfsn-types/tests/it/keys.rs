//! Signatures hold for one message, one key, one purpose and one network, and in one encoding.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use dfsn_types::codec::encode;
use dfsn_types::*;
use ed25519_dalek::Verifier;
use proptest::prelude::*;
use sha2::{Digest, Sha512};

use crate::properties::check;
use crate::samples::{Sample, chain, chain_id, secret_key, vrf_key};
use crate::strategies::random;

fn flip<const N: usize>(mut bytes: [u8; N], bit: usize) -> [u8; N] {
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

fn digest(value: &str) -> SigningDigest {
    SigningDigest::new(Domain::SignTransaction, value)
}

/// The networks that differ from the samples' one by chain id or by genesis.
fn other_chains() -> [ChainIdentity; 2] {
    [
        ChainIdentity { chain_id: chain_id(7778), ..chain() },
        ChainIdentity { genesis: GenesisHash::from_bytes([9; 32]), ..chain() },
    ]
}

/// RFC 8032 section 7.1, tests 1 and 2: the public keys of two secrets.
#[test]
fn public_keys_are_those_of_rfc_8032() {
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        ),
    ];
    for (seed, public_key) in vectors {
        let seed = hex::decode(seed).expect("hex").try_into().expect("32 bytes");
        assert_eq!(SecretKey::from_seed(&seed).public_key().to_string(), public_key);
    }
}

#[test]
fn flipped_bits_fail() {
    let key = secret_key(1);
    let (public, signature) = (key.public_key(), key.sign(&digest("message")));
    assert_eq!(public.verify(&digest("message"), &signature), Ok(()));
    for bit in 0..512 {
        let flipped = Signature::from_bytes(flip(*signature.as_bytes(), bit));
        let verified = public.verify(&digest("message"), &flipped);
        assert_eq!(verified, Err(SignatureError::Mismatch(public)), "bit {bit} of the signature");
    }
    let mut no_points = 0;
    for bit in 0..256 {
        let flipped = PublicKey::from_bytes(flip(*public.as_bytes(), bit));
        match flipped.verify(&digest("message"), &signature) {
            Err(SignatureError::InvalidKey(named)) => no_points += usize::from(named == flipped),
            Err(SignatureError::Mismatch(named)) => assert_eq!(named, flipped),
            Ok(()) => panic!("bit {bit} of the key does not count"),
        }
    }
    assert!((64..192).contains(&no_points), "about half of all bytes are no point, not {no_points}");
}

#[test]
fn flipped_bits_of_a_message_fail() {
    let key = secret_key(1);
    check(32, &(any::<[u8; 16]>(), 0..128usize), |(message, bit)| {
        let sign = |message: &[u8; 16]| SigningDigest::new(Domain::SignDuty, message);
        let signature = key.sign(&sign(&message));
        prop_assert!(key.public_key().verify(&sign(&message), &signature).is_ok());
        prop_assert!(key.public_key().verify(&sign(&flip(message, bit)), &signature).is_err());
        Ok(())
    });
}

#[test]
fn signatures_hold_for_one_purpose() {
    let key = secret_key(1);
    let signature = key.sign(&SigningDigest::new(Domain::SignTransaction, "message"));
    for domain in Domain::ALL {
        let verified = key.public_key().verify(&SigningDigest::new(*domain, "message"), &signature);
        assert_eq!(verified.is_ok(), *domain == Domain::SignTransaction, "{domain:?}");
    }
}

#[test]
fn verified_transactions_tell_what_was_signed() {
    for (_, native) in NativeTransaction::samples() {
        let signed = SignedTransaction::from(native.clone());
        let verified = signed.clone().verify(&chain()).expect("the sample is signed for this chain");
        assert_eq!(verified.sender(), Address::from_public_key(&secret_key(1).public_key()));
        assert_eq!((verified.id(), verified.byte_len()), (signed.id(), encode(&signed).len()));
        assert_eq!(verified.id(), native.id(), "the envelope's number is no part of a native name");
        assert_eq!(verified.key(), AccountKey::Ed25519(secret_key(1).public_key()));
        assert_eq!((verified.transaction(), verified.signed()), (native.transaction(), &signed));
        assert_eq!((verified.value(), verified.call_data_len()), (None, None));
    }
}

#[test]
fn replay_on_another_chain() {
    let [other_id, other_genesis] = other_chains();
    let signed = SignedTransaction::sample();
    let (actual, expected) = (chain().chain_id.get(), other_id.chain_id);
    let refused = signed.clone().verify(&other_id);
    assert_eq!(refused, Err(TransactionError::ChainId { actual, expected }));
    let mismatch = SignatureError::Mismatch(secret_key(1).public_key());
    assert_eq!(signed.verify(&other_genesis), Err(TransactionError::Signature(mismatch)));

    // The same transaction, rewritten for the other chain id under the old signature.
    let signature = secret_key(1)
        .sign(&SigningDigest::new(Domain::SignTransaction, &(chain().genesis, Transaction::sample())));
    let parts = |transaction| {
        let key = secret_key(1).public_key();
        SignedTransaction::from(NativeTransaction::from_parts(transaction, key, signature))
    };
    assert_eq!(parts(Transaction::sample()), SignedTransaction::sample());
    let moved = parts(Transaction { chain_id: other_id.chain_id, ..Transaction::sample() });
    assert_eq!(moved.verify(&other_id), Err(TransactionError::Signature(mismatch)));

    let duty = SignedDuty::sample();
    let duty_key = secret_key(2).public_key();
    assert_eq!(duty.verify(&chain(), &duty_key), Ok(()));
    let block = Block::sample();
    let builder = secret_key(4).public_key();
    for other in other_chains() {
        assert_eq!(duty.verify(&other, &duty_key), Err(SignatureError::Mismatch(duty_key)));
        let mismatch = SignatureError::Mismatch(builder);
        assert_eq!(block.verify_form(&other), Err(BlockError::Signature(mismatch)));
        assert_eq!(Block::decode(&encode(&block), &other), Err(BlockError::Signature(mismatch)));
    }
}

/// Whoever changes what was signed, or swaps the key, has no transaction.
#[test]
fn changed_transactions_fail() {
    check(48, &(random::<Transaction>(), random::<Transaction>(), 1..4u8), |(signed, other, n)| {
        let on_chain = |transaction| Transaction { chain_id: chain().chain_id, ..transaction };
        let (signed, other) = (on_chain(signed), on_chain(other));
        let key = secret_key(n);
        let envelope = signed.clone().sign(&chain(), &key);
        let signature = encode(&envelope)[encode(&envelope).len() - 64..].try_into().expect("64 bytes");
        let signature = Signature::from_bytes(signature);

        let verify = |transaction, key| {
            SignedTransaction::from(NativeTransaction::from_parts(transaction, key, signature))
                .verify(&chain())
        };
        prop_assert!(verify(signed.clone(), key.public_key()).is_ok());
        prop_assert!(verify(other, key.public_key()).is_err());
        prop_assert!(verify(signed, secret_key(n + 1).public_key()).is_err());
        Ok(())
    });
}

/// The order of the group of signatures, little-endian: 2^252 + 27742317777372353535851937790883648493.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn add_group_order(s: [u8; 32]) -> [u8; 32] {
    let mut carry = 0;
    core::array::from_fn(|i| {
        let sum = u16::from(s[i]) + u16::from(GROUP_ORDER[i]) + carry;
        carry = sum >> 8;
        sum as u8
    })
}

#[test]
fn non_canonical_bytes() {
    for n in 1..8 {
        let key = secret_key(n);
        let signature = *key.sign(&digest("message")).as_bytes();
        let (r, s) = signature.split_at(32);
        let s: [u8; 32] = s.try_into().expect("32 bytes");
        let same = add_group_order(s);
        // The same number modulo the group order, in other bytes.
        assert_eq!(Scalar::from_bytes_mod_order(same), Scalar::from_bytes_mod_order(s));
        let malleated = Signature::from_bytes([r, &same].concat().try_into().expect("64 bytes"));
        let verified = key.public_key().verify(&digest("message"), &malleated);
        assert_eq!(verified, Err(SignatureError::Mismatch(key.public_key())));
    }
}

/// What ed25519 without the strict rule takes, by the bytes of key, signature and message.
fn lax(key: &PublicKey, message: &Hash, signature: &Signature) -> bool {
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.as_bytes()).expect("a point");
    key.verify(message.as_bytes(), &ed25519_dalek::Signature::from_bytes(signature.as_bytes())).is_ok()
}

/// Under a key of small order one signature holds for many messages: such keys sign nothing here.
#[test]
fn small_order_keys_are_refused() {
    for point in EIGHT_TORSION {
        let key = PublicKey::from_bytes(point.compress().to_bytes());
        let mut taken_by_lax = 0;
        for number in 0..16u8 {
            let message = Domain::SignDuty.hash(&number);
            for r in EIGHT_TORSION {
                let bytes = [r.compress().to_bytes(), [0; 32]].concat();
                let signature = Signature::from_bytes(bytes.try_into().expect("64 bytes"));
                taken_by_lax += usize::from(lax(&key, &message, &signature));
                let verified = key.verify(&SigningDigest::new(Domain::SignDuty, &number), &signature);
                assert_eq!(verified, Err(SignatureError::Mismatch(key)));
            }
        }
        assert!(taken_by_lax > 0, "no forgery was tried under {key}");
    }
}

/// A signature whose R is of small order holds in lax verification and not here: two verifiers must agree.
#[test]
fn small_order_signatures_are_refused() {
    let expanded = Sha512::digest([1u8; 32]);
    let secret = Scalar::from_bytes_mod_order(clamp_integer(expanded[..32].try_into().expect("32 bytes")));
    let key = secret_key(1).public_key();
    assert_eq!(EdwardsPoint::mul_base(&secret).compress().to_bytes(), *key.as_bytes());

    let message = Domain::SignDuty.hash("message");
    let r = EIGHT_TORSION[0].compress().to_bytes();
    let hash = Sha512::new().chain_update(r).chain_update(key.as_bytes()).chain_update(message.as_bytes());
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let s = (challenge * secret).to_bytes();
    let signature = Signature::from_bytes([r, s].concat().try_into().expect("64 bytes"));

    assert!(lax(&key, &message, &signature), "the equation holds");
    let verified = key.verify(&SigningDigest::new(Domain::SignDuty, "message"), &signature);
    assert_eq!(verified, Err(SignatureError::Mismatch(key)));
}

#[test]
fn possession_is_bound_to_owner_network_and_registration() {
    let registration = ComputeRegistration::sample();
    let possession = KeyPossession::sample();
    let owner = Address::from_public_key(&secret_key(1).public_key());
    assert_eq!(registration.verify_possession(&chain(), &owner, &possession), Ok(()));

    let duty = PossessionError::Duty(SignatureError::Mismatch(registration.duty_key));
    let thief = Address::from_public_key(&secret_key(9).public_key());
    assert_eq!(registration.verify_possession(&chain(), &thief, &possession), Err(duty.clone()));
    for other in other_chains() {
        assert_eq!(registration.verify_possession(&other, &owner, &possession), Err(duty.clone()));
    }
    let changed = ComputeRegistration { payout: thief, ..registration };
    assert_eq!(changed.verify_possession(&chain(), &owner, &possession), Err(duty));
}

/// Each of the three proofs counts by itself: one made for another owner is named.
#[test]
fn possession_of_every_key_is_checked() {
    let registration = ComputeRegistration::sample();
    let owner = Address::from_public_key(&secret_key(1).public_key());
    let thief = Address::from_public_key(&secret_key(9).public_key());
    let prove = |owner| {
        registration
            .prove_possession(&chain(), owner, &secret_key(2), &secret_key(3), &vrf_key(1))
            .expect("a proof")
    };
    let (own, stolen) = (prove(&owner), prove(&thief));
    let verify = |possession| registration.verify_possession(&chain(), &owner, &possession);

    assert_eq!(verify(own), Ok(()));
    let duty = SignatureError::Mismatch(registration.duty_key);
    assert_eq!(verify(KeyPossession { duty: stolen.duty, ..own }), Err(PossessionError::Duty(duty)));
    let compute = SignatureError::Mismatch(registration.compute_key);
    assert_eq!(
        verify(KeyPossession { compute: stolen.compute, ..own }),
        Err(PossessionError::Compute(compute))
    );
    let vrf = VrfError::ProofMismatch { public_key: registration.vrf_key };
    assert_eq!(verify(KeyPossession { vrf: stolen.vrf, ..own }), Err(PossessionError::Vrf(vrf)));
}

/// A secret shows itself neither in logs nor in errors.
#[test]
fn secrets_are_not_printed() {
    let shown = format!("{:?}", secret_key(0xAB));
    assert!(shown.contains(&secret_key(0xAB).public_key().to_string()));
    assert!(!shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
}
