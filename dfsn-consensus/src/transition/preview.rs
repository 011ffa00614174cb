//! What a transaction would do, for wallets that must say so before they sign.

use dfsn_types::{Address, Amount, Hash, TransactionId, TransactionKind};

use super::{BlockContext, Execution};
use crate::error::TransactionFailure;
use crate::state::ChainState;

/// What a transaction of this kind would move beside its fee, were it alone in the next block: the value that an Ethereum
/// transaction must have (rule ETH-08). The fee is not counted. It binds nobody; prices and deposits may change until a block
/// has it.
///
/// # Errors
/// [`TransactionFailure`] when it would fail.
pub fn preview(
    state: &ChainState,
    sender: Address,
    kind: &TransactionKind,
) -> Result<Amount, TransactionFailure> {
    // At its parent's time, and by nobody.
    let timestamp = state.tip.timestamp;
    let context = BlockContext { timestamp, fee_recipient: sender, beacon_proof: None };
    let mut execution = Execution::start(state, &context, None);
    execution.run(sender, kind, TransactionId::from(Hash::from_bytes([0; 32])), 0)?;
    Ok(execution.call.moved)
}
