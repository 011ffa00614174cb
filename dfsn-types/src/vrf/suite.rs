//! The building blocks of ECVRF-EDWARDS25519-SHA512-TAI, named as in RFC 9381.

use curve25519_dalek::{
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
    traits::IsIdentity,
};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use super::VrfError;

/// `cLen`, in bytes.
pub(super) const CHALLENGE_LEN: usize = 16;

const SUITE: u8 = 0x03;
const ENCODE_TO_CURVE_FRONT: u8 = 0x01;
const CHALLENGE_FRONT: u8 = 0x02;
const PROOF_TO_HASH_FRONT: u8 = 0x03;
const BACK: u8 = 0x00;

/// `string_to_point`, as strict as RFC 8032 section 5.1.3: one encoding a point.
pub(super) fn decode_point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let encoded = CompressedEdwardsY(*bytes);
    // `decompress` reduces y modulo p and allows a sign on x = 0; encoding again shows both.
    encoded.decompress().filter(|point| point.compress() == encoded)
}

/// `ECVRF_encode_to_curve_try_and_increment` (section 5.4.1.1); the salt is the encoded public key.
///
/// The result is in the prime-order subgroup and is not the identity.
pub(super) fn encode_to_curve(salt: &[u8; 32], alpha: &[u8]) -> Result<EdwardsPoint, VrfError> {
    let prefix =
        Sha512::new().chain_update([SUITE, ENCODE_TO_CURVE_FRONT]).chain_update(salt).chain_update(alpha);
    (0..=u8::MAX)
        .find_map(|counter| {
            let hash = prefix.clone().chain_update([counter, BACK]).finalize();
            let mut candidate = [0; 32];
            candidate.copy_from_slice(&hash[..32]);
            decode_point(&candidate).map(|point| point.mul_by_cofactor()).filter(|point| !point.is_identity())
        })
        .ok_or(VrfError::NoCurvePoint(*salt))
}

/// `ECVRF_nonce_generation_RFC8032` (section 5.4.2.2), from the second half of the hashed seed.
pub(super) fn nonce(prefix: &[u8; 32], input: &[u8; 32]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&sha512_secret(&[prefix, input]))
}

/// `ECVRF_challenge_generation` (section 5.4.3) over the encoded points Y, H, Gamma, U, V.
pub(super) fn challenge(points: [&[u8; 32]; 5]) -> [u8; CHALLENGE_LEN] {
    let mut hasher = Sha512::new().chain_update([SUITE, CHALLENGE_FRONT]);
    for point in points {
        hasher.update(point);
    }
    let mut challenge = [0; CHALLENGE_LEN];
    challenge.copy_from_slice(&hasher.chain_update([BACK]).finalize()[..CHALLENGE_LEN]);
    challenge
}

/// `string_to_int` of a challenge: little-endian, always below the group order.
pub(super) fn challenge_scalar(challenge: &[u8; CHALLENGE_LEN]) -> Scalar {
    Scalar::from(u128::from_le_bytes(*challenge))
}

/// `ECVRF_proof_to_hash` (section 5.2), from the encoding of cofactor * Gamma.
pub(super) fn output(cofactor_gamma: &CompressedEdwardsY) -> [u8; 64] {
    Sha512::new()
        .chain_update([SUITE, PROOF_TO_HASH_FRONT])
        .chain_update(cofactor_gamma.as_bytes())
        .chain_update([BACK])
        .finalize()
        .into()
}

/// SHA-512 of the parts, leaving no copy of the digest behind.
pub(super) fn sha512_secret(parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let mut hasher = Sha512::new();
    for part in parts {
        hasher.update(part);
    }
    let mut digest = Zeroizing::new([0; 64]);
    hasher.finalize_into((&mut *digest).into());
    digest
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::{constants::EIGHT_TORSION, scalar::clamp_integer};

    use super::{super::*, *};

    const ALPHA: &[u8] = b"job 42";

    fn point(text: &str) -> [u8; 32] {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).unwrap();
        bytes
    }

    /// RFC 9381 appendix B.3, examples 16 to 18: SK, alpha, H, k, U = k*B, V = k*H.
    const INTERMEDIATES: [[&str; 6]; 3] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "",
            "91bbed02a99461df1ad4c6564a5f5d829d0b90cfc7903e7a5797bd658abf3318",
            "8a49edbd1492a8ee09766befe50a7d563051bf3406cbffc20a88def030730f0f",
            "aef27c725be964c6a9bf4c45ca8e35df258c1878b838f37d9975523f09034071",
            "5016572f71466c646c119443455d6cb9b952f07d060ec8286d678615d55f954f",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "72",
            "5b659fc3d4e9263fd9a4ed1d022d75eaacc20df5e09f9ea937502396598dc551",
            "d8c3a66921444cb3427d5d989f9b315aa8ca3375e9ec4d52207711a1fdb44107",
            "1dcb0a4821a2c48bf53548228b7f170962988f6d12f5439f31987ef41f034ab3",
            "fd03c0bf498c752161bae4719105a074630a2aa5f200ff7b3995f7bfb1513423",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "af82",
            "bf4339376f5542811de615e3313d2b36f6f53c0acfebb482159711201192576a",
            "5ffdbc72135d936014e8ab708585fda379405542b07e3bd2c0bd48437fbac60a",
            "2bae73e15a64042fcebf062abe7e432b2eca6744f3e8265bc38e009cd577ecd5",
            "88cba1cb0d4f9b649d9a86026b69de076724a93a65c349c988954f0961c5d506",
        ],
    ];

    #[test]
    fn intermediate_values_match_rfc_9381() {
        for [seed, alpha, h, k, u, v] in INTERMEDIATES {
            let key = VrfSecretKey::from_seed(&point(seed));
            let input = encode_to_curve(key.public_key().as_bytes(), &hex::decode(alpha).unwrap()).unwrap();
            assert_eq!(input.compress().0, point(h));
            let nonce = nonce(&key.nonce_prefix, &point(h));
            assert_eq!(nonce.to_bytes(), point(k));
            assert_eq!(EdwardsPoint::mul_base(&nonce).compress().0, point(u));
            assert_eq!((nonce * input).compress().0, point(v));
        }
    }

    /// A key owner who adds a small-order point to Gamma, and retries nonces until the challenge hides it,
    /// gets a second valid proof, but of the same output.
    #[test]
    fn outputs_are_unique_although_proofs_are_not() {
        let key = VrfSecretKey::from_seed(&[3; 32]);
        let input = encode_to_curve(key.public_key.as_bytes(), ALPHA).unwrap();
        for torsion in &EIGHT_TORSION[1..] {
            let gamma = (key.scalar * input + torsion).compress();
            let forged = (1_u64..)
                .find_map(|tries| {
                    let nonce = Scalar::from(tries);
                    let (u, v) = (EdwardsPoint::mul_base(&nonce), nonce * input);
                    let challenge = challenge([
                        key.public_key.as_bytes(),
                        &input.compress().0,
                        &gamma.0,
                        &u.compress().0,
                        &v.compress().0,
                    ]);
                    let response = nonce + challenge_scalar(&challenge) * key.scalar;
                    challenge[0]
                        .is_multiple_of(8)
                        .then(|| VrfProof::from_parts(&gamma.0, &challenge, response.as_bytes()))
                })
                .unwrap();
            assert_ne!(forged, key.prove(ALPHA).unwrap());
            assert_eq!(key.public_key().verify(ALPHA, &forged), key.evaluate(ALPHA));
        }
    }

    /// The secret scalar is the clamped one, so its public key is that of Ed25519 for the same seed.
    #[test]
    fn the_scalar_is_clamped_before_reduction() {
        let expanded = sha512_secret(&[&[3; 32]]);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&expanded[..32]);
        let key = VrfSecretKey::from_seed(&[3; 32]);
        assert_eq!(key.scalar, Scalar::from_bytes_mod_order(clamp_integer(bytes)));
        assert_eq!(key.public_key.0, EdwardsPoint::mul_base_clamped(bytes).compress().0);
    }
}
