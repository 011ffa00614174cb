//! Verifiable random function: a keyed hash whose result anyone can check against the public key.
//!
//! The suite is ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381 (suite string `0x03`, rule VRF-01), with the key
//! validation of section 5.4.5. For one public key and one input there is exactly one output, so a key owner can withhold
//! an output but cannot choose it. Proofs are another matter: an owner can make several valid proofs of the
//! same output, so hash and compare [`VrfOutput`]s, never proof bytes (rule VRF-04).
//!
//! A VRF key must not also be a signing key: derive it from a seed of its own.
//!
//! ```
//! use dfsn_types::vrf::{VrfError, VrfSecretKey};
//!
//! let secret_key = VrfSecretKey::from_seed(&[7; 32]);
//! let proof = secret_key.prove(b"job 42")?;
//!
//! let output = secret_key.public_key().verify(b"job 42", &proof)?;
//! assert_eq!(output, secret_key.evaluate(b"job 42")?);
//! assert!(secret_key.public_key().verify(b"job 43", &proof).is_err());
//! # Ok::<(), VrfError>(())
//! ```

mod encoding;
mod error;
mod suite;

use std::fmt;

use curve25519_dalek::{
    edwards::EdwardsPoint,
    scalar::{Scalar, clamp_integer},
    traits::VartimeMultiscalarMul,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use self::error::VrfError;
use self::suite::CHALLENGE_LEN;

/// The secret half of a VRF key: proves, and is wiped from memory when dropped.
///
/// Nothing prints, encodes or clones it; keep the seed it came from.
pub struct VrfSecretKey {
    scalar: Scalar,
    nonce_prefix: [u8; 32],
    public_key: VrfPublicKey,
}

impl VrfSecretKey {
    /// Derives the key from 32 secret, uniformly random bytes, as Ed25519 does (RFC 8032 section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let expanded = suite::sha512_secret(&[seed]);
        let (mut scalar_bytes, mut nonce_prefix) = (Zeroizing::new([0; 32]), [0; 32]);
        scalar_bytes.copy_from_slice(&expanded[..32]);
        nonce_prefix.copy_from_slice(&expanded[32..]);

        *scalar_bytes = clamp_integer(*scalar_bytes);
        let scalar = Scalar::from_bytes_mod_order(*scalar_bytes);
        // Valid by construction: a clamped scalar is never 0 modulo the group order.
        let public_key = VrfPublicKey(EdwardsPoint::mul_base(&scalar).compress().to_bytes());
        Self { scalar, nonce_prefix, public_key }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> VrfPublicKey {
        self.public_key
    }

    /// Proves the output for `alpha` (RFC 9381 section 5.1). The same input always gives the same proof.
    ///
    /// # Errors
    /// [`VrfError::NoCurvePoint`], which has a chance of about 2^-256 for any input.
    pub fn prove(&self, alpha: &[u8]) -> Result<VrfProof, VrfError> {
        let input_point = suite::encode_to_curve(self.public_key.as_bytes(), alpha)?;
        let input = input_point.compress();
        let nonce = Zeroizing::new(suite::nonce(&self.nonce_prefix, input.as_bytes()));

        let [gamma, u, v] = EdwardsPoint::compress_batch(&[
            self.scalar * input_point,
            EdwardsPoint::mul_base(&nonce),
            *nonce * input_point,
        ]);
        let challenge = suite::challenge([self.public_key.as_bytes(), &input.0, &gamma.0, &u.0, &v.0]);
        let response = *nonce + suite::challenge_scalar(&challenge) * self.scalar;
        Ok(VrfProof::from_parts(&gamma.0, &challenge, response.as_bytes()))
    }

    /// The output for `alpha` without a proof, at about half the cost of [`prove`](Self::prove).
    ///
    /// # Errors
    /// [`VrfError::NoCurvePoint`], which has a chance of about 2^-256 for any input.
    pub fn evaluate(&self, alpha: &[u8]) -> Result<VrfOutput, VrfError> {
        let gamma = self.scalar * suite::encode_to_curve(self.public_key.as_bytes(), alpha)?;
        Ok(VrfOutput(suite::output(&gamma.mul_by_cofactor().compress())))
    }
}

impl fmt::Debug for VrfSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VrfSecretKey").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

impl Drop for VrfSecretKey {
    fn drop(&mut self) {
        self.scalar.zeroize();
        self.nonce_prefix.zeroize();
    }
}

impl ZeroizeOnDrop for VrfSecretKey {}

/// The public half of a VRF key: 32 bytes that decode to a curve point of large order.
///
/// Every way to obtain one, decoding included, checks that (rule VRF-02); a small-order key would void the
/// uniqueness of outputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VrfPublicKey([u8; 32]);

impl VrfPublicKey {
    /// Checks and takes an encoded key (RFC 9381 section 5.4.5, RFC 8032 section 5.1.3).
    ///
    /// # Errors
    /// [`VrfError::PublicKeyEncoding`] if the bytes are not the one encoding of a curve point,
    /// [`VrfError::PublicKeySmallOrder`] if the order of the point divides 8.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, VrfError> {
        let point = suite::decode_point(bytes).ok_or(VrfError::PublicKeyEncoding(*bytes))?;
        if point.is_small_order() {
            return Err(VrfError::PublicKeySmallOrder(*bytes));
        }
        Ok(Self(*bytes))
    }

    /// The 32 encoded bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks that `proof` was made for `alpha` with this key and returns the output it proves
    /// (RFC 9381 section 5.3). Takes variable time: nothing here is secret.
    ///
    /// # Errors
    /// [`VrfError::GammaEncoding`] or [`VrfError::ScalarRange`] if the proof does not decode,
    /// [`VrfError::ProofMismatch`] if it proves something else.
    pub fn verify(&self, alpha: &[u8], proof: &VrfProof) -> Result<VrfOutput, VrfError> {
        let DecodedProof { gamma, gamma_bytes, challenge, response } = proof.decode()?;
        let key = suite::decode_point(&self.0).ok_or(VrfError::PublicKeyEncoding(self.0))?;
        let input_point = suite::encode_to_curve(&self.0, alpha)?;

        // Negating the points, not the challenge, keeps the challenge at 128 bits: fewer additions.
        let c = suite::challenge_scalar(&challenge);
        let u = EdwardsPoint::vartime_double_scalar_mul_basepoint(&c, &-key, &response);
        let v = EdwardsPoint::vartime_multiscalar_mul([&response, &c], [&input_point, &-gamma]);

        let [input, u, v, output_point] =
            EdwardsPoint::compress_batch(&[input_point, u, v, gamma.mul_by_cofactor()]);
        if suite::challenge([&self.0, &input.0, &gamma_bytes, &u.0, &v.0]) != challenge {
            return Err(VrfError::ProofMismatch { public_key: *self });
        }
        Ok(VrfOutput(suite::output(&output_point)))
    }
}

/// A proof: an encoded point `Gamma` (32 bytes), a challenge `c` (16) and a response `s` (32).
///
/// Any 80 bytes make one; [`VrfPublicKey::verify`] is what judges them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VrfProof([u8; Self::LEN]);

impl VrfProof {
    /// Length in bytes.
    pub const LEN: usize = 80;

    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self(*bytes)
    }

    /// The 80 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    fn from_parts(gamma: &[u8; 32], challenge: &[u8; CHALLENGE_LEN], response: &[u8; 32]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..32].copy_from_slice(gamma);
        bytes[32..48].copy_from_slice(challenge);
        bytes[48..].copy_from_slice(response);
        Self(bytes)
    }

    /// RFC 9381 section 5.4.4, and `s` below the group order (rule VRF-03).
    fn decode(&self) -> Result<DecodedProof, VrfError> {
        let (mut gamma, mut challenge, mut response) = ([0; 32], [0; CHALLENGE_LEN], [0; 32]);
        gamma.copy_from_slice(&self.0[..32]);
        challenge.copy_from_slice(&self.0[32..48]);
        response.copy_from_slice(&self.0[48..]);

        let gamma_point = suite::decode_point(&gamma).ok_or(VrfError::GammaEncoding(gamma))?;
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(response).into();
        let response = scalar.ok_or(VrfError::ScalarRange(response))?;
        Ok(DecodedProof { gamma: gamma_point, gamma_bytes: gamma, challenge, response })
    }
}

struct DecodedProof {
    gamma: EdwardsPoint,
    gamma_bytes: [u8; 32],
    challenge: [u8; CHALLENGE_LEN],
    response: Scalar,
}

/// The 64 pseudo-random bytes that a key and an input determine.
///
/// It comes from [`VrfPublicKey::verify`] or [`VrfSecretKey::evaluate`]; a decoded one is only as good as
/// where its bytes come from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VrfOutput([u8; Self::LEN]);

impl VrfOutput {
    /// Length in bytes.
    pub const LEN: usize = 64;

    /// The 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The first 16 bytes as a big-endian integer, uniform over all of `u128`: what a sortition threshold
    /// is compared with (rule VRF-05).
    #[must_use]
    pub fn first_u128(&self) -> u128 {
        let mut first = [0; 16];
        first.copy_from_slice(&self.0[..16]);
        u128::from_be_bytes(first)
    }
}
