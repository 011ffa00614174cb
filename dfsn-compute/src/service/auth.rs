//! Signed requests and replies (ADR 0045).
//!
//! A request's header names its time, a nonce and the hash of its body, and signs them with method, path and the key of
//! whom it is for. The header is checked before the body is read, so a stranger costs one signature check. A reply signs
//! the request's signature, so that it answers this request and no other.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use dfsn_types::{Domain, FileHash, PublicKey, SecretKey, Signature, SigningDigest};

use super::refusal::Refusal;

/// Header of a request.
pub const CALL_HEADER: &str = "dfsn-call";
/// Header of a reply.
pub const REPLY_HEADER: &str = "dfsn-reply";
/// Longest header of a request: time, nonce, hash and signature in text.
const MAX_HEADER_BYTES: usize = 20 + 1 + 32 + 1 + 64 + 1 + 128;

/// What a request says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallHeader {
    /// When it was signed, Unix milliseconds.
    pub timestamp_ms: u64,
    /// Makes it unique.
    pub nonce: [u8; 16],
    /// Hash of its body.
    pub body: FileHash,
    /// By the caller, over all of it.
    pub signature: Signature,
}

impl CallHeader {
    /// Signs a request to `audience`.
    pub fn sign(
        key: &SecretKey,
        audience: &PublicKey,
        call: Call<'_>,
        timestamp_ms: u64,
        nonce: [u8; 16],
    ) -> Self {
        let signature = key.sign(&call.digest(audience, timestamp_ms, nonce));
        Self { timestamp_ms, nonce, body: call.body, signature }
    }

    /// Checks that `caller` signed this request to `audience`. Time and nonce are for [`super::replay::ReplayGuard`].
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`].
    pub fn check(
        &self,
        caller: &PublicKey,
        audience: &PublicKey,
        method: &str,
        path: &str,
    ) -> Result<(), Refusal> {
        let call = Call { method, path, body: self.body };
        let digest = call.digest(audience, self.timestamp_ms, self.nonce);
        caller.verify(&digest, &self.signature).map_err(|_| Refusal::Unauthorized)
    }
}

impl std::fmt::Display for CallHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}.{}", self.timestamp_ms, hex::encode(self.nonce), self.body, self.signature)
    }
}

impl FromStr for CallHeader {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_HEADER_BYTES {
            return Err(Refusal::Unauthorized);
        }
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(Refusal::Unauthorized);
        let timestamp_ms = part()?.parse().map_err(|_| Refusal::Unauthorized)?;
        let mut nonce = [0; 16];
        hex::decode_to_slice(part()?, &mut nonce).map_err(|_| Refusal::Unauthorized)?;
        let body = part()?.parse().map_err(|_| Refusal::Unauthorized)?;
        let signature = part()?.parse().map_err(|_| Refusal::Unauthorized)?;
        if parts.next().is_some() {
            return Err(Refusal::Unauthorized);
        }
        Ok(Self { timestamp_ms, nonce, body, signature })
    }
}

/// A request, but for who makes it when.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'a str,
    /// Path and query, from `/v1/` on.
    pub path: &'a str,
    /// Hash of the body.
    pub body: FileHash,
}

impl Call<'_> {
    fn digest(&self, audience: &PublicKey, timestamp_ms: u64, nonce: [u8; 16]) -> SigningDigest {
        let Self { method, path, body } = self;
        SigningDigest::new(Domain::SignComputeCall, &(audience, method, path, body, timestamp_ms, nonce))
    }
}

/// What a reply signs.
pub fn reply_digest(call: &Signature, status: u16, body: &[u8]) -> SigningDigest {
    SigningDigest::new(Domain::SignComputeReply, &(call, status, FileHash::of(body)))
}

/// Now, in Unix milliseconds.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
