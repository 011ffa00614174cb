//! Building a block: what waits, as far as it is valid and fits.

use dfsn_types::{Block, BlockBody, BoundedVec, Header, SecretKey, SignedDuty, SignedTransaction};

use crate::error::BlockRuleError;
use crate::mempool::Mempool;
use crate::state::ChainState;
use crate::transition::{BlockContext, Execution, Transition, is_data};

/// Builds and signs the block that follows `parent`, with duties oldest first and transactions best-paying first. What is not
/// valid now stays in the pool. The state is under the rules of the block's time: [`Rules::at`](crate::Rules::at).
///
/// # Errors
/// [`BlockRuleError`] when the context breaks a rule: a timestamp before the parent's, a wrong beacon proof.
pub fn build_block(
    parent: &ChainState,
    mempool: &Mempool,
    context: &BlockContext,
    key: &SecretKey,
) -> Result<(Block, Transition), BlockRuleError> {
    let mut execution = Execution::open(parent, context)?;
    let body = fill(&mut execution, parent, mempool);
    let executed = execution.close();
    let mut state = executed.state;
    let header = Header {
        height: state.tip.height,
        parent: parent.tip.hash,
        timestamp: context.timestamp,
        builder: key.public_key(),
        fee_recipient: context.fee_recipient,
        beacon_proof: context.beacon_proof,
        base_fee_per_gas: parent.tip.base_fee_per_gas,
        gas_used: executed.gas_used,
        duties_root: body.duties_root(),
        data_root: body.data_root(),
        transactions_root: body.transactions_root(),
        receipts_root: executed.receipts.root(),
        state_root: state.root(),
    };
    let block = Block::seal(header, body, &parent.chain, key);
    state.tip.hash = block.hash();
    Ok((block, Transition { state, receipts: executed.receipts }))
}

fn fill(execution: &mut Execution, parent: &ChainState, mempool: &Mempool) -> BlockBody {
    let (data, duties): (Vec<_>, Vec<_>) = mempool.duties().partition(|duty| is_data(duty.duty()));
    let valid_duty = |duty: &&SignedDuty| execution.apply_duty(duty).is_ok();
    let duties: Vec<SignedDuty> = duties.into_iter().filter(valid_duty).take(DUTIES_MAX).cloned().collect();
    let valid_data = |duty: &&SignedDuty| execution.apply_data(duty).is_ok();
    let data: Vec<SignedDuty> = data.into_iter().filter(valid_data).take(DATA_MAX).cloned().collect();
    let mut transactions: Vec<SignedTransaction> = Vec::new();
    for transaction in mempool.ready(parent).take(TRANSACTIONS_MAX) {
        if execution.apply_transaction(transaction).is_ok() {
            transactions.push(transaction.signed().clone());
        }
    }
    // All were cut to the bounds of their lanes.
    BlockBody {
        duties: BoundedVec::new(duties).unwrap_or_default(),
        data: BoundedVec::new(data).unwrap_or_default(),
        transactions: BoundedVec::new(transactions).unwrap_or_default(),
    }
}

/// Entries of the duty lane.
const DUTIES_MAX: usize = 4_096;
/// Entries of the data lane.
const DATA_MAX: usize = 512;
/// Entries of the user lane.
const TRANSACTIONS_MAX: usize = 16_384;
