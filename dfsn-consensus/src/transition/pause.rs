//! PauseJobs: new jobs and the chain clock stand for a while.

use dfsn_types::{Address, Event, Timestamp};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::Vote;

impl Execution {
    /// Votes for a pause, or for its end; the guardian needs no votes (rules GOV-01 to GOV-04).
    pub(super) fn pause_jobs(&mut self, sender: Address, until: Timestamp) -> Result<(), TransactionFailure> {
        let now = self.state.tip.timestamp;
        let latest = now.after(self.state.params.governance.pause_ms_max);
        if until > latest {
            return Err(TransactionFailure::PauseTooLong { until, latest });
        }
        // All times that are over ask for the same: to go on.
        let until = if until > now { until } else { Timestamp::ZERO };
        if self.is_guardian(&sender) {
            self.set_pause(until);
            return Ok(());
        }
        let voter = self.voter(&sender)?;
        if let Some(validator) = self.state.validators.get_mut(&voter) {
            validator.votes.pause = Some(Vote { proposal: until, at: now });
        }
        let (share, vote_ms) =
            (self.state.params.governance.pause_share, self.state.params.governance.vote_ms);
        let supports =
            |vote: &Option<Vote<Timestamp>>| vote.is_some_and(|vote| vote.supports(&until, now, vote_ms));
        if self.has_share(share, |validator| supports(&validator.votes.pause)) {
            self.forget_votes(|validator| {
                validator.votes.pause.take_if(|vote| vote.proposal == until);
            });
            self.set_pause(until);
        }
        Ok(())
    }

    /// New jobs are refused while jobs are paused (rule GOV-05).
    pub(super) fn check_not_paused(&self) -> Result<(), TransactionFailure> {
        match self.state.pause(self.state.tip.timestamp) {
            Some(until) => Err(TransactionFailure::JobsPaused(until)),
            None => Ok(()),
        }
    }

    fn is_guardian(&self, account: &Address) -> bool {
        let height = self.state.tip.height;
        self.state
            .guardian
            .is_some_and(|guardian| guardian.account == *account && height <= guardian.until_height)
    }

    fn set_pause(&mut self, until: Timestamp) {
        let was_paused = self.state.pause(self.state.tip.timestamp).is_some();
        if until == Timestamp::ZERO {
            self.state.paused_until = None;
            if was_paused {
                self.event(Event::JobsResumed);
            }
        } else {
            self.state.paused_until = Some(until);
            self.event(Event::JobsPaused { until });
        }
    }
}
