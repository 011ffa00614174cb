//! Ed25519 keys and signatures, verified strictly everywhere.
//!
//! One rule of verification for the whole project (SIG-01): [`PublicKey::verify`] is ed25519-dalek's `verify_strict`
//! (canonical encodings, no small-order points) under a key in its canonical encoding, never the batch form, whose
//! acceptance differs. What is signed is always a [`Domain`] hash, so a signature for one purpose is none for another.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::domain::Domain;
use crate::hash::Hash;
use crate::macros::fixed_bytes;

fixed_bytes!(
    /// An Ed25519 public key. Whether the bytes are a point shows when a signature is checked.
    PublicKey, 32
);
fixed_bytes!(
    /// An Ed25519 signature.
    Signature, 64
);

/// A signature that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The key's bytes are not the encoding of a point of the curve.
    #[error("public key {0} is not the encoding of a point of the curve")]
    InvalidKey(PublicKey),
    /// The equation does not hold, or an encoding is not canonical.
    #[error("signature by {0} does not verify")]
    Mismatch(PublicKey),
}

impl PublicKey {
    /// Checks a signature over a domain hash.
    ///
    /// # Errors
    /// [`SignatureError`] when the key is no point or the signature does not hold strictly.
    pub fn verify(&self, digest: &SigningDigest, signature: &Signature) -> Result<(), SignatureError> {
        let key = VerifyingKey::from_bytes(self.as_bytes()).map_err(|_| SignatureError::InvalidKey(*self))?;
        // Decoding a point takes y modulo the field's order.
        if !self.has_canonical_y() {
            return Err(SignatureError::InvalidKey(*self));
        }
        let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
        key.verify_strict(digest.0.as_bytes(), &signature).map_err(|_| SignatureError::Mismatch(*self))
    }

    /// Whether y, all bits but the highest, is below the field's order 2^255 - 19.
    fn has_canonical_y(&self) -> bool {
        let [first, middle @ .., last] = self.as_bytes();
        *first < 0xed || last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
    }
}

/// The only thing that is ever signed: a hash made in a signing domain (rule SIG-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningDigest(Hash);

impl SigningDigest {
    /// Digest of a value in a signing domain.
    pub fn new<T: borsh::BorshSerialize + ?Sized>(domain: Domain, value: &T) -> Self {
        Self(domain.hash(value))
    }
}

/// An Ed25519 secret key; wiped from memory when dropped, never printed.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key of a 32-byte seed (RFC 8032 secret).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs a domain hash.
    pub fn sign(&self, digest: &SigningDigest) -> Signature {
        Signature::from_bytes(self.0.sign(digest.0.as_bytes()).to_bytes())
    }
}

impl core::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SecretKey(of {})", self.public_key())
    }
}
