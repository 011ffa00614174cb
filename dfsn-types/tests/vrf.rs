//! ECVRF-EDWARDS25519-SHA512-TAI from the outside: published vectors, properties, refusals, encodings.

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    scalar::Scalar,
};
use dfsn_types::vrf::{VrfError, VrfOutput, VrfProof, VrfPublicKey, VrfSecretKey};
use proptest::prelude::*;

/// RFC 9381 appendix B.3, examples 16 to 18: SK, PK, alpha, pi, beta.
const RFC_9381: [[&str; 5]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f\
         26f8a57ccaed74ee1b190bed1f479d97\
         27d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
        "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff\
         66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593\
         3bf0864a62558b3ed7f2fea45c92a465\
         301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
        "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb\
         5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80\
         96bb474e53895c362d8628ee9f9ea3c0\
         e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e",
        "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45\
         2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
    ],
];

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn flip(mut bytes: Vec<u8>, bit: usize) -> Vec<u8> {
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// All 40 values of y in p..2^255 with either sign, and the two encodings of x = 0 with the sign set.
fn non_canonical_points() -> Vec<[u8; 32]> {
    let with_sign = |mut y: [u8; 32], sign: u8| {
        y[31] |= sign << 7;
        y
    };
    let above_p = (0xed_u8..=0xff).map(|low| {
        let mut y = [0xff; 32];
        (y[0], y[31]) = (low, 0x7f);
        y
    });
    let (mut one, mut minus_one) = ([0; 32], [0xff; 32]);
    one[0] = 1;
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    above_p
        .flat_map(|y| [with_sign(y, 0), with_sign(y, 1)])
        .chain([with_sign(one, 1), with_sign(minus_one, 1)])
        .collect()
}

#[test]
fn rfc_9381_vectors() {
    for [seed, public_key, alpha, proof, output] in RFC_9381 {
        let key = VrfSecretKey::from_seed(&bytes(seed));
        let alpha = hex::decode(alpha).unwrap();
        assert_eq!(key.public_key().to_string(), public_key);
        assert_eq!(key.prove(&alpha).unwrap().to_string(), proof);
        assert_eq!(key.evaluate(&alpha).unwrap().to_string(), output);

        let verified = VrfPublicKey::from_bytes(&bytes(public_key))
            .unwrap()
            .verify(&alpha, &VrfProof::from_bytes(&bytes(proof)))
            .unwrap();
        assert_eq!(verified.as_bytes(), &bytes(output));
        assert_eq!(format!("{:032x}", verified.first_u128()), output[..32]);
    }
}

#[test]
fn every_flipped_bit_fails() {
    let [_, public_key, alpha, proof, _] = RFC_9381[2];
    let key = VrfPublicKey::from_bytes(&bytes(public_key)).unwrap();
    let (alpha, proof) = (hex::decode(alpha).unwrap(), VrfProof::from_bytes(&bytes(proof)));

    for bit in 0..8 * VrfProof::LEN {
        let flipped = flip(proof.as_bytes().to_vec(), bit).try_into().unwrap();
        assert!(key.verify(&alpha, &VrfProof::from_bytes(&flipped)).is_err(), "proof bit {bit}");
    }
    for bit in 0..8 * alpha.len() {
        let refused = Err(VrfError::ProofMismatch { public_key: key });
        assert_eq!(key.verify(&flip(alpha.clone(), bit), &proof), refused, "alpha bit {bit}");
    }
    let mut other_points = 0;
    for bit in 0..8 * 32 {
        let flipped = flip(key.as_bytes().to_vec(), bit).try_into().unwrap();
        if let Ok(other) = VrfPublicKey::from_bytes(&flipped) {
            other_points += 1;
            let refused = Err(VrfError::ProofMismatch { public_key: other });
            assert_eq!(other.verify(&alpha, &proof), refused, "key bit {bit}");
        }
    }
    assert!(other_points > 64, "about half of the flipped keys are points, got {other_points}");
}

#[test]
fn public_keys_of_small_order_are_refused() {
    for point in EIGHT_TORSION {
        let encoded = point.compress().0;
        assert_eq!(VrfPublicKey::from_bytes(&encoded), Err(VrfError::PublicKeySmallOrder(encoded)));
        // A small-order part alone does not matter: outputs are made of 8 * Gamma.
        VrfPublicKey::from_bytes(&(ED25519_BASEPOINT_POINT + point).compress().0).unwrap();
    }
}

#[test]
fn non_canonical_encodings_are_refused() {
    let key = VrfSecretKey::from_seed(&[1; 32]);
    let proof = key.prove(b"alpha").unwrap();
    let encodings = non_canonical_points();
    assert_eq!(encodings.len(), 40);
    for encoded in encodings {
        assert_eq!(VrfPublicKey::from_bytes(&encoded), Err(VrfError::PublicKeyEncoding(encoded)));
        let mut forged = *proof.as_bytes();
        forged[..32].copy_from_slice(&encoded);
        let verified = key.public_key().verify(b"alpha", &VrfProof::from_bytes(&forged));
        assert_eq!(verified, Err(VrfError::GammaEncoding(encoded)));
    }
}

#[test]
fn a_response_of_the_group_order_or_more_is_refused() {
    let key = VrfSecretKey::from_seed(&[1; 32]);
    let proof = key.prove(b"alpha").unwrap();
    let with_response = |response: [u8; 32]| {
        let mut forged = *proof.as_bytes();
        forged[48..].copy_from_slice(&response);
        key.public_key().verify(b"alpha", &VrfProof::from_bytes(&forged))
    };

    let last = (-Scalar::ONE).to_bytes();
    assert_eq!(with_response(last), Err(VrfError::ProofMismatch { public_key: key.public_key() }));
    let mut order = last;
    order[0] += 1;
    assert_eq!(with_response(order), Err(VrfError::ScalarRange(order)));

    // s + q satisfies the same equations; only the range check tells it from s.
    let (mut response, mut carry) = ([0; 32], 0);
    for (index, byte) in response.iter_mut().enumerate() {
        carry += u16::from(proof.as_bytes()[48 + index]) + u16::from(order[index]);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    assert_eq!(with_response(response), Err(VrfError::ScalarRange(response)));
}

#[test]
fn debug_of_a_secret_key_shows_the_public_key_only() {
    let key = VrfSecretKey::from_seed(&bytes(RFC_9381[0][0]));
    assert_eq!(
        format!("{key:?}"),
        format!("VrfSecretKey {{ public_key: VrfPublicKey({}), .. }}", RFC_9381[0][1])
    );
}

#[test]
fn errors_name_the_value_and_the_rule() {
    let identity = EIGHT_TORSION[0].compress().0;
    assert_eq!(
        VrfPublicKey::from_bytes(&identity).unwrap_err().to_string(),
        format!("vrf public key 01{}: a point of small order; generate the key from a seed", "00".repeat(31)),
    );
}

#[test]
fn json_is_hex_of_the_exact_length() {
    let [_, public_key, _, proof, output] = RFC_9381[1];
    let refusal = |text: &str| serde_json::from_str::<VrfPublicKey>(text).unwrap_err().to_string();

    let key: VrfPublicKey = serde_json::from_value(public_key.into()).unwrap();
    assert_eq!(serde_json::to_value(key).unwrap(), public_key);
    assert_eq!(serde_json::from_value::<VrfPublicKey>(public_key.to_uppercase().into()).unwrap(), key);
    for text in [proof, output] {
        assert!(serde_json::from_value::<VrfPublicKey>(text.into()).is_err());
    }
    assert_eq!(serde_json::to_value(VrfProof::from_bytes(&bytes(proof))).unwrap(), proof);
    assert_eq!(serde_json::from_value::<VrfOutput>(output.into()).unwrap().as_bytes(), &bytes(output));

    assert!(refusal(r#""3d40""#).starts_with("vrf public key: expected 64 hex digits, got 4"));
    assert!(refusal(r#""""#).starts_with("vrf public key: expected 64 hex digits, got 0"));
    assert!(refusal(&format!("\"{}\"", "0g".repeat(32))).starts_with("vrf public key: not a hex digit"));
    assert!(refusal(&format!("\"{}\"", "00".repeat(32))).contains("a point of small order"));
    assert!(refusal(&format!("\"{}7f\"", "ff".repeat(31))).contains("not the canonical encoding"));
}

#[test]
fn borsh_is_the_bytes_and_checks_keys() {
    let [_, public_key, _, proof, output] = RFC_9381[2].map(|text| hex::decode(text).unwrap());
    let key: VrfPublicKey = borsh::from_slice(&public_key).unwrap();
    assert_eq!(borsh::to_vec(&key).unwrap(), public_key);
    assert_eq!(borsh::to_vec(&borsh::from_slice::<VrfProof>(&proof).unwrap()).unwrap(), proof);
    assert_eq!(borsh::to_vec(&borsh::from_slice::<VrfOutput>(&output).unwrap()).unwrap(), output);

    for truncated in [&proof[..79], &proof[..0]] {
        assert!(borsh::from_slice::<VrfProof>(truncated).is_err());
    }
    let error = borsh::from_slice::<VrfPublicKey>(&[0; 32]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("a point of small order"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_proof_verifies_to_the_evaluated_output(seed: [u8; 32], alpha: Vec<u8>) {
        let key = VrfSecretKey::from_seed(&seed);
        let proof = key.prove(&alpha)?;
        prop_assert_eq!(proof, key.prove(&alpha)?);
        prop_assert_eq!(key.public_key().verify(&alpha, &proof)?, key.evaluate(&alpha)?);
        prop_assert_eq!(VrfPublicKey::from_bytes(key.public_key().as_bytes()), Ok(key.public_key()));
    }

    #[test]
    fn a_flipped_bit_of_any_part_fails(
        seed: [u8; 32],
        alpha in prop::collection::vec(any::<u8>(), 1..64),
        index: prop::sample::Index,
    ) {
        let key = VrfSecretKey::from_seed(&seed);
        let proof = key.prove(&alpha)?;
        let all = [key.public_key().as_bytes().as_slice(), proof.as_bytes(), &alpha].concat();
        let all = flip(all.clone(), index.index(8 * all.len()));
        let (public_key, rest) = all.split_at(32);
        let (proof, alpha) = rest.split_at(VrfProof::LEN);
        let verified = VrfPublicKey::from_bytes(public_key.try_into()?)
            .and_then(|key| key.verify(alpha, &VrfProof::from_bytes(proof.try_into().unwrap())));
        prop_assert!(verified.is_err());
    }

    #[test]
    fn keys_and_inputs_give_different_outputs(seed: [u8; 32], other_seed: [u8; 32], alpha: Vec<u8>) {
        prop_assume!(seed != other_seed);
        let (key, other) = (VrfSecretKey::from_seed(&seed), VrfSecretKey::from_seed(&other_seed));
        let longer = [alpha.as_slice(), &[0]].concat();
        prop_assert_ne!(key.evaluate(&alpha)?, other.evaluate(&alpha)?);
        prop_assert_ne!(key.evaluate(&alpha)?, key.evaluate(&longer)?);
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_panic(key: [u8; 32], proof in prop::collection::vec(any::<u8>(), 80)) {
        let proof = VrfProof::from_bytes(proof.as_slice().try_into()?);
        if let Ok(key) = VrfPublicKey::from_bytes(&key) {
            prop_assert!(key.verify(b"alpha", &proof).is_err());
        }
    }
}
