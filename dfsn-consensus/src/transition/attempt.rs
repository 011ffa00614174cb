//! How attempts end without a result: again, or back with the money.

use dfsn_types::{Address, Event, Fault, RefundReason};

use super::Execution;
use crate::state::{Job, JobKind, Outcome, Stage};

impl Execution {
    /// Ends an attempt whose locks are already dealt with. A new one follows while attempts and time are left, else the
    /// requester is refunded, never both (rule JOB-04). The deposit of a failed test is burned (rule TST-06).
    pub(super) fn fail_attempt(&mut self, mut job: Job, worker: Address, fault: Fault) {
        self.event(Event::AttemptFailed { job: job.id, attempt: job.attempt, worker, fault });
        if job.kind == JobKind::Test && fault == Fault::Unanswered {
            return self.refund(job, RefundReason::Untested);
        }
        if job.kind == JobKind::Test {
            let deposit = job.escrow.take_all();
            let burned = deposit.amount();
            self.burn(deposit);
            self.event(Event::TestFailed { job: job.id, validator: worker, burned });
            job.stage = Stage::Ended(Outcome::TestFailed);
            return self.put_job(job);
        }
        if job.attempt.get() >= self.state.params.windows.attempts_max {
            return self.refund(job, RefundReason::AttemptsFailed);
        }
        job.failed_workers.push(worker);
        job.attempt = job.attempt.next();
        job.tries = 0;
        job.passed_over_by.clear();
        job.delivered = false;
        self.wait_for_draw(job, RefundReason::AttemptsFailed);
    }

    /// Back into the queue, two beacons before the next draw (rule DRW-02); with no time left, the money goes back instead.
    pub(super) fn wait_for_draw(&mut self, mut job: Job, otherwise: RefundReason) {
        let tip = &self.state.tip;
        if tip.clock >= job.expires_at {
            return self.refund(job, otherwise);
        }
        let window = crate::state::Window { closes_at: job.expires_at, opened: tip.height };
        job.stage = Stage::Pending { draw_from: tip.height.next().next(), window };
        self.enqueue(job);
    }

    /// Gives the escrow back and ends the job.
    pub(super) fn refund(&mut self, mut job: Job, reason: RefundReason) {
        self.leave_queue(&job);
        let coins = job.escrow.take_all();
        let (requester, amount) = (job.requester, coins.amount());
        self.pay(requester, coins);
        self.event(Event::JobRefunded { job: job.id, requester, amount, reason });
        job.stage = Stage::Ended(Outcome::Refunded(reason));
        self.put_job(job);
    }
}
