//! Receipt: the requester says that the pictures are there.

use dfsn_types::{Address, Event, JobId};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::{Phase, Stage};

impl Execution {
    /// Notes the delivery, and settles at once when the audit is over (rules RCP-01 to RCP-03, SET-01).
    pub(super) fn receipt(&mut self, sender: Address, id: JobId) -> Result<(), TransactionFailure> {
        let job = self.state.jobs.get(&id).ok_or(TransactionFailure::UnknownJob(id))?;
        if job.requester != sender {
            return Err(TransactionFailure::NotRequester(id));
        }
        let Stage::Committed(committed) = &job.stage else {
            return Err(TransactionFailure::NothingToReceive(id));
        };
        if job.delivered || committed.paid || committed.commitment.failed().is_some() {
            return Err(TransactionFailure::NothingToReceive(id));
        }
        let over = matches!(committed.phase, Phase::Delivering | Phase::Witnessing(_));
        let Some(mut job) = self.take_job(&id) else { return Err(TransactionFailure::UnknownJob(id)) };
        job.delivered = true;
        self.event(Event::Delivered { job: id });
        if over {
            self.settle(job)
        } else {
            self.put_job(job)
        }
        Ok(())
    }
}
