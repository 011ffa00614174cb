//! Why a VRF key or proof was refused.

use thiserror::Error;

use super::VrfPublicKey;

/// Why a VRF key or proof was refused. Every variant but [`NoCurvePoint`](Self::NoCurvePoint) means that
/// the bytes are invalid for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VrfError {
    /// The public key is not the one valid encoding of a curve point.
    #[error("vrf public key {}: not the canonical encoding of an edwards25519 point", hex::encode(.0))]
    PublicKeyEncoding([u8; 32]),
    /// The order of the public key divides 8, so its outputs would not be unique (RFC 9381 section 5.4.5).
    #[error("vrf public key {}: a point of small order; generate the key from a seed", hex::encode(.0))]
    PublicKeySmallOrder([u8; 32]),
    /// The first 32 bytes of the proof are not the one valid encoding of a curve point.
    #[error("vrf proof: Gamma {} is not the canonical encoding of an edwards25519 point", hex::encode(.0))]
    GammaEncoding([u8; 32]),
    /// The last 32 bytes of the proof, little-endian, are not below the group order.
    #[error("vrf proof: s {} is not below the group order", hex::encode(.0))]
    ScalarRange([u8; 32]),
    /// The proof is well formed but does not prove this input under this key.
    #[error("vrf proof: does not match public key {public_key} and the given input")]
    ProofMismatch {
        /// The key it was checked against.
        public_key: VrfPublicKey,
    },
    /// None of the 256 tries to hash the input to the curve gave a point. No such input is known.
    #[error("vrf input: no curve point in 256 tries under public key {}; use another input", hex::encode(.0))]
    NoCurvePoint([u8; 32]),
}
