//! RequestAudit: the requester doubts a result.

use dfsn_types::{Address, Event, JobId};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::{Committed, JobKind, Phase, Stage};

impl Execution {
    /// Opens the second audit of an attempt, at the rate of the ramp (rules CHL-01 to CHL-03).
    pub(super) fn request_audit(&mut self, sender: Address, id: JobId) -> Result<(), TransactionFailure> {
        let job = self.state.jobs.get(&id).ok_or(TransactionFailure::UnknownJob(id))?;
        if job.requester != sender {
            return Err(TransactionFailure::NotRequester(id));
        }
        let committed = job.committed().filter(|_| job.kind == JobKind::Request);
        let committed = committed.ok_or(TransactionFailure::NothingToAudit(id))?;
        self.check_challenge(id, committed)?;
        let fees = self.state.params.economics.audit_request_fees;
        let amount = job.audit_fee.checked_mul(fees).ok_or(TransactionFailure::PriceOverflow)?;
        let deposit = self.spend(&sender, amount)?;
        let window = self.window(self.state.params.windows.claim_ms);
        let Some(mut job) = self.take_job(&id) else { return Err(TransactionFailure::UnknownJob(id)) };
        if let Stage::Committed(committed) = &mut job.stage {
            committed.round = committed.round.saturating_add(1);
            committed.requested = true;
            committed.deposit.put(deposit);
            committed.phase = Phase::Claiming;
            committed.window = window;
        }
        self.event(Event::AuditRequested { job: id, attempt: job.attempt, deposit: amount });
        self.put_job(job);
        Ok(())
    }

    fn check_challenge(&self, id: JobId, committed: &Committed) -> Result<(), TransactionFailure> {
        let is_over = matches!(committed.phase, Phase::Delivering | Phase::Witnessing(_) | Phase::Standing);
        if committed.requested || !is_over {
            return Err(TransactionFailure::NothingToAudit(id));
        }
        let (clock, until) = (self.state.tip.clock, committed.challenge_until);
        if clock > until {
            return Err(TransactionFailure::ChallengeOver { clock, until });
        }
        Ok(())
    }
}
