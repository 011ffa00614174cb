//! Errors: one enum per concern, one variant per rule of docs/spec, whose id opens its message.

mod block;
mod duty;
mod failure;
mod include;

pub use block::BlockRuleError;
pub use duty::DutyError;
pub use failure::TransactionFailure;
pub use include::IncludeError;

use dfsn_types::RuleId;

/// An error that a numbered rule of docs/spec causes.
pub trait Rule: core::fmt::Display {
    /// The id of the rule broken, for example `TX-02`.
    fn rule(&self) -> RuleId {
        let text = self.to_string();
        let id = text.split(':').next().unwrap_or_default();
        RuleId::new(id).unwrap_or_default()
    }
}
