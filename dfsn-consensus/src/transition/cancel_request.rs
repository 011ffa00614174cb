//! CancelRequest: a request is taken back before anybody has accepted it.

use dfsn_types::{Address, JobId, RefundReason};

use super::Execution;
use crate::error::TransactionFailure;
use crate::state::{JobKind, Stage};

impl Execution {
    /// Ends a pending or drawn job; the price goes back, but for a fee (rules CAN-01, CAN-02).
    pub(super) fn cancel_request(&mut self, sender: Address, id: JobId) -> Result<(), TransactionFailure> {
        let job = self.state.jobs.get(&id).ok_or(TransactionFailure::UnknownJob(id))?;
        if job.requester != sender {
            return Err(TransactionFailure::NotRequester(id));
        }
        let is_waiting = matches!(job.stage, Stage::Pending { .. } | Stage::Drawn { .. });
        if job.kind != JobKind::Request || !is_waiting {
            return Err(TransactionFailure::NotCancellable(id));
        }
        let Some(job) = self.take_job(&id) else { return Err(TransactionFailure::UnknownJob(id)) };
        if let Stage::Drawn { worker, .. } = &job.stage {
            let worker = *worker;
            self.close_open_job(&job, &worker);
        }
        self.take_back(job, RefundReason::Cancelled);
        Ok(())
    }
}
