//! A whole block against its parent's state.

use dfsn_types::{Block, BlockReceipts, Gas, VerifiedTransaction};
use rayon::prelude::*;

use super::{BlockContext, Execution};
use crate::error::BlockRuleError;
use crate::state::ChainState;

/// What a valid block does.
#[derive(Debug)]
#[must_use]
pub struct Transition {
    /// The state after the block.
    pub state: ChainState,
    /// What it caused.
    pub receipts: BlockReceipts,
}

/// Verifies a block on its parent's state and gives its outcome: the same bytes on every machine. The state is under the rules of
/// the block's time: [`Rules::at`](crate::Rules::at).
///
/// # Errors
/// [`BlockRuleError`] names the first rule broken; the block is then invalid on this parent for ever.
pub fn state_transition(parent: &ChainState, block: &Block) -> Result<Transition, BlockRuleError> {
    let header = block.header();
    block.verify_form(&parent.chain)?;
    let (actual, expected) = (header.parent, parent.tip.hash);
    if actual != expected {
        return Err(BlockRuleError::Parent { actual, expected });
    }
    let (actual, expected) = (header.height, parent.tip.height.next());
    if actual != expected {
        return Err(BlockRuleError::Height { actual, expected });
    }
    let (actual, expected) = (header.base_fee_per_gas, parent.tip.base_fee_per_gas);
    if actual != expected {
        return Err(BlockRuleError::BaseFee { actual, expected });
    }
    let context = BlockContext {
        timestamp: header.timestamp,
        fee_recipient: header.fee_recipient,
        beacon_proof: header.beacon_proof,
    };
    let mut execution = Execution::open(parent, &context)?;
    execution.check_user_lane(&block.body().transactions)?;
    let transactions = verify_transactions(parent, block)?;
    for duty in block.body().duties.iter() {
        execution.apply_duty(duty).map_err(|error| BlockRuleError::Duty { id: duty.id(), error })?;
    }
    for duty in block.body().data.iter() {
        execution.apply_data(duty).map_err(|error| BlockRuleError::Duty { id: duty.id(), error })?;
    }
    for transaction in &transactions {
        let id = transaction.id();
        execution.apply_transaction(transaction).map_err(|error| BlockRuleError::Include { id, error })?;
    }
    let executed = execution.close();
    let mut state = executed.state;
    state.tip.hash = block.hash();
    check_outcome(block, &state, &executed.receipts, executed.gas_used)?;
    Ok(Transition { state, receipts: executed.receipts })
}

/// Checks all signatures of the user lane, on all cores; the outcome does not depend on their number.
pub(crate) fn verify_transactions(
    parent: &ChainState,
    block: &Block,
) -> Result<Vec<VerifiedTransaction>, BlockRuleError> {
    let verify = |signed: &dfsn_types::SignedTransaction| {
        let verified = signed.clone().verify(&parent.chain);
        verified.map_err(|error| BlockRuleError::Transaction { id: signed.id(), error })
    };
    let verified: Vec<_> = block.body().transactions.par_iter().map(verify).collect();
    // Collecting first makes the reported error the first one in order, on any number of cores.
    verified.into_iter().collect()
}

fn check_outcome(
    block: &Block,
    state: &ChainState,
    receipts: &BlockReceipts,
    gas_used: Gas,
) -> Result<(), BlockRuleError> {
    let header = block.header();
    let (actual, expected) = (gas_used, header.gas_used);
    if actual != expected {
        return Err(BlockRuleError::GasUsed { actual, expected });
    }
    let (actual, expected) = (receipts.root(), header.receipts_root);
    if actual != expected {
        return Err(BlockRuleError::ReceiptsRoot { actual, expected });
    }
    let (actual, expected) = (state.root(), header.state_root);
    if actual != expected {
        return Err(BlockRuleError::StateRoot { actual, expected });
    }
    Ok(())
}
