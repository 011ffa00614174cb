//! Blocks and transactions made by hand, to break one rule at a time.

use dfsn_consensus::state::ChainState;
use dfsn_consensus::transition::{BlockContext, Execution};
use dfsn_types::{
    Amount, Block, BlockBody, BoundedVec, DurationMs, DutyKind, Gas, Header, Nonce, SecretKey, SignedDuty,
    SignedTransaction, Transaction, TransactionKind, VerifiedTransaction,
};

use super::setup::{address, sealer};
use super::{BUILDER, TICK_MS, transaction};

/// The block that follows a state with this body, as an honest builder would make it, but for what `edit` does to the header.
/// What is not valid in the body is left out of the execution and stays in the block.
pub(crate) fn block(
    parent: &ChainState,
    duties: Vec<SignedDuty>,
    transactions: Vec<SignedTransaction>,
    edit: impl FnOnce(&mut Header),
) -> Block {
    let timestamp = parent.tip.timestamp.after(DurationMs::new(TICK_MS));
    let context = BlockContext { timestamp, fee_recipient: BUILDER, beacon_proof: None };
    let mut execution = Execution::open(parent, &context).unwrap();
    for duty in &duties {
        let _ = match &duty.duty().kind {
            DutyKind::PostData(_) => execution.apply_data(duty),
            _ => execution.apply_duty(duty),
        };
    }
    for transaction in &transactions {
        if let Ok(verified) = transaction.clone().verify(&parent.chain) {
            let _ = execution.apply_transaction(&verified);
        }
    }
    let executed = execution.close();
    let (data, duties) =
        duties.into_iter().partition::<Vec<_>, _>(|duty| matches!(duty.duty().kind, DutyKind::PostData(_)));
    let body = BlockBody {
        data: BoundedVec::new(data).unwrap(),
        duties: BoundedVec::new(duties).unwrap(),
        transactions: BoundedVec::new(transactions).unwrap(),
    };
    let mut header = Header {
        height: executed.state.tip.height,
        parent: parent.tip.hash,
        timestamp,
        builder: sealer().public_key(),
        fee_recipient: BUILDER,
        beacon_proof: None,
        base_fee_per_gas: parent.tip.base_fee_per_gas,
        gas_used: executed.gas_used,
        duties_root: body.duties_root(),
        data_root: body.data_root(),
        transactions_root: body.transactions_root(),
        receipts_root: executed.receipts.root(),
        state_root: executed.state.root(),
    };
    edit(&mut header);
    Block::seal(header, body, &parent.chain, &sealer())
}

/// A transaction of the account's next nonce, but for what `edit` does to it.
pub(crate) fn signed(
    state: &ChainState,
    key: &SecretKey,
    kind: TransactionKind,
    edit: impl FnOnce(&mut Transaction),
) -> VerifiedTransaction {
    let nonce = state.accounts.get(&address(key)).map_or(Nonce::ZERO, |account| account.nonce);
    let mut transaction = transaction(&state.chain, nonce, kind);
    edit(&mut transaction);
    transaction.sign(&state.chain, key).verify(&state.chain).unwrap()
}

/// A small transfer.
pub(crate) fn transfer() -> TransactionKind {
    TransactionKind::Transfer { to: BUILDER, amount: Amount::from_base_units(1) }
}

/// Gas of a plain transfer.
pub(crate) const TRANSFER_GAS: Gas = Gas::new(21_000);
