//! What a transaction would do.

use dfsn_consensus::Rule;
use dfsn_consensus::state::ChainState;
use dfsn_consensus::transition;
use dfsn_types::{Address, Amount, RuleId, TransactionKind};
use serde::{Deserialize, Serialize};

/// What a transaction would do, were it alone in the next block. It binds nobody: prices and deposits may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preview {
    /// It would move so much beside its fee.
    Moves(Amount),
    /// It would fail by this rule.
    Fails(RuleId),
}

impl Preview {
    /// Runs it on a state, which stays as it is.
    pub fn of(state: &ChainState, sender: Address, kind: &TransactionKind) -> Self {
        match transition::preview(state, sender, kind) {
            Ok(moved) => Self::Moves(moved),
            Err(failure) => Self::Fails(failure.rule()),
        }
    }
}
