//! A validator that a node works for: its name on the chain, and the secret whose keys sign for it.

use dfsn_types::Address;

use crate::keystore::NodeSecret;

/// A validator of this node. Its stake may be another account's: the keys here sign its duties and can spend none of it.
#[derive(Clone, Debug)]
pub struct Operated {
    /// Its name for ever: the account that first staked it.
    pub validator: Address,
    /// Of its duty key and its VRF key.
    pub secret: NodeSecret,
}

impl Operated {
    /// The validator that `owner` staked; without one, that of the secret's own account.
    pub fn new(secret: NodeSecret, owner: Option<Address>) -> Self {
        let validator = owner.unwrap_or_else(|| secret.address());
        Self { validator, secret }
    }
}

/// The validator of the secret's own account.
impl From<NodeSecret> for Operated {
    fn from(secret: NodeSecret) -> Self {
        Self::new(secret, None)
    }
}
