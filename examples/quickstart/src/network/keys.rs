//! Keys of the embedded network, made anew for each run.

use dfsn_types::{Address, SecretKey, VrfSecretKey};

use crate::error::DemoError;

/// A fresh signing key.
pub(crate) fn secret_key() -> Result<SecretKey, DemoError> {
    Ok(SecretKey::from_seed(&seed()?))
}

/// 32 bytes of the operating system's randomness.
pub(crate) fn seed() -> Result<[u8; 32], DemoError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| DemoError::Random(error.to_string()))?;
    Ok(seed)
}

/// All keys of one validator. On a real network the node holds the hot ones and the owner's lies elsewhere.
#[derive(Debug)]
pub(crate) struct ValidatorKeys {
    /// Account that owns the stake.
    pub(crate) owner: Address,
    /// Signs duties.
    pub(crate) duty: SecretKey,
    /// Runs the sortition; made from its seed wherever it is needed.
    vrf_seed: [u8; 32],
    /// The machine that computes.
    pub(crate) compute: SecretKey,
    /// Salts of traces.
    pub(crate) trace_secret: [u8; 32],
}

impl ValidatorKeys {
    /// Fresh keys.
    pub(crate) fn generate() -> Result<Self, DemoError> {
        let owner = Address::from_public_key(&secret_key()?.public_key());
        Ok(Self {
            owner,
            duty: secret_key()?,
            vrf_seed: seed()?,
            compute: secret_key()?,
            trace_secret: seed()?,
        })
    }

    /// The VRF key.
    pub(crate) fn vrf(&self) -> VrfSecretKey {
        VrfSecretKey::from_seed(&self.vrf_seed)
    }
}
