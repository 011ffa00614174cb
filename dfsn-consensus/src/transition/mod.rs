//! The state transition: parent state and block in, next state and receipts out.
//!
//! Order within a block (rules BLK-04, TIM-04, DRW-02): header, duties, posted data, transactions, windows that close, unbonding,
//! changes of validators, holds, old records, draws.

mod attempt;
mod audit;
mod cancel_request;
mod change_owner;
mod claim_duty;
mod delivery;
mod dispute;
mod draw;
mod duty;
mod evidence;
mod execution;
mod generation_request;
mod hold;
mod judgement;
mod life;
mod models;
mod money;
mod pause;
mod penalty;
mod preview;
mod receipt;
mod register_compute;
mod release_holds;
mod request_audit;
mod settlement;
mod stake;
mod test_hardware;
mod transaction;
mod verify;
mod votes;
mod windows;

pub(crate) use duty::{check_author, check_data, is_data};
pub use execution::{BlockContext, Executed, Execution};
pub(crate) use execution::{beacon_alpha, verify_beacon};
pub use preview::preview;
pub(crate) use transaction::{check_sender, check_sender_at};
pub(crate) use verify::verify_transactions;
pub use verify::{Transition, state_transition};
