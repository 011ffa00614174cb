//! Answers of a node that a wallet or a web page checks by itself, against a header.
//!
//! A [`StateAnswer`] shows one record of the state, or that there is none; a [`ReceiptAnswer`] and an [`EventAnswer`] what one
//! block caused. Each is checked against a root of a header. What a header itself is worth, a
//! [`HeaderChain`](crate::HeaderChain) says.

mod account;
mod error;
mod job;
mod receipt;
mod section;
mod state;
mod validator;

pub use account::AccountRecord;
pub use error::ProofError;
pub use job::{JobRecord, JobStage};
pub use receipt::{EventAnswer, ReceiptAnswer, ShownReceipt};
pub use section::StateSection;
pub use state::{StateAnswer, StateRecord, state_root};
pub use validator::{PairStanding, ValidatorRecord};
