//! secp256k1 keys and signatures as Ethereum uses them (rule SIG-04).
//!
//! A signature is `r`, `s` and the parity of the nonce point's y. The key that signed is recovered from it, so for one
//! key and digest exactly one signature must hold: `r` and `s` are in `1..n`, and `s` is at most half of `n` (EIP-2).
//! The two further recovery ids of ECDSA, for an `r` that overflowed, have no form here.

use alloy_primitives::keccak256;
use k256::Secp256k1;
use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use k256::elliptic_curve::scalar::IsHigh;
use k256::elliptic_curve::sec1::CompressedPoint;
use thiserror::Error;

use crate::address::Address;
use crate::macros::fixed_bytes;

fixed_bytes!(
    /// A secp256k1 public key, compressed: a byte 2 or 3 for the parity of y, and x.
    Secp256k1PublicKey, 33
);

/// A signature from which no key is recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Secp256k1Error {
    /// `r` or `s` is 0, or not below the group order.
    #[error("r or s is not between 1 and the group order")]
    Range,
    /// `s` is over half of the group order: the same signature in another form (EIP-2).
    #[error("s is over half of the group order")]
    HighS,
    /// No point has `r` as its x, or the key would be the point at infinity.
    #[error("no key makes this signature")]
    NoKey,
    /// Secret bytes that are 0 or not below the group order.
    #[error("a secret key is between 1 and the group order")]
    SecretKey,
}

/// A signature over a 32-byte digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecoverableSignature {
    pub(crate) r: [u8; 32],
    pub(crate) s: [u8; 32],
    pub(crate) y_is_odd: bool,
}

impl RecoverableSignature {
    /// The key that signed, and its account.
    pub(crate) fn recover(&self, digest: &[u8; 32]) -> Result<(Secp256k1PublicKey, Address), Secp256k1Error> {
        let signature = Signature::from_scalars(self.r, self.s).map_err(|_| Secp256k1Error::Range)?;
        if bool::from(signature.s().is_high()) {
            return Err(Secp256k1Error::HighS);
        }
        let id = RecoveryId::new(self.y_is_odd, false);
        let key = VerifyingKey::recover_from_prehash(digest, &signature, id);
        Ok(account_of(&key.map_err(|_| Secp256k1Error::NoKey)?))
    }
}

/// A secp256k1 secret key; wiped from memory when dropped, never printed.
///
/// ```
/// use dfsn_types::Secp256k1SecretKey;
///
/// // The first account of every development wallet.
/// let secret = hex::decode("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")?;
/// let key = Secp256k1SecretKey::from_bytes(secret.as_slice().try_into()?)?;
/// assert_eq!(key.address().to_eip55(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Secp256k1SecretKey(SigningKey);

impl Secp256k1SecretKey {
    /// The key of 32 secret bytes, a big-endian number.
    ///
    /// # Errors
    /// [`Secp256k1Error::SecretKey`] for 0 and for numbers from the group order on.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Secp256k1Error> {
        SigningKey::from_slice(bytes).map(Self).map_err(|_| Secp256k1Error::SecretKey)
    }

    /// The public half.
    pub fn public_key(&self) -> Secp256k1PublicKey {
        account_of(self.0.verifying_key()).0
    }

    /// The account: the last 20 bytes of the public key's Keccak-256.
    pub fn address(&self) -> Address {
        account_of(self.0.verifying_key()).1
    }

    /// Signs a digest; the same digest always gives the same signature (RFC 6979).
    pub(crate) fn sign(&self, digest: &[u8; 32]) -> RecoverableSignature {
        let (signature, id) = self.0.sign_prehash_recoverable(digest);
        let (r, s) = signature.split_bytes();
        RecoverableSignature { r: r.into(), s: s.into(), y_is_odd: id.is_y_odd() }
    }
}

impl core::fmt::Debug for Secp256k1SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Secp256k1SecretKey(of {})", self.address().to_eip55())
    }
}

fn account_of(key: &VerifyingKey) -> (Secp256k1PublicKey, Address) {
    let compressed: [u8; 33] = CompressedPoint::<Secp256k1>::from(key).into();
    let point = key.to_sec1_point(false);
    // x and y, behind a byte that tells the form.
    let coordinates = point.as_bytes().get(1..).unwrap_or_default();
    (Secp256k1PublicKey::from_bytes(compressed), Address::from_last_20(&keccak256(coordinates).0))
}
