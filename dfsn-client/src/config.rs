//! What a user may set about a client.

use std::time::Duration;

use dfsn_types::Amount;

/// How long a client waits and what fee it offers.
///
/// A transaction offers at most `fee_multiple` times the base fee of the moment, plus the tip, for each unit of gas. It pays
/// only the base fee of its block and the tip, but the account must hold the whole offer (rule TX-04). The base fee rises by at
/// most an eighth a block, so the default multiple of 2 covers the five steepest blocks.
///
/// ```
/// use std::time::Duration;
///
/// use dfsn_client::ClientConfig;
///
/// let patient = ClientConfig { inclusion_timeout: Duration::from_secs(600), ..ClientConfig::default() };
/// assert_eq!(patient.fee_multiple, 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientConfig {
    /// The longest wait for the answer to one call; 30 seconds by default.
    pub call_timeout: Duration,
    /// The longest wait from the node's acceptance of a transaction to a block that holds it; 60 seconds by default.
    pub inclusion_timeout: Duration,
    /// The base fee on offer, in base fees of the moment; 2 by default, 0 counts as 1.
    pub fee_multiple: u32,
    /// Tip for the builder of one unit of gas; zero by default.
    pub max_priority_fee_per_gas: Amount,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_secs(30),
            inclusion_timeout: Duration::from_secs(60),
            fee_multiple: 2,
            max_priority_fee_per_gas: Amount::ZERO,
        }
    }
}
