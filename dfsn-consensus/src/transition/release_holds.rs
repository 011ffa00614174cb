//! ReleaseHolds: held penalties go back when two thirds of the network say that a bug imposed them.

use dfsn_types::{Address, Fault, Timestamp};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::{HoldClass, Vote};

impl Execution {
    /// Votes for giving a class of held penalties back (rules GOV-01, GOV-03, GOV-06).
    pub(super) fn vote_to_release(
        &mut self,
        sender: Address,
        fault: Fault,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(), TransactionFailure> {
        if from > to {
            return Err(TransactionFailure::NoHolds { from, to });
        }
        let (voter, now) = (self.voter(&sender)?, self.state.tip.timestamp);
        let proposal = HoldClass { fault, from, to };
        if let Some(validator) = self.state.validators.get_mut(&voter) {
            validator.votes.release = Some(Vote { proposal, at: now });
        }
        let governance = &self.state.params.governance;
        let (share, vote_ms) = (governance.release_share, governance.vote_ms);
        let supports = |vote: &Option<Vote<HoldClass>>| {
            vote.as_ref().is_some_and(|vote| vote.supports(&proposal, now, vote_ms))
        };
        if self.has_share(share, |validator| supports(&validator.votes.release)) {
            self.forget_votes(|validator| {
                validator.votes.release.take_if(|vote| vote.proposal == proposal);
            });
            self.release_holds(fault, from, to);
        }
        Ok(())
    }
}
