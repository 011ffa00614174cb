//! The edge cases of Ed25519 on which verifiers differ, and what this one says to each (rule SIG-01).
//!
//! The cases are those of Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs" (SSR 2020), table 5, made anew for the
//! hashes that are signed here. Each test first shows that the case is what it should be: which of the two equations
//! holds, `8SB = 8R + 8kA` or `SB = R + kA`, and with `k` over which bytes.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use dfsn_types::*;
use sha2::{Digest, Sha512};

/// y = p and y = p + 1: points of order 4 and 1 in encodings that are not canonical.
const Y_IS_P: [u8; 32] = y_above_p(0);
const Y_IS_P_AND_1: [u8; 32] = y_above_p(1);

/// The encoding of y = p + `above`, of which `above` is at most 18.
const fn y_above_p(above: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + above;
    bytes[31] = 0x7f;
    bytes
}

/// A signature to be: the bytes of `A`, `R` and `S`, and the message that makes the case.
struct Case {
    key: [u8; 32],
    r: [u8; 32],
    s: [u8; 32],
    message: u64,
}

impl Case {
    fn digest(&self) -> SigningDigest {
        SigningDigest::new(Domain::SignDuty, &self.message)
    }

    fn verify(&self) -> Result<(), SignatureError> {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&self.r);
        signature[32..].copy_from_slice(&self.s);
        PublicKey::from_bytes(self.key).verify(&self.digest(), &Signature::from_bytes(signature))
    }

    /// Refused as a wrong signature.
    fn mismatches(&self) {
        assert_eq!(self.verify(), Err(SignatureError::Mismatch(PublicKey::from_bytes(self.key))));
    }

    /// Refused because of the key's encoding.
    fn has_no_key(&self) {
        assert_eq!(self.verify(), Err(SignatureError::InvalidKey(PublicKey::from_bytes(self.key))));
    }

    /// Whether `SB = R + kA`, and whether that holds times 8; `k` over these bytes of `R` and `A`.
    fn equations(&self, hashed_r: [u8; 32], hashed_key: [u8; 32]) -> (bool, bool) {
        let point = |bytes| CompressedEdwardsY(bytes).decompress().expect("a point");
        let k = challenge(hashed_r, hashed_key, self.message);
        let rest = Scalar::from_bytes_mod_order(self.s) * B - point(self.r) - k * point(self.key);
        (rest.is_identity(), rest.mul_by_cofactor().is_identity())
    }

    /// Both equations, with `k` over the bytes as they stand.
    fn holds(&self) -> (bool, bool) {
        self.equations(self.r, self.key)
    }
}

/// The `k` of a message, which is the hash that [`Case::digest`] signs.
fn challenge(r: [u8; 32], key: [u8; 32], message: u64) -> Scalar {
    let signed = Domain::SignDuty.hash(&message);
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(signed.as_bytes());
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn bytes(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// Secret scalars that anybody could have, neither 0 nor of low order.
fn scalar(number: u64) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(number.to_le_bytes()).into())
}

/// Looks for the message whose `k` makes the torsion of `R + kA` vanish, or not, as asked.
fn search(
    (key, key_torsion): ([u8; 32], EdwardsPoint),
    (r, r_torsion): ([u8; 32], EdwardsPoint),
    (hashed_r, hashed_key): ([u8; 32], [u8; 32]),
    vanishes: bool,
    s: impl Fn(Scalar) -> Scalar,
) -> Case {
    let fits = |message: &u64| {
        let k = challenge(hashed_r, hashed_key, *message);
        (r_torsion + k * key_torsion).is_identity() == vanishes
    };
    let message = (0..).find(fits).expect("one message in eight, or seven, will do");
    let k = challenge(hashed_r, hashed_key, message);
    Case { key, r, s: s(k).to_bytes(), message }
}

/// As [`search`], with `k` over the bytes as they stand.
fn plain(
    key: (EdwardsPoint, EdwardsPoint),
    r: (EdwardsPoint, EdwardsPoint),
    vanishes: bool,
    s: impl Fn(Scalar) -> Scalar,
) -> Case {
    let (key_bytes, r_bytes) = (bytes(key.0 + key.1), bytes(r.0 + r.1));
    search((key_bytes, key.1), (r_bytes, r.1), (r_bytes, key_bytes), vanishes, s)
}

const SECRET: u64 = 1;
const NONCE: u64 = 2;

fn identity() -> EdwardsPoint {
    EIGHT_TORSION[0]
}

/// Case 0: A and R of small order, S = 0. One signature for an eighth of all messages.
#[test]
fn sig_01_small_key_and_small_r_are_refused() {
    let mut forged = 0;
    for torsion in EIGHT_TORSION {
        for r in EIGHT_TORSION {
            let k_fits = |message: &u64| {
                let k = challenge(bytes(r), bytes(torsion), *message);
                (r + k * torsion).is_identity()
            };
            let Some(message) = (0..64).find(k_fits) else { continue };
            let case = Case { key: bytes(torsion), r: bytes(r), s: [0; 32], message };
            assert_eq!(case.holds(), (true, true));
            case.mismatches();
            forged += 1;
        }
    }
    assert!(forged >= 15, "only {forged} forgeries were tried");
}

/// Case 1: A of small order, R of mixed order. Whoever asks for no signature at all passes lax verifiers.
#[test]
fn sig_01_small_key_and_mixed_r_are_refused() {
    for torsion in EIGHT_TORSION {
        for r_torsion in EIGHT_TORSION {
            let case = Case {
                key: bytes(torsion),
                r: bytes(scalar(NONCE) * B + r_torsion),
                s: scalar(NONCE).to_bytes(),
                message: 0,
            };
            assert!(case.holds().1, "at least the equation times 8");
            case.mismatches();
        }
    }
    let (key, r) = ((identity(), EIGHT_TORSION[1]), (scalar(NONCE) * B, EIGHT_TORSION[3]));
    let case = plain(key, r, true, |_| scalar(NONCE));
    assert_eq!(case.holds(), (true, true));
    case.mismatches();
}

/// Case 2: A of mixed order, R of small order: a nonce of zero, which shows the secret.
#[test]
fn sig_01_small_r_is_refused() {
    for torsion in EIGHT_TORSION {
        let key = (scalar(SECRET) * B, EIGHT_TORSION[1]);
        let case = plain(key, (identity(), torsion), true, |k| k * scalar(SECRET));
        assert_eq!(case.holds(), (true, true));
        case.mismatches();
    }
}

/// Case 3: A and R of mixed order, and the torsion vanishes. The equation holds as it stands, so the signature does.
#[test]
fn sig_01_mixed_order_holds_where_the_torsion_vanishes() {
    for torsion in &EIGHT_TORSION[1..] {
        let key = (scalar(SECRET) * B, EIGHT_TORSION[1]);
        let case = plain(key, (scalar(NONCE) * B, *torsion), true, |k| scalar(NONCE) + k * scalar(SECRET));
        assert_eq!(case.holds(), (true, true));
        assert_eq!(case.verify(), Ok(()));
    }
}

/// Cases 4 and 5: the torsion does not vanish, so only the equation times 8 holds; in case 5 R has none of its own.
#[test]
fn sig_01_equation_times_the_cofactor_is_not_enough() {
    for torsion in EIGHT_TORSION {
        let key = (scalar(SECRET) * B, EIGHT_TORSION[1]);
        let case = plain(key, (scalar(NONCE) * B, torsion), false, |k| scalar(NONCE) + k * scalar(SECRET));
        assert_eq!(case.holds(), (false, true));
        case.mismatches();
    }
}

/// Cases 6 and 7: S plus a multiple of the group order, small and large: the same number in other bytes.
#[test]
fn sig_01_s_from_the_group_order_on_is_refused() {
    let key = (scalar(SECRET) * B, identity());
    let case = plain(key, (scalar(NONCE) * B, identity()), true, |k| scalar(NONCE) + k * scalar(SECRET));
    assert_eq!(case.verify(), Ok(()));
    for multiple in 1..16u8 {
        let s = plus_orders(case.s, multiple);
        let changed = Case { s, ..case };
        assert_eq!(changed.holds(), (true, true), "the same number modulo the order");
        changed.mismatches();
    }
    let zero =
        Case { s: plus_orders([0; 32], 1), ..plain(key, (identity(), identity()), true, |_| Scalar::ZERO) };
    zero.mismatches();
}

fn plus_orders(mut s: [u8; 32], multiple: u8) -> [u8; 32] {
    let minus_one = (-Scalar::ONE).to_bytes();
    for _ in 0..multiple {
        // Adds the order minus one, and one.
        let mut carry = 1;
        for (byte, order) in s.iter_mut().zip(minus_one) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
    }
    s
}

/// Cases 8 and 9: R in an encoding that is not canonical, with `k` over that encoding or over the canonical one.
#[test]
fn sig_01_r_that_is_not_canonical_is_refused() {
    for encoding in [Y_IS_P, Y_IS_P_AND_1] {
        let point = CompressedEdwardsY(encoding).decompress().expect("a point of small order");
        let key = bytes(scalar(SECRET) * B + EIGHT_TORSION[1]);
        for hashed_r in [encoding, bytes(point)] {
            let r = (encoding, point);
            let case = search((key, EIGHT_TORSION[1]), r, (hashed_r, key), true, |k| k * scalar(SECRET));
            assert_eq!(case.equations(hashed_r, key), (true, true));
            case.mismatches();
        }
    }
}

/// Cases 10 and 11: A in an encoding that is not canonical, with `k` over that encoding or over the canonical one.
#[test]
fn sig_01_key_that_is_not_canonical_is_refused() {
    for encoding in [Y_IS_P, Y_IS_P_AND_1] {
        let point = CompressedEdwardsY(encoding).decompress().expect("a point of small order");
        let r_torsion = EIGHT_TORSION[4];
        let r = bytes(scalar(NONCE) * B + r_torsion);
        for hashed_key in [encoding, bytes(point)] {
            // Half of the messages, or none for the identity, make the torsion vanish.
            let r = if point.is_identity() { (bytes(scalar(NONCE) * B), identity()) } else { (r, r_torsion) };
            let key = (encoding, point);
            let case = search(key, r, (r.0, hashed_key), true, |_| scalar(NONCE));
            assert_eq!(case.equations(r.0, hashed_key), (true, true));
            case.has_no_key();
        }
    }
    // With the other sign, too, and for every y above the field's order: some are points of large order.
    for above in 0..19 {
        for sign in [0, 0x80] {
            let mut key = y_above_p(above);
            key[31] |= sign;
            Case { key, r: bytes(B), s: [1; 32], message: 0 }.has_no_key();
        }
    }
    // x = 0 has no sign: the other encoding of 1 and of -1 is of small order.
    for y in [Scalar::ONE.to_bytes(), y_minus_one()] {
        let mut key = y;
        key[31] |= 0x80;
        assert!(CompressedEdwardsY(key).decompress().is_none_or(|point| point.is_small_order()));
        assert!(Case { key, r: bytes(B), s: [0; 32], message: 0 }.verify().is_err());
    }
}

/// y = p - 1, the point of order 2.
fn y_minus_one() -> [u8; 32] {
    let mut bytes = y_above_p(0);
    bytes[0] -= 1;
    bytes
}
